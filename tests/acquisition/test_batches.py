"""Choices of a batch against brute force, and what each is for."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from activeloop.acquisition import (
    LCMD,
    AcquisitionContext,
    BatchBALD,
    DiverseTop,
    PowerSampling,
    Promising,
    Random,
    Recommender,
    ThompsonBatch,
    TopK,
    TopPerPosition,
    UpperConfidenceBound,
    Variance,
    VarianceReduction,
    choose,
    entropy,
    site_features,
)
from activeloop.acquisition.base import SampleCovariance, best_first, first_best, of_draws
from activeloop.acquisition.batch_joint import (
    _extended,
    greedy_information,
    greedy_logdet,
    greedy_reduction,
    joint_entropy,
)
from activeloop.prediction import Prediction


def blank(seed=0):
    return AcquisitionContext.blank(np.random.default_rng(seed))


def gaussian(seed=0, n=8, draws=12, noise=0.4):
    rng = np.random.default_rng(seed)
    return Prediction.of_draws(rng.standard_normal((draws, n, 1)) * np.linspace(0.5, 2, n)[:, None], np.array([noise]))


def twins(draws=60, copies=5):
    """Two groups of identical candidates and a third, each group less certain than the next."""
    rng = np.random.default_rng(0)
    f = rng.standard_normal((draws, 3)) * [3.0, 2.0, 1.0]
    return Prediction.of_draws(np.repeat(f, copies, 1)[:, :, None], np.array([0.1]))


@pytest.mark.parametrize("batch", [LCMD(), BatchBALD(), VarianceReduction()], ids=lambda b: b.name)
def test_no_twins_on_a_plate(batch):
    prediction = twins()
    scores = Variance()(prediction, blank())
    assert sorted(batch(prediction, scores, 3, blank(), np.zeros((15, 1))) // 5) == [0, 1, 2]
    assert sorted(TopK()(prediction, scores, 3, blank(), np.zeros((15, 1))) // 5) == [0, 0, 0]


def test_greedy_logdet_against_determinants():
    x = np.random.default_rng(3).standard_normal((9, 4))
    picks: list[int] = []
    for _ in range(5):
        volume = {
            i: np.linalg.slogdet(np.eye(len(picks) + 1) + x[[*picks, i]] @ x[[*picks, i]].T / 0.3)[1]
            for i in range(9)
            if i not in picks
        }
        picks.append(max(volume, key=lambda i: volume[i]))
    assert greedy_logdet(x, 0.3, 5).tolist() == picks


def test_greedy_reduction_against_explicit_covariances():
    rng = np.random.default_rng(4)
    ours, theirs, noise = rng.standard_normal((7, 5)), rng.standard_normal((6, 5)), rng.uniform(0.1, 1, (7, 1))
    x = np.vstack([ours, theirs])
    cov, picks = x @ x.T, []
    for _ in range(4):
        gain = [-1.0 if i in picks else np.square(cov[7:, i]).sum() / (cov[i, i] + noise[i, 0]) for i in range(7)]
        i = int(np.argmax(gain))
        picks.append(i)
        cov = cov - np.outer(cov[:, i], cov[i]) / (cov[i, i] + noise[i, 0])
    known = [SampleCovariance(each) for each in (ours, theirs)]
    assert greedy_reduction(known[:1], noise, known[1:], np.ones(1), 4).tolist() == picks


def test_greedy_information_against_determinants():
    x, noise = np.random.default_rng(3).standard_normal((9, 4)), np.array([0.3])
    assert greedy_information([SampleCovariance(x)], noise, 5).tolist() == greedy_logdet(x, 0.3, 5).tolist()


class Known(SampleCovariance):
    """A covariance that the model knows."""


@pytest.mark.parametrize(
    "batch", [LCMD(), BatchBALD(), VarianceReduction(), Promising(share=1.0)], ids=lambda b: b.name
)
def test_the_covariance_that_a_model_knows_counts_and_not_that_of_its_draws(batch):
    known, other = twins(), gaussian(n=15)
    covariances = of_draws(known.draws)
    prediction = replace(known, draws=other.draws, covariances=tuple(Known(c.factors) for c in covariances))
    picks = [batch(p, p.sd[:, 0], 5, blank(), np.zeros((15, 1))).tolist() for p in (known, prediction)]
    assert picks[0] == picks[1]


def test_what_differs_by_rounding_is_equal():
    scores = np.array([0.1 + 0.2, 0.3, 0.3 * (1 + 1e-8), 0.2])
    orders = {tuple(best_first(scores, 3, np.random.default_rng(seed)).tolist()) for seed in range(20)}
    assert len(orders) == 6
    assert all(3 not in order for order in orders)
    assert first_best(scores) == 0
    turned = scores[[2, 1, 0, 3]]
    assert (best_first(scores, 4, np.random.default_rng(1)) == best_first(turned, 4, np.random.default_rng(1))).all()


def slow_joint_entropy(probs, batch):
    probabilities = [
        np.mean(np.prod([probs[:, i, c] for i, c in zip(batch, cs, strict=True)], axis=0))
        for cs in itertools.product(range(probs.shape[2]), repeat=len(batch))
    ]
    return float(entropy(np.array(probabilities)))


def test_batchbald_is_exact_for_small_batches():
    probs = np.random.default_rng(0).dirichlet([0.4, 0.4, 0.4], (6, 7))
    own = np.mean([entropy(p) for p in probs], axis=0)
    best: list[int] = []
    for _ in range(4):
        gain = {i: slow_joint_entropy(probs, [*best, i]) - own[[*best, i]].sum() for i in range(7) if i not in best}
        best.append(max(gain, key=lambda i: gain[i]))
    prediction = Prediction.of_draws(probs, classes=("a", "b", "c"))
    assert BatchBALD()(prediction, np.zeros(7), 4, blank(), np.zeros((7, 1))).tolist() == best


def test_joint_entropy_from_drawn_outcomes_is_close_to_the_exact_one():
    probs = np.random.default_rng(1).dirichlet([0.5, 0.5], (8, 9))
    rng = np.random.default_rng(0)
    likelihood, weight = np.ones((1, 8)), np.ones(1)
    for i in range(6):
        likelihood, weight = _extended(likelihood, weight, probs[:, i], 20, rng)
    assert len(weight) == 20
    estimates = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        likelihood, weight = np.ones((1, 8)), np.ones(1)
        for i in range(6):
            likelihood, weight = _extended(likelihood, weight, probs[:, i], 20, rng)
        estimates.append(joint_entropy(likelihood, weight, probs)[8])
    exact = slow_joint_entropy(probs, [0, 1, 2, 3, 4, 5, 8])
    assert np.mean(estimates) == pytest.approx(exact, abs=4 * np.std(estimates) / np.sqrt(200))


def test_power_sampling_draws_in_proportion():
    scores = np.array([1.0, 2.0, 0.0, 5.0])
    prediction = Prediction.of_draws(np.zeros((2, 4, 1)))
    first = [PowerSampling()(prediction, scores, 1, blank(seed), np.zeros((4, 1)))[0] for seed in range(4000)]
    share = np.bincount(first, minlength=4) / 4000
    assert np.allclose(share, scores / 8, atol=4 * np.sqrt(0.25 / 4000))


def test_a_cold_power_is_the_top_and_a_hot_one_is_random():
    scores = np.arange(20.0)
    prediction = Prediction.of_draws(np.zeros((2, 20, 1)))
    for kind in ("power", "softmax", "softrank"):
        cold = PowerSampling(kind, 1e6)(prediction, scores, 3, blank(), np.zeros((20, 1)))
        assert set(cold.tolist()) == {17, 18, 19}
    hot = [PowerSampling("softmax", 0.0)(prediction, scores, 1, blank(s), np.zeros((20, 1)))[0] for s in range(400)]
    assert np.bincount(hot, minlength=20).max() < 45


def test_thompson_takes_the_best_of_each_draw():
    draws = np.array([[3.0, 1.0, 2.0, 0.0], [0.0, 9.0, 1.0, 8.0]])[:, :, None]
    prediction = Prediction.of_draws(draws)
    picks = ThompsonBatch()(prediction, np.zeros(4), 4, blank(), np.zeros((4, 1)))
    assert set(picks[:2].tolist()) == {0, 1}
    assert set(picks[2:].tolist()) == {2, 3}


def test_diverse_spreads_over_sites_without_losing_quality(words, planted):
    pool, model = words(3, 12), planted()
    plain = choose(model, pool, n=12, select=Recommender(UpperConfidenceBound()), seed=0)
    spread = choose(model, pool, n=12, select=Recommender(UpperConfidenceBound(), DiverseTop()), seed=0)
    kinds = [len(np.unique(pool.codes(np.array([c.row for c in cs])), axis=0)) for cs in (plain, spread)]
    distance = [
        np.mean([(a != b).sum() for a, b in itertools.combinations(pool.codes(np.array([c.row for c in cs])), 2)])
        for cs in (plain, spread)
    ]
    assert kinds == [12, 12]
    assert distance[1] > distance[0]
    ranked = [c.row for c in choose(model, pool, n=120, select=Recommender(UpperConfidenceBound()), seed=0)]
    assert {c.row for c in spread} <= set(ranked)
    assert all("unlike the other picks" in c.reason for c in spread)


def test_the_first_plate_without_a_model_is_spread_when_the_choice_can(words):
    pool = words(2, 10)
    picks = choose(None, pool, n=10, select=Recommender(Random(), DiverseTop()), seed=0)
    codes = pool.codes(np.array([c.row for c in picks]))
    assert all(len(np.unique(column)) >= 8 for column in codes.T)
    assert picks[0].reason == "nothing is known yet: spread over the pool"


def test_site_features_preserve_distances(words):
    pool = words(3, 12)
    rows = np.array([0, 1, 13, 157])
    x = site_features(pool, rows)
    codes = pool.codes(rows)
    assert np.allclose(np.square(x[:, None] - x[None]).sum(2), (codes[:, None] != codes[None]).sum(2), atol=1e-5)


def test_projected_site_features_preserve_distances_roughly():
    from types import SimpleNamespace

    codes = np.random.default_rng(0).integers(0, 20, (30, 200)).astype(np.uint8)
    sites = SimpleNamespace(alphabet="ACDEFGHIKLMNPQRSTVWY", labels=range(200), parent=None)
    pool = SimpleNamespace(sites=sites, codes=lambda rows: codes[rows])
    x = site_features(pool, np.arange(30))
    assert x.shape == (30, 256)
    true = (codes[:, None] != codes[None]).sum(2)
    ratio = np.square(x[:, None] - x[None]).sum(2)[true > 0] / true[true > 0]
    assert abs(ratio.mean() - 1) < 0.1
    assert ratio.std() < 0.15


@pytest.mark.parametrize("seed", range(20))
def test_no_position_has_more_than_half_while_there_are_others(seed):
    rng = np.random.default_rng(seed)
    count, n = int(rng.integers(10, 60)), int(rng.integers(1, 30))
    n = min(n, count)
    position = rng.integers(-1, 5, count)
    scores = rng.permutation(count).astype(float)
    prediction = Prediction(np.zeros((0, count, 1)), scores[:, None], np.ones((count, 1)), np.zeros(1))
    chosen = TopPerPosition()(
        prediction, scores, n, replace(blank(seed), position=position), np.zeros((count, 1))
    ).tolist()
    # by hand: best first, and where nothing is left within the limit, with a limit one higher
    limit, picks = int(np.ceil(n / 2)), []
    while len(picks) < n:
        for i in np.argsort(-scores).tolist():
            taken = sum(position[j] == position[i] for j in picks)
            if len(picks) < n and i not in picks and (position[i] < 0 or taken < limit):
                picks.append(i)
        limit += 1
    assert set(chosen) == set(picks)
    assert scores[chosen].tolist() == sorted(scores[chosen], reverse=True)


def test_without_a_wild_type_the_best_are_taken():
    prediction, scores = gaussian(), np.arange(8.0)
    assert TopPerPosition()(prediction, scores, 3, blank(), np.zeros((8, 1))).tolist() == [7, 6, 5]
