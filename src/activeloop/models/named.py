"""Learners by the names that recipes, policies and `activeloop evaluate` use."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from activeloop.backbones import Backbone, Morgan, OneHot
from activeloop.candidates import Pool
from activeloop.models.alde import ALDEEnsemble
from activeloop.models.classifier import GPClassifier
from activeloop.models.dropout import DropoutNetwork
from activeloop.models.ensemble import MLPEnsemble
from activeloop.models.finetuning.named import PRETRAINED
from activeloop.models.forest import RandomForest
from activeloop.models.guides import GuideGP
from activeloop.models.mutation_gp import MutationGP
from activeloop.models.site_gp import SiteGP
from activeloop.models.tanimoto import TanimotoGP
from activeloop.predictive import Learner

#: those that learn on the features of any encoder
ENCODED: dict[str, type[Learner]] = {
    "alde": ALDEEnsemble,
    "dropout": DropoutNetwork,
    "ensemble": MLPEnsemble,
    "forest": RandomForest,
}
#: those that know how to read their candidates
READING: dict[str, type[Learner]] = {
    "classifier": GPClassifier,
    "guide-gp": GuideGP,
    "mutation-gp": MutationGP,
    "site-gp": SiteGP,
    "tanimoto": TanimotoGP,
}
LEARNERS = (*ENCODED, *READING, *PRETRAINED)


def named_learners(pool: Pool) -> dict[str, Callable[..., Learner]]:
    """What makes each learner, with an encoder that suits the pool; takes the learner's own options.

    >>> named_learners(Pool.single_mutants("MKTAYIAKQR"))["forest"](trees=10).name
    'forest-onehot'
    """
    encoder = plain_encoder(pool)
    return {name: partial(made, backbone=encoder) for name, made in ENCODED.items()} | READING | PRETRAINED


def plain_encoder(pool: Pool) -> Backbone:
    """The plain encoder of the baselines: one-hot letters, for compounds Morgan fingerprints."""
    return Morgan() if pool.kind == "compounds" else OneHot()
