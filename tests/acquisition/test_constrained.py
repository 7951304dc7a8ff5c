"""Thresholds: what counts as met, and the choice within them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from activeloop.acquisition import (
    AcquisitionContext,
    Constrained,
    Greedy,
    Hypervolume,
    Recommender,
    ThompsonBatch,
    choose,
    default_recommender,
)
from activeloop.acquisition.multiobjective import hypervolume, on_front, reference_point
from activeloop.candidates import Pool
from activeloop.measurements import Assay, Dataset
from activeloop.prediction import Prediction, Predictor

KCAT, TM, KM = Assay("kcat", "1/s"), Assay("Tm", "°C", threshold=55.0), Assay("KM", "mM", "minimise", threshold=2.0)


def data(values, censored=None, assays=(KCAT, TM, KM)):
    values = np.asarray(values, float)
    zeros = np.zeros(values.shape)
    flags = zeros if censored is None else np.asarray(censored)
    pool = Pool.single_mutants("MKTAYI")
    rows = np.arange(len(values))
    return Dataset(pool, rows, values, zeros, assays, rows * 0, flags.astype(np.int8))


@pytest.mark.parametrize("oriented", [False, True])
@pytest.mark.parametrize(
    ("tm", "tm_side", "km", "km_side", "met"),
    [
        (55.0, 0, 2.0, 0, 1.0),
        (54.9, 0, 1.0, 0, 0.0),
        (60.0, 0, 2.1, 0, 0.0),
        (60.0, 1, 1.0, 0, 1.0),  # > 60
        (50.0, 1, 1.0, 0, np.nan),  # > 50 may be 51 or 70
        (55.0, -1, 1.0, 0, 0.0),  # < 55
        (60.0, -1, 1.0, 0, np.nan),  # < 60
        (60.0, 0, 1.0, -1, 1.0),  # KM < 1
        (60.0, 0, 3.0, -1, np.nan),
        (60.0, 0, 2.0, 1, 0.0),  # KM > 2
        (np.nan, 0, 1.0, 0, np.nan),
        (np.nan, 0, 9.0, 0, 0.0),  # one that fails is enough
    ],
)
def test_a_threshold_is_met_failed_or_open(oriented, tm, tm_side, km, km_side, met):
    one = data([[1.0, tm, km]], [[0, tm_side, km_side]])
    one = one.oriented() if oriented else one
    np.testing.assert_array_equal(one.meets_all(), [met])


def test_without_a_threshold_everything_is_feasible_and_classes_beside_others_must_be_fit():
    assert data([[1.0], [np.nan]], assays=(KCAT,)).meets_all().tolist() == [1, 1]
    soluble = Assay("soluble", goal="classify")
    assert data([[1.0, 1.0], [2.0, 0.0]], assays=(KCAT, soluble)).meets_all().tolist() == [1, 0]


class Stated(Predictor):
    """Predicts a table of means and standard deviations [N, A]; draws are independent normals."""

    def __init__(self, mean, sd):
        self.mean, self.sd = np.asarray(mean, float), np.asarray(sd, float)

    def predict(self, pool, rows, seed, draws=64):
        mean, sd = self.mean[rows], self.sd[rows]
        noise = np.random.default_rng(seed).standard_normal((draws, *self.mean.shape))[:, rows]
        return Prediction(mean + noise * sd, mean, sd, np.zeros(mean.shape[1]))

    def explain(self):
        return "Stated."

    def state(self):
        return {}


def context(values, feasible, limits):
    values, limits = np.asarray(values, float), np.asarray(limits, float)
    best = np.nanmax(values, 0) if len(values) else np.full(len(limits), np.nan)
    nothing = np.full(len(limits), np.nan)
    return AcquisitionContext(
        best, np.random.default_rng(0), nothing, values, limits=limits, feasible=np.asarray(feasible, float)
    )


def prediction(mean, sd):
    mean, sd = np.asarray(mean, float), np.asarray(sd, float)
    return Prediction(np.zeros((0, *mean.shape)), mean, sd, np.zeros(mean.shape[1]))


def test_it_is_the_expected_improvement_on_the_best_that_meets_them_times_the_probability():
    seen = context([[9.0, 40.0], [3.0, 60.0], [4.0, 50.0]], [0, 1, 0], [np.nan, 55.0])
    got = Constrained()(prediction([[4.0, 58.0], [12.0, 30.0]], [[1.0, 2.0], [1.0, 2.0]]), seen)
    z = (4.0 - 3.0) / 1.0
    expected = (z * norm.cdf(z) + norm.pdf(z)) * norm.cdf((58.0 - 55.0) / 2.0)
    assert got[0] == pytest.approx(expected)
    assert got[1] < 1e-6  # a great kcat that melts


def test_while_nothing_meets_them_both_the_probability_and_the_value_count():
    seen = context([[9.0, 40.0], [1.0, 42.0]], [0, 0], [np.nan, 55.0])
    likely, better, hopeless = Constrained()(
        prediction([[4.0, 54.0], [6.0, 54.0], [9.0, 30.0]], [[1.0, 2.0]] * 3), seen
    )
    assert better > likely > hopeless >= 0


def test_a_score_in_the_unit_counts_from_the_median_so_that_the_order_is_right_below_zero():
    seen = context([[-9.0, 60.0], [-5.0, 60.0], [-np.inf, 60.0]], [1, 1, 1], [np.nan, 55.0])
    table = prediction([[-4.0, 58.0], [-6.8, 70.0], [-4.0, 70.0]], [[1.0, 2.0]] * 3)
    assert np.argsort(-Constrained(Greedy())(table, seen)).tolist() == [2, 0, 1]


def test_below_all_that_was_measured_the_order_still_counts():
    seen = context([[9.0, 60.0], [9.5, 60.0]], [1, 1], [np.nan, 55.0])
    table = prediction([[4.0, 60.0], [6.0, 60.0], [5.0, 60.0], [6.0, 40.0]], [[1.0, 2.0]] * 4)
    assert np.argsort(-Constrained(Greedy())(table, seen)).tolist() == [1, 2, 0, 3]


def test_with_thresholds_alone_it_is_the_probability_of_all():
    seen = context([[1.0, 1.0]], [0], [2.0, 3.0])
    got = Constrained()(prediction([[2.0, 3.0], [9.0, 9.0]], np.ones((2, 2))), seen)
    np.testing.assert_allclose(got, [0.25, 1.0], atol=1e-6)


def test_only_what_meets_them_stands_on_the_front():
    values = [[5.0, 5.0, 0.0], [1.0, 2.0, 1.0], [2.0, 1.0, 1.0]]
    seen = context(values, [0, 1, 1], [np.nan, np.nan, 0.5])
    table = prediction([[3.0, 3.0, 2.0]], [[0.0, 0.0, 0.1]])
    got = Constrained(Hypervolume((0.0, 0.0)))(table, seen)
    assert got[0] == pytest.approx(9.0 - 3.0)


def planted(count=120, seed=0):
    """A trade-off: the better kcat, the lower Tm."""
    rng = np.random.default_rng(seed)
    pool = Pool.single_mutants("MKTAYIAK")
    kcat = rng.normal(size=len(pool))
    truth = np.column_stack([kcat, 55 - 3 * kcat + rng.normal(size=len(pool))])
    return pool, truth


@pytest.mark.parametrize("batch", [None, ThompsonBatch()])
def test_a_plate_within_a_threshold_meets_it(batch):
    pool, truth = planted()
    sd = np.full(truth.shape, 0.3)
    rows = np.arange(5)
    assays = (KCAT, TM)
    dataset = Dataset(pool, rows, truth[rows], truth[rows] * 0, assays, rows * 0, (truth[rows] * 0).astype(np.int8))
    select = default_recommender("find", assays, pool)
    select = select if batch is None else Recommender(select.score, batch)
    options = {"n": 8, "seed": 1, "excluded": rows, "dataset": dataset.oriented()}
    picks = choose(Stated(truth, sd), pool, select=select, **options)
    within = truth[[p.row for p in picks]]
    free = np.setdiff1d(np.arange(len(pool)), rows)
    feasible = free[truth[free, 1] >= 55]
    assert (within[:, 1] >= 54.5).mean() >= 0.75
    assert within[:, 0].mean() > np.sort(truth[feasible, 0])[-20:].mean()
    assert all(len(p.each) == 2 for p in picks)
    assert len({p.reason for p in picks}) > 1
    assert all("Tm >= 55 °C with a chance of" in p.reason for p in picks)


def test_before_any_result_the_score_of_the_prior_chooses():
    pool, truth = planted()
    select = default_recommender("find", (KCAT, TM), pool)
    nothing = data(np.zeros((0, 2)), assays=(KCAT, TM))
    prior = Stated(truth[:, :1], np.full((len(pool), 1), 0.3))
    picks = choose(prior, pool, n=4, select=select, seed=0, dataset=nothing.oriented())
    assert all("prior" in p.reason for p in picks)


class ByLetter(Predictor):
    """Two sums of letters, one against the other; draws only where they are asked for."""

    def predict(self, pool, rows, seed, draws=64):
        codes = pool.codes(rows).astype(float)
        mean = np.column_stack([codes.sum(1), codes[:, 0] - codes[:, 1:].sum(1)])
        noise = np.random.default_rng(seed).standard_normal((draws, 1, 2))
        return Prediction(mean + 0.1 * noise, mean, np.full(mean.shape, 0.1), np.zeros(2))

    def explain(self):
        return "By letter."

    def state(self):
        return {}


@pytest.mark.parametrize("limit", [None, -20.0])
def test_a_library_too_large_for_joint_draws_is_ordered_by_mean_and_sd(words, limit):
    pool = words(5, 12)
    assert len(pool) > 200_000
    assays = (KCAT, replace(TM, threshold=limit))
    rows = np.array([0, 5000])
    values = ByLetter().predict(pool, rows, 0, 0).mean
    dataset = Dataset(pool, rows, values, values * 0, assays, rows * 0, (values * 0).astype(np.int8))
    select = default_recommender("find", assays, pool)
    picks = choose(ByLetter(), pool, n=3, select=select, seed=0, excluded=rows, dataset=dataset.oriented())
    chosen = np.array([p.row for p in picks])
    assert len(chosen) == 3
    assert (pool.codes(chosen)[:, 0] == 11).all()  # good for both
    assert limit is None or (ByLetter().predict(pool, chosen, 0, 0).mean[:, 1] >= limit - 0.5).all()


@pytest.mark.parametrize("seed", range(5))
def test_front_and_volume_agree_with_their_definitions(seed):
    points = np.random.default_rng(seed).integers(0, 5, (30, 3)).astype(float)
    slow = [not any((q >= p).all() and (q > p).any() for q in points) for p in points]
    assert on_front(points).tolist() == slow
    cells = {tuple(c) for p in points for c in np.ndindex(*p.astype(int))}
    assert hypervolume(points, np.zeros(3)) == len(cells)
    assert (reference_point(points) <= points.min(0)).all()
