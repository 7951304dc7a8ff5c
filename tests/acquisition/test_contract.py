"""What every score and every choice of a batch must do, whatever it is."""

from __future__ import annotations

import numpy as np
import pytest

from activeloop import acquisition
from activeloop.acquisition import AcquisitionContext, AcquisitionFunction, BatchStrategy
from activeloop.prediction import Prediction

VALUE_SCORES = [
    acquisition.Random(),
    acquisition.Greedy(),
    acquisition.UpperConfidenceBound(2.0),
    acquisition.ExpectedImprovement(),
    acquisition.NoisyExpectedImprovement(),
    acquisition.Thompson(),
    acquisition.ProbabilityOfHit(0.5),
    acquisition.Variance(),
    acquisition.Entropy(),
    acquisition.BALD(),
    acquisition.EPIG(),
    acquisition.Scalarised(),
    acquisition.Hypervolume(),
]
CLASS_SCORES = [
    acquisition.Random(),
    acquisition.Greedy(),
    acquisition.UpperConfidenceBound(),
    acquisition.ExpectedImprovement(),
    acquisition.NoisyExpectedImprovement(),
    acquisition.Thompson(),
    acquisition.ProbabilityOfHit(),
    acquisition.Variance(),
    acquisition.Entropy(),
    acquisition.BALD(),
    acquisition.EPIG(),
]
SEVERAL_SCORES = [
    acquisition.Random(),
    acquisition.Variance(),
    acquisition.Entropy(),
    acquisition.BALD(),
    acquisition.EPIG(),
    acquisition.Scalarised(),
    acquisition.Scalarised((1.0, 3.0), acquisition.ExpectedImprovement(), "chebyshev"),
    acquisition.Hypervolume(),
    acquisition.Hypervolume((-3.0, -3.0)),
]
BATCHES = [
    acquisition.TopK(),
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
N = 40


def values(assays=1, draws=30, seed=0):
    rng = np.random.default_rng(seed)
    factors = rng.standard_normal((5, N))
    f = np.einsum("sak,kn->sna", rng.standard_normal((draws, assays, 5)), factors) + rng.standard_normal((N, assays))
    return Prediction.of_draws(f, np.full(assays, 0.3))


def classes(count=2, draws=30, seed=0):
    rng = np.random.default_rng(seed)
    f = rng.standard_normal((draws, 4)) @ rng.standard_normal((4, N * count))
    p = np.exp(f.reshape(draws, N, count))
    return Prediction.of_draws(p / p.sum(2, keepdims=True), np.zeros(count), tuple("abc"[:count]))


def context(seed=0, assays=1):
    measured = np.random.default_rng(5).standard_normal((6, assays))
    blank = AcquisitionContext.blank(np.random.default_rng(seed), assays)
    return AcquisitionContext(measured.max(0), blank.rng, np.full(assays, 0.2), measured)


CASES = (
    [(s, values(), 1) for s in VALUE_SCORES]
    + [(s, classes(), 2) for s in CLASS_SCORES]
    + [(s, classes(3), 3) for s in CLASS_SCORES]
    + [(s, values(2), 2) for s in SEVERAL_SCORES]
)
score_cases = pytest.mark.parametrize(
    ("score", "prediction", "assays"), CASES, ids=[f"{s.name}-{b.mean.shape[1]}{len(b.classes)}" for s, b, _ in CASES]
)


def final_classes(role):
    return {c for c in vars(acquisition).values() if isinstance(c, type) and issubclass(c, role) and c is not role}


def test_every_exported_class_is_under_contract():
    assert {type(s) for s, _, _ in CASES} == final_classes(AcquisitionFunction)
    assert {type(b) for b in BATCHES} == final_classes(BatchStrategy)


@score_cases
def test_scores_are_finite_and_repeatable(score, prediction, assays):
    first = score(prediction, context(3, assays))
    assert first.shape == (N,)
    assert np.isfinite(first).all()
    assert np.array_equal(first, score(prediction, context(3, assays)))


@score_cases
def test_scores_do_not_depend_on_the_order_of_candidates(score, prediction, assays):
    order = np.random.default_rng(1).permutation(N)
    got = score(prediction.take(order), context(3, assays))
    assert np.allclose(got, score(prediction, context(3, assays))[order], atol=1e-9)


@score_cases
def test_a_pool_scored_in_pieces_has_the_same_scores(score, prediction, assays):
    half = np.arange(N // 2)
    given = context(3, assays)
    target = AcquisitionContext(given.best, given.rng, given.threshold, given.values, None, prediction)
    whole = score(prediction, target)
    again = context(3, assays)
    piece = score(
        prediction.take(half),
        AcquisitionContext(again.best, again.rng, again.threshold, again.values, None, prediction),
    )
    if score.name != "hypervolume" or score.reference:
        assert np.allclose(piece, whole[half], atol=1e-9)


@score_cases
def test_reasons_are_words_without_line_breaks(score, prediction, assays):
    reason = score.reason(prediction, 3)
    assert len(reason) > 10
    assert "\n" not in reason
    assert "nan" not in reason
    assert score.name


@score_cases
def test_scores_leave_the_belief_alone(score, prediction, assays):
    before = prediction.draws.copy(), prediction.mean.copy()
    score(prediction, context(0, assays))
    assert np.array_equal(before[0], prediction.draws)
    assert np.array_equal(before[1], prediction.mean)


@pytest.mark.parametrize("batch", BATCHES, ids=lambda b: f"{b.name}-{getattr(b, 'space', '')}{getattr(b, 'lie', '')}")
@pytest.mark.parametrize("prediction", [values(), classes(), classes(3)], ids=["values", "classes", "three-classes"])
class TestBatches:
    features = np.random.default_rng(2).standard_normal((N, 6)).astype(np.float32)

    def pick(self, batch, prediction, n, seed=0, order=None):
        order = np.arange(N) if order is None else order
        scores = acquisition.Variance()(prediction, context(seed))
        return batch(prediction.take(order), scores[order], n, context(seed), self.features[order])

    @pytest.mark.parametrize("n", [1, 9, N])
    def test_n_different_picks(self, batch, prediction, n):
        picks = self.pick(batch, prediction, n)
        assert picks.shape == (n,)
        assert picks.dtype.kind == "i"
        assert len(set(picks.tolist())) == n
        assert ((picks >= 0) & (picks < N)).all()

    def test_the_seed_decides(self, batch, prediction):
        assert np.array_equal(self.pick(batch, prediction, 9, 4), self.pick(batch, prediction, 9, 4))

    def test_has_a_name(self, batch, prediction):
        assert batch.name
        assert "\n" not in batch.phrase


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
    features = TestBatches.features
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
    picks = [batch(b, scores, 6, context(assays=2), TestBatches.features).tolist() for b in (prediction, scaled)]
    assert len(set(picks[0])) == 6
    assert set(picks[0]) == set(picks[1])


def test_spreading_choices_work_before_any_model():
    nothing = Prediction(np.zeros((0, N, 1)), np.zeros((N, 1)), np.ones((N, 1)), np.zeros(1))
    for batch in BATCHES:
        if batch.spreads:
            picks = batch(nothing, np.zeros(N), 8, context(), TestBatches.features)
            assert len(set(picks.tolist())) == 8
