"""Gaussian process regression from covariance matrices: evidence, mean, variance, leave-one-out, posterior samples.

Notation: K [N, N] is the prior covariance of the function at N measured places, D the diagonal of noise variances, and
cross [n, N] the prior covariance of the function at n other places with the measured ones.

Source: Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, chapters 2 and 5.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from activeloop.errors import ModelError


def root(matrix: np.ndarray, least: float = 1e-9) -> np.ndarray:
    """The symmetric R with R R = matrix, for symmetric matrices that are singular or nearly so.

    Unlike a matrix of eigenvectors it does not depend on their signs, nor on their order and turn where eigenvalues
    are equal, which are a library's choice on each processor. Eigenvalues below `least` times the largest count as 0.

    >>> root(np.array([[4.0, 0.0], [0.0, 0.0]])).tolist()
    [[2.0, 0.0], [0.0, 0.0]]
    """
    values, vectors = np.linalg.eigh(matrix)
    keep = values >= least * values[-1]
    return (vectors[:, keep] * np.sqrt(np.maximum(values[keep], 0.0))) @ vectors[:, keep].T


#: of the largest entry of a vector; the first entry that is larger decides its sign
_TELLING = 0.618


def signs_of(vectors: np.ndarray) -> np.ndarray:
    """[K] 1 or -1: what makes the first large entry of each vector [K, N] positive.

    Signs of singular vectors and eigenvectors are a library's choice on each processor.

    >>> signs_of(np.array([[-0.1, -0.7, 0.7], [0.0, 0.6, -0.8]])).tolist()
    [-1.0, 1.0]
    """
    size = np.abs(vectors)
    first = (size >= _TELLING * size.max(1, keepdims=True, initial=0.0)).argmax(1)
    return np.where(np.take_along_axis(vectors, first[:, None], 1)[:, 0] < 0, -1.0, 1.0)


def settled(logs: np.ndarray) -> np.ndarray:
    """Log parameters as a search gives them, to six decimals: what lies beyond differs between processors.

    >>> settled(np.array([-0.12345678])).tolist()
    [-0.123457]
    """
    return np.round(logs, 6)


def inverse_root(matrix: np.ndarray) -> np.ndarray:
    """[N, N] upper triangular U with U @ U.T = the inverse of a positive definite matrix.

    Raises:
        ModelError: the matrix is not positive definite.

    >>> inverse_root(np.array([[4.0, 0.0], [0.0, 1.0]])).tolist()
    [[0.5, 0.0], [0.0, 1.0]]
    """
    if not len(matrix):
        return matrix
    from scipy.linalg import solve_triangular

    try:
        factor = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError as error:
        raise ModelError("The kernel of the measured candidates is no covariance; nothing was fitted.") from error
    return solve_triangular(factor, np.eye(len(factor)), lower=True, check_finite=False).T


def negative_log_evidence(covariance: np.ndarray, values: np.ndarray) -> tuple[float, np.ndarray]:
    """Negative log marginal likelihood of values [N], without its constant, and its slope in each covariance.

    Args:
        covariance: [N, N] K + D.
        values: [N] less their prior means.

    Returns:
        The loss, and [N, N] d loss / d covariance; the slope in a parameter p is the sum of it times d covariance / dp.

    Raises:
        ModelError: the covariance is not positive definite.

    Source: Rasmussen and Williams 2006, equations 2.30 and 5.9.
    """
    from scipy.linalg import cho_factor, cho_solve

    factor = cho_factor(covariance, lower=True, check_finite=False)
    weights = cho_solve(factor, values, check_finite=False)
    inverse = cho_solve(factor, np.eye(len(values)), check_finite=False)
    loss = 0.5 * values @ weights + np.log(np.diag(factor[0])).sum()
    return float(loss), 0.5 * (inverse - np.outer(weights, weights))


class Conditioned(ABC):
    """A Gaussian process of prior mean 0, conditioned on N noisy values.

    Attributes:
        values: [N] less their prior means.
        noise: [N] variance of the noise of each.
    """

    values: np.ndarray
    noise: np.ndarray

    @abstractmethod
    def solve(self, right: np.ndarray) -> np.ndarray:
        """(K + D)^-1 @ right, for right [N] or [N, S]."""

    @cached_property
    def weights(self) -> np.ndarray:
        """[N] of which the posterior mean is cross @ weights (eq. 2.25)."""
        return self.solve(self.values)

    def updates(self, residuals: np.ndarray, normal: np.ndarray) -> np.ndarray:
        """What takes samples of the prior to samples of the posterior: sample + cross @ updates (Matheron's rule).

        Args:
            residuals: [N, S] the measured values less samples of the prior there.
            normal: [N, S] standard normal numbers, for the noise.

        Returns:
            [N, S].

        Source: Wilson et al. 2020, arXiv:2002.09309.
        """
        return self.solve(residuals - np.sqrt(self.noise)[:, None] * normal)


@dataclass(frozen=True)
class ExactConditioned(Conditioned):
    """All in closed form; costs N cubed once, N squared for each place.

    Args:
        values: [N] less their prior means.
        noise: [N] variance of the noise of each.
        root: [N, N] `inverse_root` of K + D.

    >>> gp = ExactConditioned.of(np.eye(2), np.array([2.0, 4.0]), np.ones(2))
    >>> gp.weights.round(6).tolist(), gp.explained(np.array([[1.0, 0.0]])).round(6).tolist()
    ([1.0, 2.0], [0.5])
    """

    values: np.ndarray
    noise: np.ndarray
    root: np.ndarray

    @classmethod
    def of(cls, gram: np.ndarray, values: np.ndarray, noise: np.ndarray, jitter: float = 0.0) -> ExactConditioned:
        """From K [N, N]; the jitter is added to its diagonal.

        Raises:
            ModelError: K is no covariance.
        """
        return cls(values, noise, inverse_root(gram + np.diag(noise + jitter)))

    def solve(self, right: np.ndarray) -> np.ndarray:
        """(K + D)^-1 @ right."""
        return self.root @ (self.root.T @ right)

    def whiten(self, cross: np.ndarray) -> np.ndarray:
        """[n, N] whose inner products are what the values explain of the covariance of other places (eq. 2.26)."""
        return cross @ self.root

    def explained(self, cross: np.ndarray) -> np.ndarray:
        """[n] by how much the values lower the variance at other places."""
        return np.square(self.whiten(cross)).sum(1)

    @cached_property
    def leave_one_out(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean [N] and variance [N], noise included, of each value given all others (eq. 5.12)."""
        variance = 1 / np.square(self.root).sum(1)
        return self.values - self.weights * variance, variance


@dataclass(frozen=True)
class IterativeConditioned(Conditioned):
    """For N too large for a matrix [N, N]: systems are solved by conjugate gradients, to 1e-3 of their right side.

    Args:
        values: [N] less their prior means.
        noise: [N] variance of the noise of each.
        times: K @ right, for right [N, S].
        diagonal: [N] of K.
    """

    values: np.ndarray
    noise: np.ndarray
    times: Callable[[np.ndarray], np.ndarray]
    diagonal: np.ndarray

    def solve(self, right: np.ndarray) -> np.ndarray:
        """(K + D)^-1 @ right, nearly."""
        columns = right.reshape(len(right), -1)

        def times(x: np.ndarray) -> np.ndarray:
            return self.times(x) + self.noise[:, None] * x

        return conjugate_gradients(times, columns, self.diagonal + self.noise).reshape(right.shape)


def conjugate_gradients(
    times: Callable[[np.ndarray], np.ndarray], right: np.ndarray, diagonal: np.ndarray, tolerance: float = 1e-3
) -> np.ndarray:
    """Solve a positive definite system for several right sides at once, to a relative residual.

    Args:
        times: the system times [N, S].
        right: [N, S].
        diagonal: [N] of the system.
        tolerance: largest relative residual.

    >>> system = np.array([[4.0, 1.0], [1.0, 3.0]])
    >>> conjugate_gradients(lambda x: system @ x, np.array([[1.0], [2.0]]), np.diag(system), 1e-9).round(4).tolist()
    [[0.0909], [0.6364]]
    """
    solution = np.zeros_like(right)
    residual = right.copy()
    scaled = residual / diagonal[:, None]
    direction = scaled.copy()
    size = (residual * scaled).sum(0)
    goal = tolerance * np.maximum(np.linalg.norm(right, axis=0), 1e-12)
    for _ in range(500):
        image = times(direction)
        step = size / np.maximum((direction * image).sum(0), 1e-300)
        solution += step * direction
        residual -= step * image
        if (np.linalg.norm(residual, axis=0) < goal).all():
            break
        scaled = residual / diagonal[:, None]
        size, before = (residual * scaled).sum(0), size
        direction = scaled + size / np.maximum(before, 1e-300) * direction
    return solution


def tied_samples(
    moments: tuple[np.ndarray, np.ndarray],
    to_anchors: np.ndarray,
    anchors: np.ndarray,
    rows: np.ndarray,
    seed: int,
    count: int,
) -> np.ndarray:
    """Joint samples at many places, tied together through a few anchors; each place keeps its exact mean and variance.

    What the anchors do not explain of a place is sampled for that place alone, from the seed and its row, so a pool
    sampled in pieces gives the same functions.

    Args:
        moments: posterior mean [n] and variance [n].
        to_anchors: [n, Z] posterior covariance with the anchors.
        anchors: [Z, Z] posterior covariance of the anchors.
        rows: [n] numbers of the places.
        seed: of the samples.
        count: S.

    Returns:
        Float32 [S, n].

    Source: the training conditional of Snelson and Ghahramani 2006 (FITC), NIPS 18.
    """
    mean, variance = moments
    jitter = 1e-6 * np.diag(anchors).mean()
    explained = inverse_root(anchors + jitter * np.eye(len(anchors))).T @ to_anchors.T
    alone = np.sqrt(np.maximum(variance - (explained**2).sum(0), 0))
    common = np.random.default_rng(seed).standard_normal((count, len(anchors)))
    return (mean + common @ explained + alone * row_normals(seed, rows, count)).astype(np.float32)


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mix(x: np.ndarray) -> np.ndarray:
    """Scramble 64-bit numbers (the finaliser of SplitMix64: Steele et al. 2014, OOPSLA)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def row_normals(seed: int, rows: np.ndarray, count: int) -> np.ndarray:
    """[count, n] standard normal numbers; column i depends on the seed and rows[i] alone.

    >>> a = row_normals(7, np.array([3, 5]), 2)
    >>> bool((row_normals(7, np.array([5]), 2) == a[:, 1:]).all())
    True
    """
    start = np.random.default_rng(seed).integers(2**63, size=(count, 2, 1)).astype(np.uint64)
    bits = _mix(start + _mix(np.asarray(rows, np.uint64) * _GOLDEN))
    first, second = ((bits >> np.uint64(11)).astype(np.float64) + 0.5).swapaxes(0, 1) * 2.0**-53
    return np.sqrt(-2 * np.log(first)) * np.cos(2 * np.pi * second)
