"""Exact Gaussian processes from a kernel matrix: marginal likelihood, posterior, joint samples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import numpy as np

from activeloop.candidates import Pool
from activeloop.measurements import Dataset
from activeloop.models.gp.core import ExactConditioned, tied_samples
from activeloop.models.out_of_fold import OutOfFoldSd
from activeloop.models.transforms import Scale, standard
from activeloop.prediction import Prediction, Predictor

#: noise variances that are tried, as shares of the amplitude
RATIOS = np.geomspace(1e-3, 30, 31)
#: the amplitude is drawn towards 1 (the spread of standardised targets) as by this many values
PRIOR_VALUES = 2.0


@dataclass(frozen=True)
class ScaledPosterior:
    """A function f = mean + sqrt(amplitude) * process after N noisy values of it; the process has variance 1.

    Args:
        mean: the constant.
        amplitude: variance of the function before any value.
        noise: standard deviation of one value, beside its known error.
        process: given the values less the mean; its noise variances are those of the values over the amplitude.
    """

    mean: float
    amplitude: float
    noise: float
    process: ExactConditioned

    def moments(self, cross: np.ndarray, whitened: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean [n] and variance [n] at n places with kernel rows [n, N], whitened by the process, and k(x, x) = 1."""
        variance = self.amplitude * np.maximum(1 - np.square(whitened).sum(1), 1e-9)
        return self.mean + cross @ self.process.weights, variance

    def leave_one_out(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean [N] and variance [N] of the function at each value given all others, hyperparameters kept."""
        mean, variance = self.process.leave_one_out
        return self.mean + mean, np.maximum(self.amplitude * variance - self.noise**2, 1e-9 * self.amplitude)


def fit_posterior(gram: np.ndarray, targets: np.ndarray, errors: np.ndarray) -> ScaledPosterior:
    """Choose noise, amplitude and mean by marginal likelihood, the latter two in closed form.

    Args:
        gram: [N, N] kernel of the measured candidates, 1 on its diagonal.
        targets: [N] standardised values.
        errors: [N] their standard errors, known beforehand (0 = not known); they add to the noise that is fitted.

    Raises:
        ModelError: the kernel is not a covariance.
    """
    ratio = _maximum_likelihood_ratio(gram, targets, float(np.mean(errors**2)))
    process = ExactConditioned.of(gram, targets, ratio + errors**2)
    ones = np.ones_like(targets)
    mean = float(ones @ process.weights / (ones @ process.solve(ones)))
    process = replace(process, values=targets - mean)
    amplitude = float((process.weights @ process.values + PRIOR_VALUES) / (len(targets) + PRIOR_VALUES))
    return ScaledPosterior(mean, amplitude, float(np.sqrt(amplitude * ratio)), process)


def _maximum_likelihood_ratio(gram: np.ndarray, targets: np.ndarray, known: float) -> float:
    """The noise variance over the amplitude, besides a known part, of the greatest profile likelihood."""
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
    posterior: ScaledPosterior
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
        cross = self.kernel(pool, rows)
        whitened = self.posterior.process.whiten(cross)
        moments = self.posterior.moments(cross, whitened)
        if anchors is None:
            return np.zeros((0, len(rows)), np.float32), *moments
        to_anchors = self.posterior.amplitude * (anchors.kernel(pool, rows) - whitened @ anchors.whitened.T)
        return tied_samples(moments, to_anchors, anchors.covariance, rows, seed, draws), *moments

    def held_out(self) -> np.ndarray:
        """[N] predictions of the measured candidates, each without its own value."""
        return self.scale.to_value(self.posterior.leave_one_out()[0])

    def held_out_spread(self) -> np.ndarray:
        """[N] their standard deviations, without noise."""
        return self.scale.factor * np.sqrt(self.posterior.leave_one_out()[1])

    def explain(self) -> str:
        """Basis, amplitude and noise."""
        return (
            f"A Gaussian process on {self.basis} of {len(self.posterior.process.values)} measured candidates; "
            f"noise of one value {self.scale.factor * self.posterior.noise:.3g}, spread of what is unknown "
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
        whitened: [Z, N] what the measured candidates explain of them.
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
        whitened = model.posterior.process.whiten(model.kernel(pool, rows))
        return cls(kernel, whitened, model.posterior.amplitude * (kernel(pool, rows) - whitened @ whitened.T))
