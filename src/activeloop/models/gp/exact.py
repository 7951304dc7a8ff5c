"""Exact Gaussian processes from a kernel matrix: marginal likelihood, posterior, joint samples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from activeloop.candidates import Pool
from activeloop.errors import ModelError
from activeloop.measurements import Dataset
from activeloop.models.out_of_fold import OutOfFoldSd
from activeloop.models.transforms import Scale, standard
from activeloop.prediction import Prediction, Predictor

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mix(x: np.ndarray) -> np.ndarray:
    """Scramble 64-bit numbers (the finaliser of SplitMix64: Steele et al. 2014, OOPSLA)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def normals(seed: int, rows: np.ndarray, count: int) -> np.ndarray:
    """[count, n] standard normal numbers; column i depends on the seed and rows[i] alone.

    >>> a = normals(7, np.array([3, 5]), 2)
    >>> bool((normals(7, np.array([5]), 2) == a[:, 1:]).all())
    True
    """
    start = np.random.default_rng(seed).integers(2**63, size=(count, 2, 1)).astype(np.uint64)
    bits = mix(start + mix(np.asarray(rows, np.uint64) * _GOLDEN))
    first, second = ((bits >> np.uint64(11)).astype(np.float64) + 0.5).swapaxes(0, 1) * 2.0**-53
    return np.sqrt(-2 * np.log(first)) * np.cos(2 * np.pi * second)


#: noise variances that are tried, as shares of the amplitude
RATIOS = np.geomspace(1e-3, 30, 31)
#: the amplitude is drawn towards 1 (the spread of standardised targets) as by this many values
PRIOR_VALUES = 2.0


@dataclass(frozen=True)
class ExactPosterior:
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


def fit_posterior(gram: np.ndarray, targets: np.ndarray, errors: np.ndarray) -> ExactPosterior:
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


def _solve(gram: np.ndarray, targets: np.ndarray, ratio: float, noise: np.ndarray) -> ExactPosterior:
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
    return ExactPosterior(mean, amplitude, float(np.sqrt(amplitude * ratio)), factor, weights)


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


#: candidates through which joint draws are tied together
ANCHORS = 384
#: candidates that are predicted at once
PIECE = 8192


class CovarianceFunction(ABC):
    """How alike candidates are to N reference candidates; a covariance, 1 for the same candidate."""

    @abstractmethod
    def __call__(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[n, N] float64, at most 1."""

    @abstractmethod
    def to(self, pool: Pool, rows: np.ndarray) -> CovarianceFunction:
        """The same likeness to other references: rows of a pool."""


@dataclass(frozen=True)
class GPPredictor(Predictor, OutOfFoldSd):
    """The fitted process.

    Args:
        kernel: to the measured candidates.
        posterior: of standardised values.
        scale: of the assay.
        basis: what makes candidates alike, for `explain`.
    """

    kernel: CovarianceFunction
    posterior: ExactPosterior
    scale: Scale
    basis: str

    @classmethod
    def of(cls, kernel: CovarianceFunction, dataset: Dataset, basis: str) -> GPPredictor:
        """Fit the hyperparameters to one assay; `kernel` is to the measured candidates."""
        scale = standard(dataset.values[:, 0])
        targets = scale.to_target(dataset.values[:, 0])
        gram = kernel(dataset.pool, dataset.rows)
        return cls(kernel, fit_posterior(gram, targets, dataset.errors[:, 0] / scale.factor), scale, basis)

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """Exact mean and spread; draws are tied together through 384 candidates of the pool that the seed chooses."""
        rows = np.asarray(rows, np.int64)
        anchors = Anchors.of(self, pool, seed) if draws else None
        starts = range(0, max(1, len(rows)), PIECE)
        pieces = [self._piece(pool, rows[i : i + PIECE], anchors, seed, draws) for i in starts]
        joint, mean, variance = (np.concatenate(parts, axis=-1) for parts in zip(*pieces, strict=True))
        factor = self.scale.factor
        return Prediction(
            self.scale.to_value(joint)[:, :, None],
            self.scale.to_value(mean)[:, None],
            factor * np.sqrt(variance)[:, None],
            np.array([factor * self.posterior.noise]),
        )

    def _piece(
        self, pool: Pool, rows: np.ndarray, anchors: Anchors | None, seed: int, draws: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Standardised draws [S, n], mean [n] and variance [n]."""
        similarities = self.kernel(pool, rows)
        whitened = self.posterior.whiten(similarities)
        moments = self.posterior.moments(similarities, whitened)
        if anchors is None:
            return np.zeros((0, len(rows)), np.float32), *moments
        to_anchors = self.posterior.amplitude * (anchors.kernel(pool, rows) - whitened.T @ anchors.whitened)
        return tied_draws(moments, to_anchors, anchors.covariance, rows, seed, draws), *moments

    def held_out(self) -> np.ndarray:
        """[N] predictions of the measured candidates, each without its own value."""
        return self.scale.to_value(self.posterior.held_out()[0])

    def held_out_spread(self) -> np.ndarray:
        """[N] their standard deviations, without noise."""
        return self.scale.factor * np.sqrt(self.posterior.held_out()[1])

    def explain(self) -> str:
        """Basis, amplitude and noise."""
        return (
            f"A Gaussian process on {self.basis} of {len(self.posterior.weights)} measured candidates; noise of one "
            f"value {self.scale.factor * self.posterior.noise:.3g}, spread of what is unknown "
            f"{self.scale.factor * np.sqrt(self.posterior.amplitude):.3g}."
        )

    def state(self) -> dict[str, np.ndarray]:
        """{}: fitted again from the same data in a fraction of a second."""
        return {}


@dataclass(frozen=True)
class Anchors:
    """The candidates that tie draws together.

    Args:
        kernel: to them.
        whitened: [N, Z] what the measured candidates explain of them.
        covariance: [Z, Z] posterior covariance.
    """

    kernel: CovarianceFunction
    whitened: np.ndarray
    covariance: np.ndarray

    @classmethod
    def of(cls, model: GPPredictor, pool: Pool, seed: int) -> Anchors:
        """Chosen from the whole pool by the seed, so that every piece of the pool has the same ones."""
        rows = np.random.default_rng(seed).choice(len(pool), min(ANCHORS, len(pool)), replace=False)
        kernel = model.kernel.to(pool, rows)
        whitened = model.posterior.whiten(model.kernel(pool, rows))
        return cls(kernel, whitened, model.posterior.amplitude * (kernel(pool, rows) - whitened.T @ whitened))
