"""Closed forms against the same thing worked out the long way."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from activeloop.models.heads.base import Head, HeadInputs, Standardisation, exact_product
from activeloop.models.heads.dropout import DropoutHead
from activeloop.models.heads.evidence import CONSTANT, Variances
from activeloop.models.heads.gp import FeatureKernel, GPHead, GPHeadPosterior
from activeloop.models.heads.laplace import Design, LaplaceHead, linear_posterior, linear_spectrum

VARIANCES = Variances(0.8, 0.2, 0.1)


def problem(count: int, width: int) -> tuple[HeadInputs, np.ndarray, np.ndarray]:
    rng = np.random.default_rng([count, width])
    inputs = HeadInputs(rng.standard_normal((count, width)).astype(np.float32), rng.standard_normal((count, 2)))
    return inputs, rng.standard_normal(count), rng.uniform(0.2, 1, count)


def covariance(design: Design) -> np.ndarray:
    others = np.array([VARIANCES.prior, VARIANCES.prior, CONSTANT])
    signal = VARIANCES.signal * design.inner @ design.inner.T
    return signal + (design.basis * others) @ design.basis.T + np.diag(VARIANCES.noise / design.weights)


@pytest.mark.parametrize(("count", "width"), [(12, 3), (12, 40)])
def test_evidence_is_the_density_of_the_values(count: int, width: int):
    inputs, targets, weights = problem(count, width)
    design = Design.of(inputs, weights)
    spectrum = linear_spectrum(design, targets, 0.5)
    density = multivariate_normal(design.rows @ design.expected(0.5), covariance(design))
    # values of another weight are measured in another unit
    expected = density.logpdf(targets) + 0.5 * count * np.log(2 * np.pi) - 0.5 * np.log(weights).sum()
    np.testing.assert_allclose(spectrum.evidence(VARIANCES), expected, rtol=1e-5)


@pytest.mark.parametrize(("count", "width"), [(12, 3), (12, 40)])
def test_leave_one_out_predictions_are_those_of_fits_without(count: int, width: int):
    inputs, targets, weights = problem(count, width)
    design = Design.of(inputs, weights)
    whole = linear_posterior(design, targets, 0.5, VARIANCES)
    for i in range(count):
        on = np.arange(count) != i
        part = Design(design.columns, design.directions, design.inner[on], design.basis[on], weights[on])
        without = linear_posterior(part, targets[on], 0.5, VARIANCES)
        expected = without.mean(inputs.take(slice(i, i + 1)))
        np.testing.assert_allclose(whole.leave_one_out()[i], expected, atol=2e-4)


def test_leave_one_out_predictions_of_a_process_are_those_of_fits_without():
    inputs, targets, weights = problem(15, 6)
    whole = GPHead().fit(inputs, targets, weights, 0)
    for i in range(15):
        on = np.arange(15) != i
        part = inputs.take(on)
        without = GPHeadPosterior.of(whole.columns, whole.kernel, part, targets[on], weights[on], 0.5)
        expected = without.mean(inputs.take(slice(i, i + 1)))
        np.testing.assert_allclose(whole.leave_one_out()[i], expected, atol=2e-4)


def test_a_linear_process_is_a_last_layer():
    inputs, targets, weights = problem(15, 6)
    shape = GPHead().fit(inputs, targets, weights, 0).kernel
    linear = FeatureKernel("matern", shape.length, 1.0, VARIANCES)
    process = GPHeadPosterior.of(Standardisation.of(inputs), linear, inputs, targets, weights, 0.5)
    other, _, _ = problem(9, 6)
    layer = LaplaceHead(variances=VARIANCES).fit(inputs, targets, weights, 0)
    np.testing.assert_allclose(process.marginals(other), layer.marginals(other), atol=1e-3)


def test_dropout_weights_are_least_squares_over_masks():
    inputs, targets, _ = problem(30, 4)
    inputs = HeadInputs(inputs.features, np.zeros((30, 0)))
    targets = targets - targets.mean()
    head = DropoutHead(rate=0.3).fit(inputs, targets, np.ones(30), 0)
    x = head.columns(inputs).features
    penalty = 0.3 / 0.7 * np.square(x).sum(0)
    np.testing.assert_allclose(head.weights, np.linalg.solve(x.T @ x + np.diag(penalty), x.T @ targets), rtol=1e-4)


@pytest.mark.parametrize("head", [LaplaceHead(), GPHead()], ids=["linear", "process"])
@pytest.mark.parametrize("truth", ["noise", "signal"])
def test_noise_is_separated_from_signal(head: Head, truth: str):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 5)).astype(np.float32)
    signal = x @ np.array([1.0, -1.0, 0.5, 0.0, 0.0]) / 1.5
    targets = rng.standard_normal(200) if truth == "noise" else signal + 0.2 * rng.standard_normal(200)
    noise = head.fit(HeadInputs(x, np.zeros((200, 0))), targets, np.ones(200), 0).noise
    assert abs(noise - (1.0 if truth == "noise" else 0.2)) < 0.15


def test_products_are_near_and_cut_at_their_reach():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((50, 700)), rng.standard_normal((700, 9)) * 10.0 ** np.arange(-4, 5)
    np.testing.assert_allclose(
        exact_product(a, b, 8.0) / 10.0 ** np.arange(-4, 5), a @ b / 10.0 ** np.arange(-4, 5), atol=1e-2
    )
    assert exact_product(np.array([[5.0]]), np.array([[1.0]]), 4.0).tolist() == [[4.0]]
    np.testing.assert_array_equal(exact_product(a[:, ::-1], b[::-1], 8.0), exact_product(a, b, 8.0))
