"""Hypervolume against counting lattice cells."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from activeloop.acquisition import AcquisitionContext, Hypervolume
from activeloop.acquisition.multiobjective import gain, pareto
from activeloop.measurements import Assay
from activeloop.prediction import Prediction


def cells(points, size):
    """Unit cells of a lattice that some integer point dominates."""
    return {c for p in points for c in itertools.product(*(range(int(v)) for v in p))} if len(points) else set()


@pytest.mark.parametrize("assays", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(8))
def test_gain_is_the_number_of_new_cells(assays, seed):
    rng = np.random.default_rng(seed)
    front = pareto(rng.integers(0, 5, (seed, assays)).astype(float))
    points = rng.integers(-1, 6, (12, assays)).astype(float)
    got = gain(points, front, np.zeros(assays))
    old = cells(np.maximum(front, 0), 6)
    slow = [len(cells([np.maximum(p, 0)], 6) - old) for p in points]
    assert got.tolist() == slow


def test_a_front_below_the_reference_counts_for_nothing():
    assert gain(np.array([[2.0, 2.0]]), np.array([[-5.0, 9.0]]), np.zeros(2)).tolist() == [4.0]


def test_a_candidate_on_the_front_gains_nothing_and_a_new_compromise_wins():
    measured = np.array([[0.0, 4.0], [4.0, 0.0], [-4.0, -4.0]])
    draws = np.tile([[[4.0, 0.0], [3.0, 3.0], [-3.0, -3.0]]], (5, 1, 1))
    context = AcquisitionContext(measured.max(0), np.random.default_rng(0), np.full(2, np.nan), measured)
    scores = Hypervolume()(Prediction.of_draws(draws), context)
    assert scores[0] == 0
    assert scores[2] == 0
    assert scores[1] == pytest.approx(9.0)


def test_while_one_assay_has_results_there_is_a_best_and_no_front():
    context = AcquisitionContext(
        best_f=np.array([2.0]), rng=np.random.default_rng(0), threshold=np.full(1, np.nan), values=np.array([[2.0]])
    )
    prediction = Prediction.of_draws(np.array([[[1.0]], [[2.5]]]))
    reason = Hypervolume().reason_of(prediction, 0, context, [Assay("kcat")])
    assert reason == "may be better than the best kcat, chance 50%"
