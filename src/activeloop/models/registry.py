"""Learners by the names that `campaign.toml`, policies and `activeloop evaluate` use, and the defaults."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

from activeloop.candidates import Pool, is_scan
from activeloop.encoders import Encoder, Morgan, OneHot, Physicochemical
from activeloop.encoders.sequence import Joined
from activeloop.models.dropout import DropoutNetwork
from activeloop.models.ensemble import MLPEnsemble, alde_ensemble
from activeloop.models.finetuning.registry import PRETRAINED
from activeloop.models.forest import RandomForest
from activeloop.models.gp.classifier import GPClassifier
from activeloop.models.gp.guides import GuideGP, guide_default
from activeloop.models.gp.mutation_gp import MutationGP
from activeloop.models.gp.site_gp import SiteGP
from activeloop.models.gp.tanimoto import TanimotoGP, compound_default
from activeloop.models.networks import Training
from activeloop.models.stacking import StackingEnsemble
from activeloop.prediction import Learner


def default_learner(pool: Pool, goal: Literal["find", "learn"]) -> Learner:
    """The learner for a pool and a goal, as chosen by replays (`docs/results`).

    Args:
        pool: what may be tested.
        goal: `find` the best, or `learn` which candidates are fit.

    >>> default_learner(Pool.single_mutants("MKTAYIAKQR"), "find").name
    'mutations'
    """
    if goal == "learn":
        return GPClassifier()
    if pool.kind == "compounds":
        return compound_default()
    if pool.kind == "guides":
        return guide_default()
    return MutationGP() if is_scan(pool) else library_default()


def library_default() -> StackingEnsemble:
    """For combinatorial libraries: small networks and two processes over sites, weighed by evidence.

    >>> library_default().name
    'gate-both(ensemble-onehot+physicochemical,sites,sites-ranked)'
    """
    return StackingEnsemble((library_ensemble(), SiteGP(), SiteGP(ranked=True)), start=(2.0, 1.0, 1.0), scale="both")


def library_ensemble() -> MLPEnsemble:
    """Ten small networks that see both which letter stands at a site and what it is made of."""
    training = Training(passes=150, batch=32, rate=1e-2, decay=1e-3, cooling=True)
    return MLPEnsemble(Joined((OneHot(), Physicochemical())), hidden=(64, 32), training=training)


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
