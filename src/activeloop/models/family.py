"""Learners that take the profile of the protein's family as a further column, whose weight they learn."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from activeloop.errors import ConfigError
from activeloop.prediction import Learner
from activeloop.priors.profile import Profile


@runtime_checkable
class TakesFamily(Protocol):
    """A learner of variants with a place for the profile of their family."""

    def with_family(self, family: Profile) -> Learner:
        """The same learner, which learns from the labels how much the profile counts."""
        ...


def with_family(learner: Learner, family: Profile) -> Learner:
    """A learner with the profile of the protein's family.

    Args:
        learner: of variants.
        family: of the pool's wild type.

    Raises:
        ConfigError: the learner has no place for it.
    """
    if not isinstance(learner, TakesFamily):
        raise ConfigError(no_place(learner.name))
    return learner.with_family(family)


def no_place(learner: str) -> str:
    """Why a learner cannot have a family, and what to do."""
    return (
        f'the learner "{learner}" has no place for an alignment. Leave the alignment out, or choose another learner: '
        "the default, mutation-gp, plm-prior, stacking, embedding-gp, fine-tuned, site-gp, classifier, ensemble, "
        "forest, alde and dropout learn its weight"
    )
