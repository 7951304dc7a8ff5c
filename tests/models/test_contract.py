"""What every learner promises, whatever it is made of."""

from dataclasses import replace

import pytest

from activeloop.encoders import Morgan
from activeloop.models import (
    DropoutNetwork,
    GuideGP,
    MLPEnsemble,
    MutationGP,
    RandomForest,
    SiteGP,
    StackingEnsemble,
    TanimotoGP,
    Training,
    alde_ensemble,
)
from activeloop.models.embedding import HeadLearner
from activeloop.models.gp.sister_guides import SisterGuideGP
from activeloop.models.gp.treatments import TreatmentGP
from activeloop.models.heads.gp import GPHead
from activeloop.models.heads.laplace import LaplaceHead
from activeloop.prediction import Learner
from activeloop.priors import Blosum, PLMPrior, SubstitutionPrior
from activeloop.testing import Check, checks, planted_pool

SHORT = Training(steps=150, batch=64, rate=5e-3)
CASES: dict[str, tuple[Learner, str]] = {
    "forest": (RandomForest(trees=20), "variants"),
    "forest, compounds": (RandomForest(Morgan(size=256), trees=20, features=0.3), "compounds"),
    "alde": (alde_ensemble(), "variants"),
    "ensemble": (MLPEnsemble(members=4, hidden=(32,), training=SHORT), "variants"),
    "ensemble, ranking": (MLPEnsemble(members=4, hidden=(32,), training=replace(SHORT, loss="ranking")), "variants"),
    "ensemble, prior": (MLPEnsemble(members=4, hidden=(32,), training=SHORT, prior_score=Blosum()), "variants"),
    "ensemble, compounds": (MLPEnsemble(Morgan(size=256), members=4, hidden=(32,), training=SHORT), "compounds"),
    "dropout": (DropoutNetwork(hidden=(64, 64), training=SHORT), "variants"),
    "head": (HeadLearner(prior_score=SubstitutionPrior()), "variants"),
    "head, process": (HeadLearner(head=GPHead()), "variants"),
    "head, compounds": (HeadLearner(Morgan(size=256), LaplaceHead()), "compounds"),
    "tanimoto": (TanimotoGP(), "compounds"),
    "guides": (GuideGP(), "guides"),
    "guides, sisters": (SisterGuideGP(), "guides"),
    "treatments": (TreatmentGP(), "treatments"),
    "mutations": (MutationGP(), "variants"),
    "mutations, informed": (MutationGP(prior_score=PLMPrior()), "variants"),
    "sites": (SiteGP(), "variants"),
    "sites, ranked": (SiteGP(ranked=True), "variants"),
    "stacking": (StackingEnsemble((RandomForest(trees=20), SiteGP())), "variants"),
}
POOLS = {kind: planted_pool(kind) for kind in ("variants", "compounds", "guides", "treatments")}
CHECKS = {
    f"{name}: {check}": check for name, (learner, kind) in CASES.items() for check in checks(learner, POOLS[kind])
}


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_contract(check: Check):
    check()


def test_names_are_their_own():
    names = [learner.name for learner, _ in CASES.values()]
    assert len(set(names)) == len(names)
