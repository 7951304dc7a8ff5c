"""Learners set otherwise than by default, by name: what the defaults are compared with."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from activeloop.candidates import Pool
from activeloop.errors import FetchError, TableError
from activeloop.foundation import ESM2
from activeloop.measurements import Assay, Dataset
from activeloop.models.default import library_default
from activeloop.models.embedding import HeadLearner
from activeloop.models.family import with_family
from activeloop.models.finetuning.likelihood import LikelihoodRanker
from activeloop.models.gp.mutation_gp import MutationGP
from activeloop.models.heads.gp import GPHead
from activeloop.models.registry import embedding_gp, fine_tuned, likelihood, plain_encoder, plm_prior, stacking
from activeloop.models.stacking import StackingEnsemble, StackingScale
from activeloop.prediction import Learner
from activeloop.priors.profile import Profile
from activeloop.priors.substitutions import SubstitutionPrior
from activeloop.replay import evaluation, policies
from activeloop.replay.policies import Policy, Protocol, ReplayGoal
from activeloop.replay.sources import DATA


def _stacking(scale: StackingScale = "ranks", first: float = 0.0, plain: float = 0.0, likely: float = 0.0) -> Learner:
    """The stacking ensemble with other prior weights, and with further learners where these have a weight.

    Args:
        scale: as `StackingEnsemble`.
        first: prior weight of the process over mutations; 0: the default.
        plain: of the one with the substitution prior; 0: it is not weighed.
        likely: of `likelihood`; 0: it is not weighed.
    """
    ensemble = stacking()
    assert isinstance(ensemble, StackingEnsemble)
    (informed, default), *others = zip(ensemble.learners, ensemble.start, strict=True)
    weighed = [(informed, first or default), (MutationGP(), plain), *others, (likelihood(), likely)]
    learners, start = zip(*(pair for pair in weighed if pair[1]), strict=True)
    return replace(ensemble, learners=learners, start=start, scale=scale)


#: of proteins whose scans are public sets, under `$ACTIVELOOP_DATA`
ALIGNMENTS = ("protein/msa/BLAT_ECOLX.a2m.gz", "protein/msa/uref100_avgfp_jhmmer_119.a2m.gz")


@lru_cache(maxsize=8)
def family_of(parent: str) -> Profile:
    """The profile of the first of `ALIGNMENTS` that is of a wild type.

    Raises:
        FetchError: there is none.
    """
    for name in ALIGNMENTS:
        path = Path(os.environ.get(DATA, "")) / name
        with suppress(TableError):
            return Profile.from_alignment(path, parent)
    raise FetchError(f"none of {', '.join(ALIGNMENTS)} in ${DATA} is an alignment of this wild type.")


def _with_family(learner: Learner, pool: Pool) -> Learner:
    """With the family of the pool's wild type; a pool without one has none."""
    sites = pool.sites
    return with_family(learner, family_of(sites.parent_sequence)) if sites and sites.parent_sequence else learner


VARIATIONS: dict[str, Callable[[Pool], Learner]] = {
    "mutations-family": lambda pool: _with_family(MutationGP(), pool),
    "plm-prior-family": lambda pool: _with_family(plm_prior(), pool),
    "mutations-ranks": lambda pool: MutationGP(linear_share=0.0),
    "mutations-values": lambda pool: MutationGP(linear_share=1.0),
    "process-onehot": lambda pool: HeadLearner(plain_encoder(pool), GPHead()),
    "library-values": lambda pool: replace(library_default(), scale="values"),
    "library-ranks": lambda pool: replace(library_default(), scale="ranks"),
    "stacking-values": lambda pool: _stacking("values"),
    "stacking-equal": lambda pool: _stacking(first=1.0),
    "stacking-likelihood": lambda pool: _stacking(likely=1.0),
    "stacking-plain": lambda pool: _stacking(first=3.0, plain=3.0),
    "stacking-four": lambda pool: _stacking(first=3.0, plain=3.0, likely=1.0),
    "embedding-gp-substitutions": lambda pool: HeadLearner(ESM2(), GPHead(), SubstitutionPrior()),
    "likelihood-substitutions": lambda pool: LikelihoodRanker(ESM2()),
    "embedding-gp-third": lambda pool: embedding_gp(depth=1 / 3),
    "embedding-gp-half": lambda pool: embedding_gp(depth=1 / 2),
    "embedding-gp-five-sixths": lambda pool: embedding_gp(depth=5 / 6),
    "embedding-gp-whole": lambda pool: embedding_gp(depth=1.0),
    "tuned-full": lambda pool: fine_tuned(adapter="full"),
    "tuned-full-whole": lambda pool: fine_tuned(adapter="full", depth=1.0),
    "tuned-lora": lambda pool: fine_tuned(adapter="lora", last_layers=0),
    "tuned-last1": lambda pool: fine_tuned(adapter="lora", last_layers=1),
    "tuned-last2": lambda pool: fine_tuned(adapter="lora", last_layers=2),
    "tuned-pissa1": lambda pool: fine_tuned(adapter="pissa", rank=16, last_layers=1),
    "tuned-whole1": lambda pool: fine_tuned(adapter="full", last_layers=1),
    "tuned-whole2": lambda pool: fine_tuned(adapter="full", last_layers=2),
    "tuned-light-peft": lambda pool: fine_tuned(adapter="light-peft"),
}


def learner_of(name: str, pool: Pool, goal: ReplayGoal) -> Learner:
    """A learner by its name: one of `VARIATIONS`, or as the product names it."""
    return VARIATIONS[name](pool) if name in VARIATIONS else policies.learner_of(name, pool, goal)


def policy_of(name: str, pool: Pool, protocol: Protocol, assay: Assay, history: Dataset | None = None) -> Policy:
    """A policy as the product names it, whose learner may be one of `VARIATIONS`.

    Raises:
        ConfigError: when the name is not known.
    """
    learner, colon, selection = name.partition(":")
    if learner not in VARIATIONS or not colon:
        return policies.policy_of(name, pool, protocol, assay, history)
    product = policies.policy_of(f"default:{selection}", pool, protocol, assay, history)
    return replace(product, name=name, learner=VARIATIONS[learner](pool))


def check_learner(name: str) -> None:
    """Whether a learner is known.

    Raises:
        ConfigError: it is not.
    """
    if name not in VARIATIONS:
        evaluation.check_learner(name)
