"""How much of the values is signal, how much follows the guess, how much is noise: by marginal likelihood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

#: variance of the constant; targets are standardised
CONSTANT = 1.0
#: (centre, width) of what is believed of the logarithms before any value is seen: signal, guess, noise
BELIEFS = ((np.log(0.5), 1.5), (np.log(0.25), 1.0), (np.log(0.3), 1.5))
#: (signal, guess, noise) from which the search sets out
STARTS = ((1.0, 0.25, 0.1), (0.5, 0.25, 0.5), (0.05, 0.25, 0.9))
#: variances stay within
LEAST, MOST = 1e-4, 1e3


@dataclass(frozen=True)
class Variances:
    """Of a function of features and guesses, in units of the targets.

    Args:
        signal: of the function of the features, where the measured candidates are.
        guess: of the weight of each standardised guess around its expected value.
        noise: of one value of weight 1.
    """

    signal: float
    guess: float
    noise: float

    def array(self) -> np.ndarray:
        """[3]."""
        return np.array([self.signal, self.guess, self.noise])


@dataclass(frozen=True)
class Spectrum:
    """Weighted values in the directions in which their covariance is diagonal: enough for any evidence in O(R).

    Args:
        roots: [R] eigenvalues of the covariance of the weighted function at signal 1.
        values: [R] the weighted targets, less what is expected, in these directions.
        rest: their squared length in all other directions.
        others: [R, G + 1] weighted guesses and constant in these directions.
        others_rest: [G + 1, G + 1] their products in all other directions.
        others_values: [G + 1] their products with the targets in all other directions.
        count: N values.
    """

    roots: np.ndarray
    values: np.ndarray
    rest: float
    others: np.ndarray
    others_rest: np.ndarray
    others_values: np.ndarray
    count: int

    @classmethod
    def of(cls, roots: np.ndarray, vectors: np.ndarray, values: np.ndarray, others: np.ndarray) -> Spectrum:
        """From eigenvectors [N, R], weighted targets [N] and weighted guesses and constant [N, G + 1]."""
        inside, across = vectors.T @ values, vectors.T @ others
        return cls(
            np.maximum(roots, 0),
            inside,
            max(float(values @ values - inside @ inside), 0.0),
            across,
            others.T @ others - across.T @ across,
            others.T @ values - across.T @ inside,
            len(values),
        )

    def evidence(self, variances: Variances) -> float:
        """Log marginal likelihood, up to a constant."""
        diagonal = variances.signal * self.roots + variances.noise
        beyond = self.count - len(self.roots)
        scaled = self.others / diagonal[:, None]
        precision = self.others.T @ scaled + self.others_rest / variances.noise
        size = len(precision)
        prior = np.full(size, variances.guess)
        prior[-1] = CONSTANT
        root = np.sqrt(prior)
        factor = np.linalg.cholesky(np.eye(size) + root[:, None] * precision * root)
        pull = root * (scaled.T @ self.values + self.others_values / variances.noise)
        explained = np.linalg.solve(factor, pull)
        spread = np.log(diagonal).sum() + beyond * np.log(variances.noise) + 2 * np.log(np.diag(factor)).sum()
        misfit = (self.values**2 / diagonal).sum() + self.rest / variances.noise - explained @ explained
        return -0.5 * float(spread + misfit)


def likeliest(
    evidence: Callable[[Variances], float], guesses: int, start: Variances | None = None
) -> tuple[Variances, float]:
    """The variances of the greatest evidence, each mildly held near what is usual, and that evidence.

    Args:
        evidence: log marginal likelihood, such as `Spectrum.evidence`.
        guesses: G; without guesses their variance stays as it is believed to be.
        start: from where to search; from all of `STARTS` when it is not given.
    """
    from scipy.optimize import minimize

    free = [0, 1, 2] if guesses else [0, 2]
    centres, widths = (np.array(column)[free] for column in zip(*BELIEFS, strict=True))

    def loss(logs: np.ndarray) -> float:
        return 0.5 * float((((logs - centres) / widths) ** 2).sum()) - evidence(_variances(logs, free))

    found = [
        minimize(loss, np.log(np.array(first)[free]), method="Nelder-Mead", options={"xatol": 0.02, "fatol": 1e-3})
        for first in ([start.array()] if start else STARTS)
    ]
    best = min(found, key=lambda result: float(result.fun))
    return _variances(best.x, free), -float(best.fun)


def _variances(logs: np.ndarray, free: list[int]) -> Variances:
    every = np.array([centre for centre, _ in BELIEFS])
    every[free] = logs
    return Variances(*np.clip(np.exp(np.clip(every, -50, 50)), LEAST, MOST).tolist())
