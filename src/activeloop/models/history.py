"""Learners that learn from measurements made before the campaign, of other drugs, lines, guides or screens."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol, runtime_checkable

from activeloop.errors import ConfigError
from activeloop.measurements import Dataset
from activeloop.prediction import Learner


@runtime_checkable
class TakesHistory(Protocol):
    """A learner with a place for a history."""

    def with_history(self, history: Dataset) -> Learner:
        """The same learner, or the one of its kind that has such a place, with the history."""
        ...


def with_history(learner: Learner, history: Dataset) -> Learner:
    """A learner with a history.

    Raises:
        ConfigError: the learner has no place for one.
    """
    if not isinstance(learner, TakesHistory):
        raise ConfigError(
            f'the learner "{learner.name}" learns nothing from a history. Leave the history out, or choose another '
            "learner: the default of treatments and of guides, sisters and factors do."
        )
    return learner.with_history(history)


def data_with_history(dataset: Dataset, history: Dataset | None) -> Dataset:
    """A data set with a history where it has none of its own, turned as it is."""
    if dataset.history is not None or history is None:
        return dataset
    return replace(dataset, history=history.oriented() if dataset.is_oriented else history)
