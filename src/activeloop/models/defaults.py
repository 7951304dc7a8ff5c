"""Which learner is used when the user names none: by what is tested, and what for."""

from __future__ import annotations

from typing import Literal

from activeloop.backbones import OneHot, Physicochemical
from activeloop.backbones.joined import Joined
from activeloop.candidates import Pool, is_scan
from activeloop.models.classifier import GPClassifier
from activeloop.models.compounds import compound_default
from activeloop.models.ensemble import MLPEnsemble
from activeloop.models.gate import Gate
from activeloop.models.guides import guide_default
from activeloop.models.mutation_gp import MutationGP
from activeloop.models.network import Training
from activeloop.models.site_gp import SiteGP
from activeloop.predictive import Learner


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


def library_default() -> Gate:
    """For combinatorial libraries: small networks and two processes over sites, weighed by evidence.

    >>> library_default().name
    'gate-both(ensemble-onehot+physicochemical,sites,sites-ranked)'
    """
    return Gate((library_ensemble(), SiteGP(), SiteGP(ranked=True)), start=(2.0, 1.0, 1.0), scale="both")


def library_ensemble() -> MLPEnsemble:
    """Ten small networks that see both which letter stands at a site and what it is made of."""
    training = Training(passes=150, batch=32, rate=1e-2, decay=1e-3, cooling=True)
    return MLPEnsemble(Joined((OneHot(), Physicochemical())), hidden=(64, 32), training=training)
