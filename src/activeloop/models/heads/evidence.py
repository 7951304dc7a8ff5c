"""Scales of a head (signal, prior scores, noise) by maximum evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

#: variance of the constant; targets are standardised
CONSTANT = 1.0
#: (mean, standard deviation) of the logarithms of the variances before any value is seen: signal, prior scores, noise
HYPERPRIORS = ((np.log(0.5), 1.5), (np.log(0.25), 1.0), (np.log(0.3), 1.5))
#: (signal, prior scores, noise) from which the search sets out
STARTS = ((1.0, 0.25, 0.1), (0.5, 0.25, 0.5), (0.05, 0.25, 0.9))
#: variances stay within
BOUNDS = (1e-4, 1e3)


@dataclass(frozen=True)
class Variances:
    """Of a function of features and prior scores, in units of the targets.

    Args:
        signal: of the function of the features, where the measured candidates are.
        prior: of the weight of each standardised prior score around its expected value.
        noise: of one value of weight 1.
    """

    signal: float
    prior: float
    noise: float

    @classmethod
    def expected(cls) -> Variances:
        """Those before any value is seen."""
        return cls(*(float(np.exp(mean)) for mean, _ in HYPERPRIORS))

    def array(self) -> np.ndarray:
        """[3]."""
        return np.array([self.signal, self.prior, self.noise])

    def of_basis(self, columns: int) -> np.ndarray:
        """[G + 1] prior variances of the weights of the prior scores and of the constant."""
        return np.concatenate([np.full(columns - 1, self.prior), [CONSTANT]])


def expected_weights(columns: int, prior_correlation: float) -> np.ndarray:
    """[G + 1] prior means of the weights of the prior scores, which share the correlation, and of the constant."""
    scores = columns - 1
    return np.concatenate([np.full(scores, prior_correlation / max(1, scores)), [0.0]])


@dataclass(frozen=True)
class Spectrum:
    """Weighted values in the directions in which their covariance is diagonal: enough for any evidence in O(R).

    Args:
        roots: [R] eigenvalues of the covariance of the weighted function at signal 1.
        values: [R] the weighted targets, less their prior means, in these directions.
        values_rest: their squared length in all other directions.
        basis: [R, G + 1] weighted prior scores and constant in these directions.
        basis_rest: [G + 1, G + 1] their products in all other directions.
        cross_rest: [G + 1] their products with the targets in all other directions.
        count: N values.
    """

    roots: np.ndarray
    values: np.ndarray
    values_rest: float
    basis: np.ndarray
    basis_rest: np.ndarray
    cross_rest: np.ndarray
    count: int

    @classmethod
    def of(cls, roots: np.ndarray, vectors: np.ndarray, values: np.ndarray, basis: np.ndarray) -> Spectrum:
        """From eigenvectors [N, R], weighted targets [N] and weighted prior scores and constant [N, G + 1]."""
        inside, along = vectors.T @ values, vectors.T @ basis
        return cls(
            np.maximum(roots, 0),
            inside,
            max(float(values @ values - inside @ inside), 0.0),
            along,
            basis.T @ basis - along.T @ along,
            basis.T @ values - along.T @ inside,
            len(values),
        )

    def evidence(self, variances: Variances) -> float:
        """Log marginal likelihood, up to a constant."""
        diagonal = variances.signal * self.roots + variances.noise
        beyond = self.count - len(self.roots)
        scaled = self.basis / diagonal[:, None]
        precision = self.basis.T @ scaled + self.basis_rest / variances.noise
        root = np.sqrt(variances.of_basis(len(precision)))
        factor = np.linalg.cholesky(np.eye(len(precision)) + root[:, None] * precision * root)
        projected = root * (scaled.T @ self.values + self.cross_rest / variances.noise)
        explained = np.linalg.solve(factor, projected)
        log_determinant = np.log(diagonal).sum() + beyond * np.log(variances.noise) + 2 * np.log(np.diag(factor)).sum()
        misfit = (self.values**2 / diagonal).sum() + self.values_rest / variances.noise - explained @ explained
        return -0.5 * float(log_determinant + misfit)


def maximum_evidence(
    evidence: Callable[[Variances], float], scores: int, start: Variances | None = None
) -> tuple[Variances, float]:
    """The variances of the greatest evidence times `HYPERPRIORS`, and the logarithm of that product.

    Args:
        evidence: log marginal likelihood, such as `Spectrum.evidence`.
        scores: G; without prior scores their variance stays as expected.
        start: from where to search; from all of `STARTS` when it is not given.
    """
    from scipy.optimize import minimize

    free = [0, 1, 2] if scores else [0, 2]
    means, sds = (np.array(column)[free] for column in zip(*HYPERPRIORS, strict=True))

    def loss(logs: np.ndarray) -> float:
        return 0.5 * float((((logs - means) / sds) ** 2).sum()) - evidence(_variances(logs, free))

    found = [
        minimize(loss, np.log(np.array(first)[free]), method="Nelder-Mead", options={"xatol": 0.02, "fatol": 1e-3})
        for first in ([start.array()] if start else STARTS)
    ]
    best = min(found, key=lambda result: float(result.fun))
    return _variances(best.x, free), -float(best.fun)


def _variances(logs: np.ndarray, free: list[int]) -> Variances:
    every = np.array([mean for mean, _ in HYPERPRIORS])
    every[free] = logs
    return Variances(*np.clip(np.exp(np.clip(every, -50, 50)), *BOUNDS).tolist())
