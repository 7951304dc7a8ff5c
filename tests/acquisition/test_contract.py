"""What every score and every choice of a batch must do, whatever it is."""

from __future__ import annotations

import numpy as np
import pytest

from activeloop import acquisition
from activeloop.acquisition import AcquisitionFunction, BatchStrategy
from activeloop.prediction import Prediction
from activeloop.testing import Check, N, checks, planted_context, planted_prediction, readable_predictions

FUNCTIONS = [
    acquisition.Random(),
    acquisition.Greedy(),
    acquisition.UpperConfidenceBound(2.0),
    acquisition.ExpectedImprovement(),
    acquisition.NoisyExpectedImprovement(),
    acquisition.Thompson(),
    acquisition.ProbabilityOfHit(),
    acquisition.ProbabilityOfHit(0.5),
    acquisition.Variance(),
    acquisition.Entropy(),
    acquisition.BALD(),
    acquisition.EPIG(),
    acquisition.Scalarised(),
    acquisition.Scalarised((1.0, 3.0), acquisition.ExpectedImprovement(), "chebyshev"),
    acquisition.Hypervolume(),
    acquisition.Hypervolume((-3.0, -3.0)),
    acquisition.Constrained(),
    acquisition.Constrained(acquisition.UpperConfidenceBound()),
    acquisition.Constrained(acquisition.NoisyExpectedImprovement()),
    acquisition.Constrained(acquisition.Hypervolume((-3.0,))),
]
BATCHES = [
    acquisition.TopK(),
    acquisition.TopPerPosition(),
    acquisition.PowerSampling("power"),
    acquisition.PowerSampling("softmax"),
    acquisition.PowerSampling("softrank"),
    acquisition.LCMD(),
    acquisition.LCMD("features"),
    acquisition.LCMD(weighted=True),
    acquisition.DiverseTop(),
    acquisition.ThompsonBatch(),
    acquisition.BatchBALD(),
    acquisition.BatchBALD(outcomes=16),
    acquisition.VarianceReduction(),
    acquisition.Portfolio(),
    acquisition.Promising(),
]
CHECKS = {
    f"{k} {subject.name}: {check}": check
    for k, subject in enumerate([*FUNCTIONS, *BATCHES])
    for check in checks(subject)
}


def classes(count=2):
    return planted_prediction(classes=count)


values, context = planted_prediction, planted_context
FEATURES = np.random.default_rng(2).standard_normal((N, 6)).astype(np.float32)


def final_classes(role):
    return {c for c in vars(acquisition).values() if isinstance(c, type) and issubclass(c, role) and c is not role}


def test_every_exported_class_is_under_contract():
    assert {type(f) for f in FUNCTIONS} == final_classes(AcquisitionFunction)
    assert {type(b) for b in BATCHES} == final_classes(BatchStrategy)


def test_every_function_still_reads_what_it_read():
    every, one = [1, 2, 2, 3], [1, 2, 3]
    read = [[columns for _, columns in readable_predictions(function)] for function in FUNCTIONS]
    assert read == [every, *[one] * 7, *[every] * 5, [2, 2], every, [2, 2], *[one] * 3, [1]]


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_contract(check: Check):
    check()


DETERMINISTIC = [
    (batch, prediction)
    for batch in BATCHES
    for prediction in (values(), classes(), classes(3))
    if batch.name not in ("power", "softmax", "softrank", "thompson-batch")  # random by design
    and not (prediction.classes and batch == acquisition.BatchBALD(outcomes=16))  # draws outcomes
]


@pytest.mark.parametrize(
    ("batch", "prediction"), DETERMINISTIC, ids=lambda x: x.name if isinstance(x, BatchStrategy) else "".join(x.classes)
)
def test_the_order_of_candidates_does_not_matter_where_nothing_is_random(batch, prediction):
    scores, order = acquisition.Variance()(prediction, context()), np.random.default_rng(8).permutation(N)
    features = FEATURES
    picks = batch(prediction, scores, 7, context(), features)
    moved = batch(prediction.take(order), scores[order], 7, context(), features[order])
    assert set(order[moved].tolist()) == set(picks.tolist())


@pytest.mark.parametrize(
    "batch", [b for b in BATCHES if b.name not in ("thompson-batch", "portfolio")], ids=lambda b: b.name
)
def test_several_assays_may_be_chosen_for_and_their_units_do_not_matter(batch):
    prediction = values(2)
    scaled = Prediction(
        *(x * np.array([1.0, 1e3]) for x in (prediction.draws, prediction.mean, prediction.sd, prediction.noise))
    )
    scores = acquisition.Entropy()(prediction, context(assays=2))
    picks = [batch(b, scores, 6, context(assays=2), FEATURES).tolist() for b in (prediction, scaled)]
    assert len(set(picks[0])) == 6
    assert set(picks[0]) == set(picks[1])
