"""Figures of agreement."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from activeloop.metrics import auroc, spearman
from activeloop.students.distil.run import class_fidelity, fidelity
from activeloop.students.distil.teacher import principal_components

FEW = hnp.arrays(float, st.integers(3, 30), elements=st.integers(-5, 5).map(float))


@given(FEW)
def test_agrees_with_itself(values: np.ndarray):
    one = (values[:, None], np.abs(values)[:, None])
    figures = fidelity(one, one)
    assert figures["top_recall"] == 1
    assert figures["spearman"] == (1.0 if np.ptp(values) else 0.0)
    assert spearman(values, -values, undefined=0.0) == pytest.approx(-figures["spearman"])


def test_the_worst_assay_counts():
    mean = np.stack([np.arange(30.0), np.arange(30.0)], 1)
    other = mean * [1.0, -1.0]
    figures = fidelity((mean, np.ones_like(mean)), (other, np.ones_like(mean)))
    assert figures["spearman"] == -1
    assert figures["top_recall"] == 0


def test_too_few():
    nobody = np.zeros((2, 1))
    assert fidelity((nobody, nobody), (nobody, nobody)) == {"candidates": 2.0}
    assert class_fidelity(np.full((2, 2), 0.5), np.full((2, 2), 0.5)) == {"candidates": 2.0}


def test_classes():
    teacher = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.1, 0.9]])
    same, turned = class_fidelity(teacher, teacher), class_fidelity(teacher, teacher[:, ::-1])
    assert (same["auroc"], same["kl"], turned["auroc"]) == (1.0, 0.0, 0.0)
    assert turned["kl"] > 0.5
    # a teacher that puts all into one class still orders them
    assert class_fidelity(np.array([[0.6, 0.4], [0.7, 0.3], [0.8, 0.2]]), teacher[[1, 0, 0]])["auroc"] == 1.0


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 5))
def test_principal_deviations_hold_the_covariance(draws: int, count: int, seed: int):
    drawn = np.random.default_rng(seed).standard_normal((draws, 6))
    found = principal_components(drawn, count) @ drawn
    goal = drawn.T @ drawn / draws
    lost = np.linalg.eigvalsh(goal)[: max(0, 6 - count)].sum()
    assert np.trace(goal - found.T @ found / count) == pytest.approx(lost, abs=1e-9)


def test_auroc_of_one_side():
    assert auroc(np.array([1.0, 2.0]), np.array([True, True]), undefined=0.5) == 0.5
