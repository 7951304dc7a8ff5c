"""Conditioning on noisy values against the textbook, and joint samples against their covariance."""

import numpy as np
import pytest

from activeloop.errors import ModelError
from activeloop.models.gp.core import (
    ExactConditioned,
    IterativeConditioned,
    inverse_root,
    negative_log_evidence,
    row_normals,
    tied_samples,
)

RNG = np.random.default_rng(0)


def smooth(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    return np.exp(-0.5 * (x[:, None] - z) ** 2)


@pytest.fixture
def problem() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places, values and noise variances."""
    x = RNG.uniform(-3, 3, 15)
    return x, np.sin(x), RNG.uniform(0.05, 0.3, 15)


def test_leave_one_out_is_conditioning_on_the_others(problem):
    x, y, noise = problem
    mean, variance = ExactConditioned.of(smooth(x, x), y, noise).leave_one_out
    for i in range(15):
        rest = np.arange(15) != i
        without = ExactConditioned.of(smooth(x[rest], x[rest]), y[rest], noise[rest])
        cross = smooth(x[[i]], x[rest])
        assert mean[i] == pytest.approx((cross @ without.weights).item())
        assert variance[i] == pytest.approx(1 - without.explained(cross).item() + noise[i])


def test_conjugate_gradients_give_the_same_weights_and_samples(problem):
    x, y, noise = problem
    gram = smooth(x, x)
    exact = ExactConditioned.of(gram, y, noise)
    iterative = IterativeConditioned(y, noise, lambda right: gram @ right, np.diag(gram))
    np.testing.assert_allclose(gram @ iterative.weights, gram @ exact.weights, atol=0.01)
    residuals, normal = RNG.standard_normal((2, 15, 4))
    np.testing.assert_allclose(
        gram @ iterative.updates(residuals, normal), gram @ exact.updates(residuals, normal), atol=0.03
    )


def test_updated_prior_samples_have_the_posterior_mean_and_covariance(problem):
    x, y, noise = problem
    z = np.linspace(-4, 4, 7)
    gp = ExactConditioned.of(smooth(x, x), y, noise)
    places = np.concatenate([x, z])
    prior = np.linalg.cholesky(smooth(places, places) + 1e-9 * np.eye(22)) @ RNG.standard_normal((22, 20_000))
    cross = smooth(z, x)
    samples = prior[15:] + cross @ gp.updates(y[:, None] - prior[:15], RNG.standard_normal((15, 20_000)))
    np.testing.assert_allclose(samples.mean(1), cross @ gp.weights, atol=0.05)
    np.testing.assert_allclose(samples.var(1), 1 - gp.explained(cross), atol=0.05)


def test_the_slope_of_the_evidence_is_right(problem):
    x, y, noise = problem
    covariance = smooth(x, x) + np.diag(noise)
    loss, slope = negative_log_evidence(covariance, y)
    step = 1e-6 * np.diag(np.arange(15.0))
    moved, _ = negative_log_evidence(covariance + step, y)
    assert (moved - loss) == pytest.approx((slope * step).sum(), rel=1e-3)


def test_a_matrix_that_is_no_covariance_is_refused():
    with pytest.raises(ModelError, match="no covariance"):
        inverse_root(np.array([[1.0, 5.0], [5.0, 1.0]]))


def test_normals_are_normal_and_belong_to_their_row():
    draws = row_normals(1, np.arange(4000), 20)
    assert abs(draws.mean()) < 0.02
    assert abs(draws.std() - 1) < 0.02
    assert abs(np.corrcoef(draws).sum() / 20 - 1) < 0.3
    assert abs(np.corrcoef(draws[:, :-1].ravel(), draws[:, 1:].ravel())[0, 1]) < 0.02
    np.testing.assert_array_equal(row_normals(1, np.array([17, 3999]), 20), draws[:, [17, 3999]])
    assert not np.allclose(row_normals(2, np.arange(4000), 20), draws)


def test_tied_samples_have_the_covariance_when_all_are_anchors():
    x = np.linspace(0, 3, 12)
    cover = 2 * smooth(x, x)
    draws = tied_samples((np.zeros(12), np.diag(cover)), cover, cover, np.arange(12), 0, 20_000)
    np.testing.assert_allclose(np.cov(draws.T), cover, atol=0.08)


def test_a_place_apart_from_the_anchors_keeps_its_variance():
    places, anchors = np.array([0.0, 0.4, 9.0]), np.array([0.0, 1.0])
    draws = tied_samples(
        (np.array([1.0, 2.0, 3.0]), np.ones(3)),
        smooth(places, anchors),
        smooth(anchors, anchors),
        np.arange(3),
        0,
        20_000,
    )
    np.testing.assert_allclose(draws.mean(0), [1, 2, 3], atol=0.03)
    np.testing.assert_allclose(draws.std(0), 1, atol=0.03)
    assert np.corrcoef(draws.T)[0, 1] > 0.8
