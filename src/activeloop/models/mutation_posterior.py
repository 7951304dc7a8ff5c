"""What is believed about every mutation once some variants were measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from activeloop.models.mutation_fit import CONSTANT
from activeloop.models.mutation_kernel import MutationKernel
from activeloop.models.mutations import Mutations

#: above so many labels systems are solved by conjugate gradients instead of a Cholesky factor
DENSE = 1500
#: variants whose exact spread is computed at once
PIECE = 4096


@dataclass(frozen=True)
class Posterior:
    """A process over mutations given n measured variants, in normal scores; computed as far as it is asked.

    Args:
        kernel: covariance of mutations.
        table: [L * K] the prior of each mutation.
        weight_variance: of the prior's weight around 1.
        measured: n variants.
        scores: [n] their values.
        noise: [n] variance of each.
    """

    kernel: MutationKernel
    table: np.ndarray
    weight_variance: float
    measured: Mutations
    scores: np.ndarray
    noise: np.ndarray

    @cached_property
    def measured_prior(self) -> np.ndarray:
        """[n] prior of the measured variants."""
        return self.measured.sums(self.table)

    @cached_property
    def factor(self) -> np.ndarray:
        """[n, n] lower Cholesky factor of the covariance of the measured values, noise included."""
        covariance = self.measured.sums(self.response(np.eye(len(self.scores)))) + CONSTANT
        covariance += self.weight_variance * np.outer(self.measured_prior, self.measured_prior)
        return np.linalg.cholesky(covariance + np.diag(self.noise + 1e-9))

    @cached_property
    def alpha(self) -> np.ndarray:
        """[n] weights of the measured values."""
        return self.solve((self.scores - self.measured_prior)[:, None])[:, 0]

    @cached_property
    def mean_table(self) -> np.ndarray:
        """[L * K] expected contribution of every mutation."""
        return self.response(self.alpha[:, None])[:, 0] + self.prior_weight * self.table

    @cached_property
    def prior_weight(self) -> float:
        """Expected weight of the prior; 1 before any measurement."""
        return 1.0 + self.weight_variance * float(self.measured_prior @ self.alpha)

    def response(self, weights: np.ndarray) -> np.ndarray:
        """[L * K, S] covariance of every mutation with the measured variants, times weights [n, S]."""
        grid = self.measured.scatter(weights)
        letters = self.kernel.letters.shape[1]
        return self.kernel.times(grid.reshape(-1, letters, grid.shape[1])).reshape(grid.shape)

    def covariance_times(self, weights: np.ndarray) -> np.ndarray:
        """[n, S] the covariance of the measured values, noise included, times weights [n, S]."""
        prior = self.measured_prior[:, None]
        smooth = self.measured.sums(self.response(weights)) + CONSTANT * weights.sum(0)
        return smooth + self.weight_variance * prior * (prior.T @ weights) + self.noise[:, None] * weights

    def solve(self, right: np.ndarray) -> np.ndarray:
        """[n, S] the inverse of the covariance of the measured values times [n, S]."""
        if len(right) > DENSE:
            return conjugate_gradients(self.covariance_times, right, self._diagonal)
        from scipy.linalg import cho_solve

        return cho_solve((self.factor, True), right, check_finite=False) if len(right) else right

    @cached_property
    def _diagonal(self) -> np.ndarray:
        return self.prior_variance(self.measured) + self.noise

    def prior_variance(self, variants: Mutations) -> np.ndarray:
        """[n] variance of each variant before any measurement."""
        owner, first, second = variants.pairs()
        own = np.bincount(owner, self.kernel.between(first, second), minlength=variants.count)
        return own + CONSTANT + self.weight_variance * variants.sums(self.table) ** 2

    def mean(self, variants: Mutations) -> np.ndarray:
        """[n] mean of each variant."""
        return variants.sums(self.mean_table) + CONSTANT * self.alpha.sum()

    def marginals(self, variants: Mutations) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation [n] of the noise-free score of each variant.

        The spread is exact up to 1,500 labels; above, that of 16 joint draws.
        """
        mean = self.mean(variants)
        if len(self.scores) > DENSE:
            return mean, self.draws(variants, 0, 16).std(0)
        variance = self.prior_variance(variants)
        if len(self.scores):
            variance = variance - self._explained(variants)
        return mean, np.sqrt(np.maximum(variance, 1e-9))

    def _explained(self, variants: Mutations) -> np.ndarray:
        from scipy.linalg import solve_triangular

        cross = variants.sums(self._cross)
        cross += CONSTANT + self.weight_variance * np.outer(variants.sums(self.table), self.measured_prior)
        explained = np.empty(len(cross))
        for i in range(0, len(cross), PIECE):
            half = solve_triangular(self.factor, cross[i : i + PIECE].T, lower=True, check_finite=False)
            explained[i : i + PIECE] = (half**2).sum(0)
        return explained

    @cached_property
    def _cross(self) -> np.ndarray:
        return self.response(np.eye(len(self.scores)))

    def draws(self, variants: Mutations, seed: int, draws: int) -> np.ndarray:
        """[S, n] joint draws: functions from the prior, moved to agree with what was measured.

        Source: Matheron's rule; Wilson et al. 2020, arXiv:2002.09309.
        """
        if not draws:
            return np.zeros((0, variants.count))
        rng = np.random.default_rng(seed)
        tables = self.kernel.draw(rng, draws).reshape(-1, draws)
        weights = 1.0 + np.sqrt(self.weight_variance) * rng.standard_normal(draws)
        constants = np.sqrt(CONSTANT) * rng.standard_normal(draws)
        tables = tables + self.table[:, None] * weights
        if len(self.scores):
            noise = np.sqrt(self.noise)[:, None] * rng.standard_normal((len(self.scores), draws))
            moves = self.solve(self.scores[:, None] - self.measured.sums(tables) - constants - noise)
            tables += self.response(moves) + self.weight_variance * self.table[:, None] * (self.measured_prior @ moves)
            constants += CONSTANT * moves.sum(0)
        return (variants.sums(tables) + constants).T

    @cached_property
    def leave_one_out(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation [n] of the noise-free score of each measured variant, given all others."""
        if len(self.scores) > DENSE:
            return self._leave_fifth_out()
        whole = 1 / np.diag(self.solve(np.eye(len(self.scores))))
        return self.scores - self.alpha * whole, np.sqrt(np.maximum(whole - self.noise, 1e-9))

    def _leave_fifth_out(self) -> tuple[np.ndarray, np.ndarray]:
        """The same, given the four fifths that do not hold the variant; the spread is that of 16 joint draws."""
        fold = np.arange(len(self.scores)) % 5
        means, spreads = np.zeros(len(self.scores)), np.zeros(len(self.scores))
        for k in range(5):
            # a value with boundless noise says nothing: the same system serves every fold
            left = fold == k
            hidden = replace(self, noise=np.where(left, 1e6, self.noise))
            mean, spread = hidden.marginals(self.measured)
            means[left], spreads[left] = mean[left], spread[left]
        return means, spreads


def conjugate_gradients(
    times: Callable[[np.ndarray], np.ndarray], right: np.ndarray, diagonal: np.ndarray, tolerance: float = 1e-3
) -> np.ndarray:
    """Solve a positive definite system for several right sides at once, to a relative residual.

    Args:
        times: the system times [n, S].
        right: [n, S].
        diagonal: [n] of the system.
        tolerance: largest relative residual.

    >>> system = np.array([[4.0, 1.0], [1.0, 3.0]])
    >>> conjugate_gradients(lambda x: system @ x, np.array([[1.0], [2.0]]), np.diag(system), 1e-9).round(4).tolist()
    [[0.0909], [0.6364]]
    """
    solution = np.zeros_like(right)
    residual = right.copy()
    ready = residual / diagonal[:, None]
    direction = ready.copy()
    size = (residual * ready).sum(0)
    goal = tolerance * np.maximum(np.linalg.norm(right, axis=0), 1e-12)
    for _ in range(500):
        image = times(direction)
        step = size / np.maximum((direction * image).sum(0), 1e-300)
        solution += step * direction
        residual -= step * image
        if (np.linalg.norm(residual, axis=0) < goal).all():
            break
        ready = residual / diagonal[:, None]
        size, before = (residual * ready).sum(0), size
        direction = ready + size / np.maximum(before, 1e-300) * direction
    return solution
