"""Figures of fidelity, and what they forbid."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from activeloop.fidelity import best_fidelity, expected_coverage, fidelity, refusal, values_problem, warnings_of
from activeloop.metrics import auroc, spearman
from activeloop.prediction import NORMAL, Prediction, ValueMap
from activeloop.students.distil.teacher import principal_components

FEW = hnp.arrays(float, st.integers(3, 30), elements=st.integers(-5, 5).map(float))


def predicted(mean: np.ndarray, sd: np.ndarray | float = 1.0, noise: float = 0.5, shape=None) -> Prediction:
    mean = mean.reshape(len(mean), -1)
    sds = np.broadcast_to(np.asarray(sd, float).reshape(-1, 1), mean.shape)
    return Prediction(mean[None], mean, sds, np.full(mean.shape[1], noise), shape=shape)


def classes(mean: np.ndarray) -> Prediction:
    return Prediction(mean[None], mean, np.zeros_like(mean), np.zeros(2), ("unfit", "fit"))


@given(FEW)
def test_agrees_with_itself(values: np.ndarray):
    one = predicted(values, np.abs(values))
    figures = fidelity(one, one)
    assert figures["top_recall"] == 1
    assert figures["spearman"] == (1.0 if np.ptp(values) else 0.0)
    assert spearman(values, -values, undefined=0.0) == pytest.approx(-figures["spearman"])
    assert figures["coverage"] == pytest.approx(figures["teacher_coverage"]) == pytest.approx(0.9)
    if np.ptp(values):
        assert (figures["rmse"], figures["top_bias"], figures["slope"]) == pytest.approx((0, 0, 1))


def test_values_that_are_off_are_seen_where_ranks_are_perfect():
    mean = np.random.default_rng(0).standard_normal(400)
    figures = fidelity(predicted(mean), predicted(0.5 * mean, 0.5))
    assert figures["spearman"] == 1
    assert figures["rmse"] == pytest.approx(0.5 * math.sqrt(1 + (mean.mean() / mean.std()) ** 2))
    assert figures["slope"] == pytest.approx(0.5)
    assert figures["sd_ratio"] == pytest.approx(0.5)
    assert figures["top_bias"] < -0.7
    assert figures["coverage"] < 0.8
    assert "Use its ranks only" in warnings_of(figures)[0]
    assert "too low" in refusal(figures)


def test_coverage_is_what_the_teacher_expects():
    mean = np.zeros(10)
    wide, narrow = predicted(mean, 2.0, 0.0), predicted(mean, 1.0, 0.0)
    assert expected_coverage(narrow, wide, 0) == pytest.approx(0.999, abs=2e-3)
    assert expected_coverage(wide, narrow, 0) == pytest.approx(0.589, abs=2e-3)
    skewed = predicted(mean, 1.0, 0.0, shape=NORMAL[None] ** 3)
    assert expected_coverage(skewed, skewed, 0) == pytest.approx(0.9)
    sure = predicted(mean, 0.0, 0.0)
    assert expected_coverage(sure, wide, 0) == 1


def test_the_worst_assay_counts():
    mean = np.stack([np.arange(30.0), np.arange(30.0)], 1)
    figures = fidelity(predicted(mean), predicted(mean * [1.0, -1.0]))
    assert figures["spearman"] == -1
    assert figures["top_recall"] == 0
    assert figures["slope"] == pytest.approx(-1)
    best = best_fidelity(predicted(mean), predicted(mean + np.array([0.0, 3.0])), np.array([3.0, 6.0]))
    assert (best["best_candidates"], best["best_rmse"], best["best_bias"]) == (30, 0.5, 0.5)


@pytest.mark.parametrize(
    ("figures", "warned", "refused"),
    [
        ({"spearman": 0.99, "rmse": 0.2, "top_bias": 0.1}, False, False),
        ({"spearman": 0.99, "rmse": 0.26, "top_bias": 0.1}, True, False),
        ({"spearman": 0.99, "rmse": 0.2, "top_bias": -0.16}, True, False),
        ({"spearman": 0.99, "rmse": 0.1, "top_bias": 0.0, "best_bias": 0.45}, True, True),
        ({"spearman": 0.99, "rmse": 0.51, "top_bias": 0.1}, True, True),
        ({"spearman": 0.4}, True, True),
        ({"spearman": 0.7}, True, False),
        ({"spearman": 0.97, "auroc": 0.99, "kl": 0.01}, False, False),
        ({"spearman": 0.97, "auroc": 0.4}, True, True),
        ({"spearman": 0.99, "rmse": 0.9, "top_bias": 0.1, "candidates": 5.0}, True, False),
        ({"spearman": 0.99, "rmse": 0.2, "top_bias": 0.9, "candidates": 20.0}, False, False),
        ({"spearman": 0.99, "rmse": 0.2, "top_bias": 0.9, "candidates": 30.0}, True, True),
        ({"spearman": math.nan}, True, True),
        ({"candidates": 2.0}, True, False),
        ({}, True, False),
    ],
    ids=str,
)
def test_no_useless_student_passes_without_a_warning(figures, warned: bool, refused: bool):
    assert bool(warnings_of(figures)) is warned
    assert bool(refusal(figures)) is refused


def test_a_bad_value_is_said_in_standard_deviations():
    assert values_problem({"rmse": 0.1, "top_bias": -0.5}) == (
        "those of the best are 0.50 standard deviations of the teacher too low"
    )


def test_too_few():
    nobody = predicted(np.zeros(2))
    assert fidelity(nobody, nobody) == {"candidates": 2.0}
    assert fidelity(classes(np.full((2, 2), 0.5)), classes(np.full((2, 2), 0.5))) == {"candidates": 2.0}


def test_classes():
    teacher = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.1, 0.9]])
    same, turned = (fidelity(classes(teacher), classes(one)) for one in (teacher, teacher[:, ::-1]))
    assert (same["auroc"], same["kl"], turned["auroc"]) == (1.0, 0.0, 0.0)
    assert turned["kl"] > 0.5
    # a teacher that puts all into one class still orders them
    sure = np.array([[0.6, 0.4], [0.7, 0.3], [0.8, 0.2]])
    assert fidelity(classes(sure), classes(teacher[[1, 0, 0]]))["auroc"] == 1.0


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 5))
def test_principal_deviations_hold_the_covariance(draws: int, count: int, seed: int):
    drawn = np.random.default_rng(seed).standard_normal((draws, 6))
    found = principal_components(drawn, count) @ drawn
    goal = drawn.T @ drawn / draws
    lost = np.linalg.eigvalsh(goal)[: max(0, 6 - count)].sum()
    assert np.trace(goal - found.T @ found / count) == pytest.approx(lost, abs=1e-9)


def test_auroc_of_one_side():
    assert auroc(np.array([1.0, 2.0]), np.array([True, True]), undefined=0.5) == 0.5


def test_a_potency_is_compared_on_logarithms_whatever_the_margins_of_both():
    """A teacher of IC50s bends near a bound, its student does not: both work on logarithms."""
    places = np.linspace(-1, 5, 40)
    off = 0.1 * np.sin(np.arange(40))
    teacher = predicted(-places).in_values([ValueMap(log=True, sign=-1, margin=0.4)])
    student = predicted(-places + off).in_values([ValueMap(log=True, sign=-1)])
    figures = fidelity(teacher, student) | best_fidelity(teacher, student, teacher.on_scale.mean.std(0))
    assert figures["rmse"] == pytest.approx(np.sqrt(np.mean(off**2)) / places.std(), rel=1e-6)
    assert figures["best_rmse"] == pytest.approx(figures["rmse"], rel=1e-6)
    assert not refusal(figures)
    assert not warnings_of(figures)
