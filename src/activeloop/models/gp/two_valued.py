"""Assays of two values, such as hit (1) or no hit (0): a Gaussian process in log-odds behind a logistic link."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from activeloop.candidates import Pool
from activeloop.models.gp.core import ExactConditioned
from activeloop.models.gp.exact import CovarianceFunction, GPPredictor, ScaledPosterior
from activeloop.models.gp.logistic import (
    best_amplitude,
    calibrated_odds,
    expected_probability,
    gaussian_values,
    held_out_latent,
    log_odds,
    logistic,
    sd_of_probability,
)
from activeloop.models.out_of_fold import OutOfFoldSd
from activeloop.models.transforms import Scale, ValueCovariance
from activeloop.prediction import Covariance, Prediction, Predictor, ValueMap


@dataclass(frozen=True)
class WithConstant(CovarianceFunction):
    """The kernel of a function plus a constant that is as uncertain, halved so that it is 1 of a candidate with itself.

    Args:
        kernel: of the function.
    """

    kernel: CovarianceFunction

    def to(self, pool: Pool, rows: np.ndarray) -> WithConstant:
        """The same with other references."""
        return WithConstant(self.kernel.to(pool, rows))

    def __call__(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[n, N] from 0.5 to 1."""
        return 0.5 * (1 + self.kernel(pool, rows))


@dataclass(frozen=True)
class TwoValuedPredictor(Predictor, OutOfFoldSd):
    """Probabilities of the higher of two values, as expected values: low + (high - low) * probability.

    For values 0 and 1 a prediction is therefore the probability of a hit.

    Args:
        odds: the process of log-odds: a Gaussian process given the values of Laplace's approximation.
        mode: [N] latent values of the measured candidates.
        labels: [N] 0 for the lower value, 1 for the higher; between them for replicates that disagree.
        levels: the two values.
        correction: shift and factor of the log-odds of probabilities, see `calibrated_odds`.
        unseen: mean [N] and variance [N] of the log-odds of each measured candidate without its own label.
        sign: -1 where values are negated because less is better, else 1.
    """

    odds: GPPredictor
    mode: np.ndarray
    labels: np.ndarray
    levels: tuple[float, float]
    correction: tuple[float, float]
    unseen: tuple[np.ndarray, np.ndarray]
    sign: int = 1

    @classmethod
    def fit(
        cls,
        kernel: CovarianceFunction,
        gram: np.ndarray,
        values: np.ndarray,
        levels: tuple[float, float],
        basis: str,
        sign: int = 1,
        state: dict[str, np.ndarray] | None = None,
    ) -> TwoValuedPredictor:
        """The posterior; its amplitude has the greatest evidence, its prior mean is the share of the higher value.

        Args:
            kernel: with the measured candidates.
            gram: [N, N] of it.
            values: [N] of the assay.
            levels: as `two_levels`.
            basis: what the kernel compares.
            sign: -1 where values are negated because less is better, else 1.
            state: of the same fit from before; None to find mode and amplitude.

        Raises:
            ModelError: the kernel is no covariance.
        """
        labels = (values - levels[0]) / (levels[1] - levels[0])
        share = (labels.sum() + 0.5) / (len(labels) + 1)
        mean, both = float(np.log(share / (1 - share))), 1 + gram
        if state is None:
            mode, amplitude = best_amplitude(both, np.full(len(labels), mean), labels)
        else:
            mode, amplitude = state["latent"], float(state["amplitude"][0])
        found, noise = gaussian_values(mode, labels)
        process = ExactConditioned.of(both / 2, found - mean, noise / (2 * amplitude))
        posterior = ScaledPosterior(mean, 2 * amplitude, 0.0, process)
        variance = 2 * amplitude * np.maximum(1 - process.explained(both / 2), 1e-9)
        unseen = held_out_latent(mode, variance, found, noise)
        correction = (
            calibrated_odds(expected_probability(*unseen), labels)
            if state is None
            else (float(state["odds"][0]), float(state["odds"][1]))
        )
        odds = GPPredictor(WithConstant(kernel), posterior, Scale(0.0, 1.0), basis)
        return cls(odds, mode, labels, levels, correction, unseen, sign)

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """Mean and standard deviation of the probability, in values; draws are joint."""
        odds = self.odds.predict(pool, rows, seed, draws)
        mean, variance = odds.mean[:, 0], np.square(odds.sd[:, 0])
        chance, spread = self._marginals(mean, variance)
        known = tuple(_in_values(each, spread) for each in odds.covariances)
        return Prediction(
            self._value(self._corrected(logistic(odds.draws.astype(np.float64)))).astype(np.float32),
            chance[:, None],
            spread[:, None],
            np.array([self._noise]),
            maps=(self._map,),
            covariances=known,
        )

    def held_out(self) -> np.ndarray:
        """[N] predictions of the measured candidates without their own labels (amplitude kept)."""
        return self._marginals(*self.unseen)[0]

    def held_out_sd(self) -> np.ndarray:
        """[N] their standard deviations."""
        return self._marginals(*self.unseen)[1]

    def explain(self) -> str:
        """Basis and values, and what a prediction means."""
        # in the unit of the assay; 0.0 + takes the sign of -0 away
        other, one = (0.0 + self.sign * level for level in self.levels)
        means = "a prediction is the probability of 1"
        if {other, one} != {0, 1}:
            means = f"a prediction is {other:g} {one - other:+g} x the probability of {one:g}"
        return (
            f"A Gaussian process behind a logistic link on {self.odds.basis} of {len(self.labels)} measured "
            f"candidates: the assay has two values, {other:g} and {one:g} ({int((self.labels > 0.5).sum())} times); "
            f"{means}."
        )

    def state(self) -> dict[str, np.ndarray]:
        """Latent values of the measured candidates, the amplitude, and shift and factor of log-odds."""
        amplitude = np.array([self.odds.posterior.amplitude / 2])
        return {"latent": self.mode, "amplitude": amplitude, "odds": np.array(self.correction)}

    @property
    def _map(self) -> ValueMap:
        low, high = self.levels
        return ValueMap(low=low, high=high, centre=(low + high) / 2, binary={abs(low), abs(high)} == {0, 1})

    @property
    def _width(self) -> float:
        return self.levels[1] - self.levels[0]

    def _value(self, chance: np.ndarray) -> np.ndarray:
        return self.levels[0] + self._width * chance

    def _corrected(self, chance: np.ndarray) -> np.ndarray:
        shift, factor = self.correction
        return logistic(shift + factor * log_odds(chance))

    def _marginals(self, mean: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean [n] and standard deviation [n] of values whose log-odds have a mean and a variance."""
        plain, factor = expected_probability(mean, variance), self.correction[1]
        chance = self._corrected(plain)
        slope = factor * chance * (1 - chance) / np.maximum(plain * (1 - plain), 1e-12)
        sd = np.minimum(slope * sd_of_probability(mean, variance), 0.5)
        return self._value(chance), self._width * np.maximum(sd, 1e-9)

    @cached_property
    def _noise(self) -> float:
        """Standard deviation of one value around its probability, at a typical candidate."""
        chance = self._corrected(expected_probability(*self.unseen))
        return self._width * max(float(np.sqrt((chance * (1 - chance)).mean())), 1e-6)


def _in_values(covariance: Covariance, spread: np.ndarray) -> Covariance:
    """A covariance of log-odds as one of values whose standard deviations [N] are known, to first order."""
    assert isinstance(covariance, ValueCovariance)
    slope = spread / np.sqrt(covariance.variance)
    return replace(covariance, slope=slope, variance=np.square(spread))
