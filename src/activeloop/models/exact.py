"""An exact Gaussian process from a kernel matrix: hyperparameters by marginal likelihood, posterior, joint draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.errors import ModelError
from activeloop.models.counter import normals

#: noise variances that are tried, as shares of the amplitude
RATIOS = np.geomspace(1e-3, 30, 31)
#: the amplitude is drawn towards 1 (the spread of standardised targets) as by this many values
PRIOR_VALUES = 2.0


@dataclass(frozen=True)
class Posterior:
    """What is known of a function f = mean + process after N noisy values of it.

    Args:
        mean: the constant.
        amplitude: variance of the process.
        noise: standard deviation of one value.
        factor: [N, N] lower Cholesky factor of (K + noise variances / amplitude).
        weights: [N] such that the posterior mean at x is mean + k(x) @ weights.
    """

    mean: float
    amplitude: float
    noise: float
    factor: np.ndarray
    weights: np.ndarray

    def whiten(self, similarities: np.ndarray) -> np.ndarray:
        """Kernel rows [n, N] to [N, n] vectors whose inner products the values explain."""
        from scipy.linalg import solve_triangular

        return solve_triangular(self.factor, similarities.T.astype(np.float64), lower=True)

    def moments(self, similarities: np.ndarray, whitened: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean [n] and variance [n] at n places with kernel rows [n, N] and k(x, x) = 1."""
        mean = self.mean + similarities @ self.weights
        return mean, self.amplitude * np.maximum(1 - (whitened**2).sum(0), 1e-9)

    def held_out(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean [N] and variance [N] of the function at each value, had it not seen that one (hyperparameters kept).

        Source: Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, equations 5.10 to 5.12.
        """
        from scipy.linalg import solve_triangular

        inverse = solve_triangular(self.factor, np.eye(len(self.factor)), lower=True)
        seen = self.mean + self.factor @ (self.factor.T @ self.weights)
        whole = 1 / (inverse**2).sum(0)
        variance = self.amplitude * whole - self.noise**2
        return seen - self.weights * whole, np.maximum(variance, 1e-9 * self.amplitude)


def fit_posterior(gram: np.ndarray, targets: np.ndarray, errors: np.ndarray) -> Posterior:
    """Choose noise, amplitude and mean by marginal likelihood, the latter two in closed form.

    Args:
        gram: [N, N] kernel of the measured candidates, 1 on its diagonal.
        targets: [N] standardised values.
        errors: [N] their standard errors, known beforehand (0 = not known); they add to the noise that is fitted.

    Raises:
        ModelError: when the kernel is not a covariance.
    """
    ratio = _likeliest_ratio(gram, targets, float(np.mean(errors**2)))
    return _solve(gram, targets, ratio, ratio + errors**2)


def _likeliest_ratio(gram: np.ndarray, targets: np.ndarray, known: float) -> float:
    """The noise over the amplitude, besides a known part, that makes the targets likeliest."""
    values, vectors = np.linalg.eigh(gram)
    target, one = vectors.T @ targets, vectors.T @ np.ones(len(targets))
    freedom = len(targets) + PRIOR_VALUES
    likelihoods = []
    for ratio in RATIOS:
        variances = np.maximum(values, 0) + ratio + known
        mean = (one * target / variances).sum() / (one * one / variances).sum()
        amplitude = (((target - mean * one) ** 2 / variances).sum() + PRIOR_VALUES) / freedom
        likelihoods.append(-freedom * np.log(amplitude) - np.log(variances).sum())
    return float(RATIOS[int(np.argmax(likelihoods))])


def _solve(gram: np.ndarray, targets: np.ndarray, ratio: float, noise: np.ndarray) -> Posterior:
    """The posterior for given noise variances over the amplitude [N], of which `ratio` is not known beforehand."""
    from scipy.linalg import cho_solve, cholesky

    try:
        factor = cholesky(gram + np.diag(noise), lower=True)
    except np.linalg.LinAlgError as error:
        raise ModelError("The kernel of the measured candidates is no covariance; nothing was fitted.") from error
    solved = cho_solve((factor, True), np.stack([targets, np.ones_like(targets)], axis=1))
    mean = float(solved[:, 0].sum() / solved[:, 1].sum())
    weights = solved[:, 0] - mean * solved[:, 1]
    amplitude = float((weights @ (targets - mean) + PRIOR_VALUES) / (len(targets) + PRIOR_VALUES))
    return Posterior(mean, amplitude, float(np.sqrt(amplitude * ratio)), factor, weights)


def tied_draws(
    moments: tuple[np.ndarray, np.ndarray],
    to_anchors: np.ndarray,
    anchors: np.ndarray,
    rows: np.ndarray,
    seed: int,
    draws: int,
) -> np.ndarray:
    """Joint draws at many places, tied together through a few anchors; each place keeps its exact mean and variance.

    What the anchors do not explain of a place is drawn for that place alone, from the seed and its row, so a pool drawn
    in pieces gives the same functions.

    Args:
        moments: posterior mean [n] and variance [n].
        to_anchors: [n, Z] posterior covariance with the anchors.
        anchors: [Z, Z] posterior covariance of the anchors.
        rows: [n] numbers of the places.
        seed: of the draws.
        draws: S.

    Returns:
        Float32 [S, n].

    Source: the training conditional of Snelson and Ghahramani 2006 (FITC), NIPS 18.
    """
    from scipy.linalg import cholesky, solve_triangular

    mean, variance = moments
    jitter = 1e-6 * np.diag(anchors).mean()
    factor = cholesky(anchors + jitter * np.eye(len(anchors)), lower=True)
    explained = solve_triangular(factor, to_anchors.T, lower=True)
    alone = np.sqrt(np.maximum(variance - (explained**2).sum(0), 0))
    common = np.random.default_rng(seed).standard_normal((draws, len(anchors)))
    return (mean + common @ explained + alone * normals(seed, rows, draws)).astype(np.float32)
