"""Learners by the names that `campaign.toml`, policies and `activeloop evaluate` use."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from activeloop.candidates import Pool
from activeloop.encoders import Encoder, Morgan, OneHot
from activeloop.models.dropout import DropoutNetwork
from activeloop.models.ensemble import MLPEnsemble, alde_ensemble
from activeloop.models.finetuning.registry import PRETRAINED
from activeloop.models.forest import RandomForest
from activeloop.models.gp.classifier import GPClassifier
from activeloop.models.gp.guides import GuideGP
from activeloop.models.gp.mutation_gp import MutationGP
from activeloop.models.gp.site_gp import SiteGP
from activeloop.models.gp.tanimoto import TanimotoGP
from activeloop.prediction import Learner

#: those that learn on the features of any encoder
ENCODED: dict[str, Callable[..., Learner]] = {
    "alde": alde_ensemble,
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
    return {name: partial(made, encoder=encoder) for name, made in ENCODED.items()} | READING | PRETRAINED


def plain_encoder(pool: Pool) -> Encoder:
    """The plain encoder of the baselines: one-hot letters, for compounds Morgan fingerprints."""
    return Morgan() if pool.kind == "compounds" else OneHot()
