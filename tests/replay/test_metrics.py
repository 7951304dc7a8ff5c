"""Metrics against values worked out by hand and against slow definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from activeloop.candidates import Pool
from activeloop.measurements import Assay
from activeloop.metrics import auroc
from activeloop.replay import Landscape
from activeloop.replay.metrics import METRICS, OF_VALUES, Truth, mean_and_error, spearman
from activeloop.replay.report import panels_of

small = st.lists(st.integers(-5, 5), min_size=3, max_size=30)


def truth(values):
    values = np.asarray(values, float)
    return Truth(values, values > np.median(values))


def test_best_fraction_is_a_ratio_where_no_value_is_negative():
    assert truth([0.0, 2.0, 8.0]).found(np.array([1]))["best_fraction"] == 0.25
    assert truth([6.0, 7.0, 9.0]).found(np.array([0]))["best_fraction"] == pytest.approx(6 / 9)


def test_best_fraction_is_measured_from_the_worst_where_values_may_be_negative():
    assert truth([-4.0, 0.0, 4.0]).found(np.array([1]))["best_fraction"] == 0.5
    assert truth([-4.0, -2.0, -1.0]).found(np.array([0]))["best_fraction"] == 0.0


def test_optimum_counts_any_candidate_as_good_as_the_best():
    assert truth([1.0, 3.0, 3.0]).found(np.array([2]))["optimum_found"] == 1.0
    assert truth([1.0, 3.0, 3.0]).found(np.array([0]))["optimum_found"] == 0.0


def test_best_sets_have_the_size_they_should():
    everything = truth(np.arange(1000.0)).found(np.arange(1000))
    assert everything["top1pct_found"] == 10
    assert everything["top10pct_found"] == 100
    assert everything["top100_recall"] == 1.0


@given(small, st.data())
def test_found_among_best_agrees_with_its_slow_definition(values, data):
    """With ties, the largest overlap that any way of cutting them gives."""
    k = data.draw(st.integers(1, len(values)))
    measured = np.array(data.draw(st.lists(st.integers(0, len(values) - 1), min_size=1, unique=True)))
    order = sorted(range(len(values)), key=lambda i: (-values[i], i not in measured))
    assert truth(values).found_among_best(measured, k) == len(set(order[:k]) & set(measured.tolist()))


@given(small, st.data())
def test_spearman_agrees_with_scipy(values, data):
    other = data.draw(st.lists(st.integers(-5, 5), min_size=len(values), max_size=len(values)))
    if len(set(values)) > 1 and len(set(other)) > 1:
        assert spearman(np.array(values), np.array(other)) == pytest.approx(spearmanr(values, other).statistic)


def test_a_constant_prediction_orders_nothing():
    assert spearman(np.ones(4), np.arange(4.0)) == 0.0
    assert np.isnan(spearman(np.arange(4.0), np.ones(4)))


@given(small, st.data())
def test_auroc_agrees_with_its_slow_definition(scores, data):
    fit = np.array(data.draw(st.lists(st.booleans(), min_size=len(scores), max_size=len(scores))))
    scores = np.array(scores, float)
    pairs = [(a > b) + (a == b) / 2 for a in scores[fit] for b in scores[~fit]]
    result = auroc(scores, fit)
    assert np.isnan(result) if not pairs else result == pytest.approx(np.mean(pairs))


def test_standard_error_is_that_of_the_mean():
    assert mean_and_error(np.array([1.0, 2.0, 3.0])) == pytest.approx((2.0, 1 / np.sqrt(3)))
    mean, error = mean_and_error(np.array([4.0, np.nan]))
    assert mean == 4.0
    assert np.isnan(error)


def test_the_names_are_those_of_the_contract():
    assert METRICS == (
        *("best_fraction", "optimum_found", "top1pct_found", "top2pct_found", "top10pct_found", "top100_recall"),
        *("hits_found", "enrichment", "spearman", "auroc", "accuracy", "auprc", "prevalence"),
        "pearson_per_drug",
    )


def test_hits_are_counts_and_are_compared_with_chance():
    values = np.zeros(100)
    values[[3, 50, 80]] = 1.0
    landscape = Landscape("screen", Pool.combinatorial(None, range(2), "ACDEFGHIKL"), values, Assay("growth"))
    found = Truth(landscape.oriented, landscape.fit, landscape.hits).found(np.arange(20))
    assert found["hits_found"] == 1
    assert found["enrichment"] == pytest.approx(1 / (3 * 20 / 100))
    assert found["top2pct_found"] == 1


def test_hits_of_values_lie_far_out():
    values = np.concatenate([np.random.default_rng(0).standard_normal(99), [9.0]])
    landscape = Landscape("screen", Pool.combinatorial(None, range(2), "ACDEFGHIKL"), values, Assay("growth"))
    assert landscape.hits[99]
    assert landscape.hits.sum() < 8
    flat = Landscape("screen", landscape.pool, np.arange(100.0), Assay("growth"))
    assert flat.hits.sum() == 2


def test_nothing_is_better_than_a_hit_so_that_hits_are_shown():
    pool = Pool.single_mutants("MKTA")
    hit = np.arange(len(pool)) % 3 == 0
    two = Landscape("a screen", pool, hit.astype(float), Assay("active"))
    assert two.is_two
    assert two.hits.tolist() == hit.tolist()
    for goal in ("find", "learn"):
        assert not set(panels_of((), goal, two=True)) & set(OF_VALUES)
