"""Gaussian processes with a fixed kernel: amplitude, noise and mean by marginal likelihood, predictions, samples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import numpy as np

from activeloop.candidates import Pool
from activeloop.models.gp.core import ExactConditioned, tied_samples
from activeloop.models.transforms import PieceFunction, Scale, TargetCovariance, TransformedPredictor

#: noise variances that are tried, as shares of the amplitude
RATIOS = np.geomspace(1e-3, 30, 31)
#: the prior pulls the amplitude towards 1 (the variance of standardised targets) as this many values would
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
    ratio, _ = best_ratio(gram, targets, float(np.mean(errors**2)))
    process = ExactConditioned.of(gram, targets, ratio + errors**2)
    ones = np.ones_like(targets)
    mean = float(ones @ process.weights / (ones @ process.solve(ones)))
    process = replace(process, values=targets - mean)
    amplitude = float((process.weights @ process.values + PRIOR_VALUES) / (len(targets) + PRIOR_VALUES))
    return ScaledPosterior(mean, amplitude, float(np.sqrt(amplitude * ratio)), process)


def best_ratio(gram: np.ndarray, targets: np.ndarray, known: float) -> tuple[float, float]:
    """The noise variance over the amplitude, besides a known part, of the greatest profile likelihood; and that one.

    Args:
        gram: [N, N] kernel, 1 on its diagonal.
        targets: [N] standardised values.
        known: variance of the values that is known beforehand.
    """
    values, vectors = np.linalg.eigh(gram)
    target, one = vectors.T @ targets, vectors.T @ np.ones(len(targets))
    freedom = len(targets) + PRIOR_VALUES
    variances = np.maximum(values, 0) + RATIOS[:, None] + known  # [ratios, N]
    mean = (one * target / variances).sum(1) / (one * one / variances).sum(1)
    amplitude = (((target - mean[:, None] * one) ** 2 / variances).sum(1) + PRIOR_VALUES) / freedom
    likelihoods = -0.5 * (freedom * np.log(amplitude) + np.log(variances).sum(1))
    best = int(np.argmax(likelihoods))
    return float(RATIOS[best]), float(likelihoods[best])


class CovarianceFunction(ABC):
    """The kernel of candidates with N reference candidates; a covariance, 1 of a candidate with itself."""

    @abstractmethod
    def __call__(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[n, N] float64, at most 1."""

    @abstractmethod
    def to(self, pool: Pool, rows: np.ndarray) -> CovarianceFunction:
        """The same kernel with other references: rows of a pool."""


#: candidates through which joint samples are tied together
ANCHORS = 384


@dataclass(frozen=True)
class GPPredictor(TransformedPredictor):
    """The fitted process; samples are tied together through 384 candidates of the pool that the seed chooses.

    Args:
        kernel: with the measured candidates.
        posterior: of standardised values.
        transform: of the assay.
        basis: what the kernel compares.
    """

    kernel: CovarianceFunction
    posterior: ScaledPosterior
    transform: Scale
    basis: str

    @property
    def noise(self) -> float:  # type: ignore[override]
        """Standard deviation of one measurement, in targets."""
        return self.posterior.noise

    def _piece_function(self, pool: Pool, rows: np.ndarray, seed: int, draws: int) -> PieceFunction:
        process, amplitude = self.posterior.process, self.posterior.amplitude
        if draws:
            # from the whole pool, so that every piece of it has the same anchors
            some = np.random.default_rng(seed).choice(len(pool), min(ANCHORS, len(pool)), replace=False)
            anchors, explained = self.kernel.to(pool, some), process.whiten(self.kernel(pool, some))
            covariance = amplitude * (anchors(pool, some) - explained @ explained.T)

        def predicted(piece: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            cross = self.kernel(pool, rows[piece])
            whitened = process.whiten(cross)
            moments = self.posterior.moments(cross, whitened)
            samples = np.zeros((0, len(cross)), np.float32)
            if draws:
                to_anchors = amplitude * (anchors(pool, rows[piece]) - whitened @ explained.T)
                samples = tied_samples(moments, to_anchors, covariance, rows[piece], seed, draws)
            return samples, moments[0], np.sqrt(moments[1])

        return predicted

    def _target_covariance(self) -> TargetCovariance:
        def covariance(pool: Pool, rows: np.ndarray, other: Pool, others: np.ndarray) -> np.ndarray:
            process = self.posterior.process
            here, there = (process.whiten(self.kernel(p, r)) for p, r in ((pool, rows), (other, others)))
            return self.posterior.amplitude * (self.kernel.to(other, others)(pool, rows) - here @ there.T)

        return covariance

    def _target_mean(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        weights = self.posterior.process.weights
        parts = [self.kernel(pool, rows[piece]) @ weights for piece in self._pieces(rows)]
        return self.posterior.mean + np.concatenate(parts)

    def _leave_one_out(self) -> tuple[np.ndarray, np.ndarray]:
        mean, variance = self.posterior.leave_one_out()
        return mean, np.sqrt(variance)

    def explain(self) -> str:
        """Basis, amplitude and noise."""
        factor, labels = self.transform.factor, len(self.posterior.process.values)
        return (
            f"A Gaussian process on {self.basis} of {labels} measured candidates; noise of one value "
            f"{factor * self.noise:.3g}, standard deviation of the function "
            f"{factor * np.sqrt(self.posterior.amplitude):.3g}."
        )

    def state(self) -> dict[str, np.ndarray]:
        """{}: fitted again from the same data in a fraction of a second."""
        return {}
