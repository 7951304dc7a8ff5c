"""What every score and every choice of a batch must do, whatever it is."""

from __future__ import annotations

import numpy as np
import pytest

from activeloop import acquisition
from activeloop.acquisition import BatchChoice, Score, Situation
from activeloop.prediction import Predictive

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
    return Predictive.of_draws(f, np.full(assays, 0.3))


def classes(count=2, draws=30, seed=0):
    rng = np.random.default_rng(seed)
    f = rng.standard_normal((draws, 4)) @ rng.standard_normal((4, N * count))
    p = np.exp(f.reshape(draws, N, count))
    return Predictive.of_draws(p / p.sum(2, keepdims=True), np.zeros(count), tuple("abc"[:count]))


def situation(seed=0, assays=1):
    measured = np.random.default_rng(5).standard_normal((6, assays))
    blank = Situation.blank(np.random.default_rng(seed), assays)
    return Situation(measured.max(0), blank.rng, np.full(assays, 0.2), measured)


CASES = (
    [(s, values(), 1) for s in VALUE_SCORES]
    + [(s, classes(), 2) for s in CLASS_SCORES]
    + [(s, classes(3), 3) for s in CLASS_SCORES]
    + [(s, values(2), 2) for s in SEVERAL_SCORES]
)
score_cases = pytest.mark.parametrize(
    ("score", "belief", "assays"), CASES, ids=[f"{s.name}-{b.mean.shape[1]}{len(b.classes)}" for s, b, _ in CASES]
)


def final_classes(role):
    return {c for c in vars(acquisition).values() if isinstance(c, type) and issubclass(c, role) and c is not role}


def test_every_exported_class_is_under_contract():
    assert {type(s) for s, _, _ in CASES} == final_classes(Score)
    assert {type(b) for b in BATCHES} == final_classes(BatchChoice)


@score_cases
def test_scores_are_finite_and_repeatable(score, belief, assays):
    first = score(belief, situation(3, assays))
    assert first.shape == (N,)
    assert np.isfinite(first).all()
    assert np.array_equal(first, score(belief, situation(3, assays)))


@score_cases
def test_scores_do_not_depend_on_the_order_of_candidates(score, belief, assays):
    order = np.random.default_rng(1).permutation(N)
    got = score(belief.take(order), situation(3, assays))
    assert np.allclose(got, score(belief, situation(3, assays))[order], atol=1e-9)


@score_cases
def test_a_pool_scored_in_pieces_has_the_same_scores(score, belief, assays):
    half = np.arange(N // 2)
    given = situation(3, assays)
    target = Situation(given.best, given.rng, given.threshold, given.values, None, belief)
    whole = score(belief, target)
    again = situation(3, assays)
    piece = score(belief.take(half), Situation(again.best, again.rng, again.threshold, again.values, None, belief))
    if score.name != "hypervolume" or score.reference:
        assert np.allclose(piece, whole[half], atol=1e-9)


@score_cases
def test_reasons_are_words_without_line_breaks(score, belief, assays):
    reason = score.reason(belief, 3)
    assert len(reason) > 10
    assert "\n" not in reason
    assert "nan" not in reason
    assert score.name


@score_cases
def test_scores_leave_the_belief_alone(score, belief, assays):
    before = belief.draws.copy(), belief.mean.copy()
    score(belief, situation(0, assays))
    assert np.array_equal(before[0], belief.draws)
    assert np.array_equal(before[1], belief.mean)


@pytest.mark.parametrize("batch", BATCHES, ids=lambda b: f"{b.name}-{getattr(b, 'space', '')}{getattr(b, 'lie', '')}")
@pytest.mark.parametrize("belief", [values(), classes(), classes(3)], ids=["values", "classes", "three-classes"])
class TestBatches:
    features = np.random.default_rng(2).standard_normal((N, 6)).astype(np.float32)

    def pick(self, batch, belief, n, seed=0, order=None):
        order = np.arange(N) if order is None else order
        scores = acquisition.Variance()(belief, situation(seed))
        return batch(belief.take(order), scores[order], n, situation(seed), self.features[order])

    @pytest.mark.parametrize("n", [1, 9, N])
    def test_n_different_picks(self, batch, belief, n):
        picks = self.pick(batch, belief, n)
        assert picks.shape == (n,)
        assert picks.dtype.kind == "i"
        assert len(set(picks.tolist())) == n
        assert ((picks >= 0) & (picks < N)).all()

    def test_the_seed_decides(self, batch, belief):
        assert np.array_equal(self.pick(batch, belief, 9, 4), self.pick(batch, belief, 9, 4))

    def test_has_a_name(self, batch, belief):
        assert batch.name
        assert "\n" not in batch.phrase


DETERMINISTIC = [
    (batch, belief)
    for batch in BATCHES
    for belief in (values(), classes(), classes(3))
    if batch.name not in ("power", "softmax", "softrank", "thompson-batch")  # random by design
    and not (belief.classes and batch == acquisition.BatchBALD(outcomes=16))  # draws outcomes
]


@pytest.mark.parametrize(
    ("batch", "belief"), DETERMINISTIC, ids=lambda x: x.name if isinstance(x, BatchChoice) else "".join(x.classes)
)
def test_the_order_of_candidates_does_not_matter_where_nothing_is_random(batch, belief):
    scores, order = acquisition.Variance()(belief, situation()), np.random.default_rng(8).permutation(N)
    features = TestBatches.features
    picks = batch(belief, scores, 7, situation(), features)
    moved = batch(belief.take(order), scores[order], 7, situation(), features[order])
    assert set(order[moved].tolist()) == set(picks.tolist())


@pytest.mark.parametrize(
    "batch", [b for b in BATCHES if b.name not in ("thompson-batch", "portfolio")], ids=lambda b: b.name
)
def test_several_assays_may_be_chosen_for_and_their_units_do_not_matter(batch):
    belief = values(2)
    scaled = Predictive(*(x * np.array([1.0, 1e3]) for x in (belief.draws, belief.mean, belief.sd, belief.noise)))
    scores = acquisition.Entropy()(belief, situation(assays=2))
    picks = [batch(b, scores, 6, situation(assays=2), TestBatches.features).tolist() for b in (belief, scaled)]
    assert len(set(picks[0])) == 6
    assert set(picks[0]) == set(picks[1])


def test_spreading_choices_work_before_any_model():
    nothing = Predictive(np.zeros((0, N, 1)), np.zeros((N, 1)), np.ones((N, 1)), np.zeros(1))
    for batch in BATCHES:
        if batch.spreads:
            picks = batch(nothing, np.zeros(N), 8, situation(), TestBatches.features)
            assert len(set(picks.tolist())) == 8
