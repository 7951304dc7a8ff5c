"""Learners by the names that policies and `activeloop evaluate` use."""

from __future__ import annotations

from collections.abc import Callable

from activeloop import models
from activeloop.benchmarks.protocol import ReplayGoal
from activeloop.candidates import Pool
from activeloop.predictive import Learner

LEARNERS: dict[str, Callable[[Pool], Learner]] = {
    "forest": lambda pool: models.RandomForest(),
}


def learner_of(name: str, pool: Pool, goal: ReplayGoal) -> Learner:
    """A learner by its name; `default` is the product's for the goal."""
    if name == "default":
        return models.RandomForest()
    return LEARNERS[name](pool)
