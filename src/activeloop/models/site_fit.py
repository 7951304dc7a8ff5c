"""The parameters of a process over sites, by marginal likelihood with its analytic slope."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from activeloop.models.site_kernel import SiteKernel

#: usual values of the logarithms, and their spread: noise, three variances, weight of inequality, weights of properties
NOISE, VARIANCES = (np.log(0.05), 1.5), ((np.log(0.3), 1.5), (np.log(0.1), 1.5), (np.log(1.0), 1.5))
UNEQUAL, PROPERTY = (np.log(0.5), 1.0), (np.log(0.05), 1.5)


@dataclass(frozen=True)
class SiteLikelihood:
    """Marginal likelihood of n standardised values.

    Args:
        coordinates: L arrays [J_s, K] from `letter_coordinates`.
        x: [n, L] letters.
        y: [n] values of mean 0 and spread 1.
        errors: [n] variance of each value beyond the common noise.
    """

    coordinates: tuple[np.ndarray, ...]
    x: np.ndarray
    y: np.ndarray
    errors: np.ndarray

    @cached_property
    def distances(self) -> tuple[np.ndarray, ...]:
        """L arrays [1 + J_s, K, K]: 1 for different letters, then the squared difference of each property."""
        apart = 1.0 - np.eye(self.coordinates[0].shape[1])[None]
        return tuple(np.concatenate([apart, np.square(c[:, :, None] - c[:, None, :])]) for c in self.coordinates)

    @property
    def usual(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and spread of all log parameters."""
        pairs = [NOISE, *VARIANCES]
        for d in self.distances:
            pairs += [UNEQUAL, *[PROPERTY] * (len(d) - 1)]
        mean, spread = np.array(pairs).T
        return mean, spread

    def learn(self, iterations: int = 60) -> np.ndarray:
        """Log parameters of greatest posterior density."""
        from scipy.optimize import minimize

        mean, spread = self.usual
        bounds = list(zip(mean - 4 * spread, mean + 4 * spread, strict=True))
        options = {"maxiter": iterations}
        return minimize(self, mean, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x

    def kernel(self, logs: np.ndarray) -> SiteKernel:
        """The kernel of given log parameters."""
        unequal, coordinates, i = [], [], 4
        for c in self.coordinates:
            unequal.append(np.exp(logs[i]))
            coordinates.append(c * np.exp(0.5 * logs[i + 1 : i + 1 + len(c)])[:, None])
            i += 1 + len(c)
        return SiteKernel(np.array(unequal), tuple(coordinates), np.exp(logs[1:4]))

    def __call__(self, logs: np.ndarray) -> tuple[float, np.ndarray]:
        """Negative log density of the parameters and its slope."""
        from scipy.linalg import cho_solve, get_lapack_funcs

        n, sites = self.x.shape
        kernel = self.kernel(logs)
        parts = [t[self.x[:, s]][:, self.x[:, s]] for s, t in enumerate(kernel.tables)]
        one, pair, whole = kernel.variances
        total = np.sum(parts, axis=0)
        pairs = max(sites * (sites - 1) / 2, 1)
        pairwise = (total * total - sum(k * k for k in parts)) / (2 * pairs)
        product = np.prod(parts, axis=0)
        covariance = one / sites * total + pair * pairwise + whole * product
        noise = np.exp(logs[0])
        covariance[np.diag_indices(n)] += noise + self.errors + 1e-6
        potrf, potri = get_lapack_funcs(("potrf", "potri"), (covariance,))
        factor, failed = potrf(covariance, lower=1)
        if failed:
            return 1e10, np.zeros_like(logs)
        alpha = cho_solve((factor, True), self.y, check_finite=False)
        lower, _ = potri(factor, lower=1)
        inverse = np.tril(lower) + np.tril(lower, -1).T
        pull = 0.5 * (inverse - np.outer(alpha, alpha))
        weighted = pull * product
        slope = [noise * np.trace(pull), one / sites * (pull * total).sum(), pair * (pull * pairwise).sum()]
        slope.append(whole * weighted.sum())
        i = 4
        for s, d in enumerate(self.distances):
            own = pull * parts[s]
            change = whole * weighted + own * (one / sites) + own * (total - parts[s]) * (pair / pairs)
            letters = np.eye(d.shape[1])[self.x[:, s]]
            moved = np.tensordot(d, letters.T @ change @ letters, 2)
            slope.extend(-np.exp(logs[i : i + len(d)]) * moved)
            i += len(d)
        mean, spread = self.usual
        away = (logs - mean) / spread
        loss = 0.5 * self.y @ alpha + np.log(np.diag(factor)).sum() + 0.5 * away @ away
        return float(loss), np.array(slope) + away / spread
