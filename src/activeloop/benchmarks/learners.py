"""Learners by the names that policies and `activeloop evaluate` use."""

from __future__ import annotations

from collections.abc import Callable

from activeloop import models
from activeloop.backbones import Morgan, OneHot
from activeloop.backbones.base import Backbone
from activeloop.benchmarks.protocol import ReplayGoal
from activeloop.candidates import Pool
from activeloop.models.defaults import default_learner
from activeloop.predictive import Learner

LEARNERS: dict[str, Callable[[Pool], Learner]] = {
    "forest": lambda pool: models.RandomForest(letters_of(pool)),
    "alde": lambda pool: models.ALDEEnsemble(letters_of(pool)),
    "ensemble": lambda pool: models.MLPEnsemble(letters_of(pool)),
    "dropout": lambda pool: models.MCDropout(letters_of(pool)),
    "classifier": lambda pool: models.GPClassifier(),
    "guide-gp": lambda pool: models.GuideGP(),
    "mutation-gp": lambda pool: models.MutationGP(),
    "site-gp": lambda pool: models.SiteGP(),
    "tanimoto": lambda pool: models.TanimotoGP(),
}


def letters_of(pool: Pool) -> Backbone:
    """The plain encoder of the baselines: one-hot letters, for compounds Morgan fingerprints."""
    return Morgan() if pool.kind == "compounds" else OneHot()


def learner_of(name: str, pool: Pool, goal: ReplayGoal) -> Learner:
    """A learner by its name; `default` is the product's for the goal."""
    if name == "default":
        return default_learner(pool, goal)
    return LEARNERS[name](pool)
