"""The role of a calibration: from held-out predictions to corrected uncertainty, for values and classes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from activeloop.metrics import spearman
from activeloop.models.calibration.metrics import (
    CENTRAL,
    calibration_curve,
    class_error,
    class_surprise,
    ends,
    miscalibration_area,
    normal_surprise,
    quantile_error,
)
from activeloop.prediction import NORMAL, Prediction

#: with fewer held-out values nothing is corrected
FEWEST = 8
#: central intervals whose coverage is told
SHOWN = np.array([0.5, 0.8, 0.9, 0.95])


@dataclass(frozen=True)
class OutOfFoldPredictions:
    """Measured candidates and what would have been said of them had they not been seen.

    Args:
        values: [N] measured, larger is better.
        mean: [N] predicted.
        sd: [N] spread of the prediction, without noise.
        noise: standard deviation of one measurement as the model knows it; 0 when it knows none.
    """

    values: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    noise: float

    @classmethod
    def of_prediction(cls, values: np.ndarray, prediction: Prediction) -> OutOfFoldPredictions:
        """Values [N] beside a prediction about the same candidates, of one assay."""
        return cls(values, prediction.mean[:, 0], prediction.sd[:, 0], float(prediction.noise[0]))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def total(self) -> np.ndarray:
        """[N] standard deviation of a new measurement; not 0."""
        floor = 1e-6 * float(np.abs(self.values - self.mean).mean()) + 1e-300
        return np.maximum(np.hypot(self.sd, self.noise), floor)

    @property
    def standardised(self) -> np.ndarray:
        """[N] (value - mean) / standard deviation."""
        return (self.values - self.mean) / self.total

    def take(self, index: np.ndarray) -> OutOfFoldPredictions:
        """Some of them."""
        return replace(self, values=self.values[index], mean=self.mean[index], sd=self.sd[index])

    def scaled(self, spread: float, noise: float) -> OutOfFoldPredictions:
        """The same with spreads multiplied and another noise."""
        return replace(self, sd=spread * self.sd, noise=noise)


def figures(judged: Sequence[tuple[OutOfFoldPredictions, np.ndarray | None]]) -> dict[str, float]:
    """Figures of calibration of values that were not fitted; the names are those of `Validated.metrics`.

    `sharpness` is the mean width of the 90 % intervals in standard deviations of the values, `nll` the mean negative
    log likelihood of normal distributions in nats, with values in their standard deviations as well.

    Args:
        judged: held-out values, and the quantiles [K] of the standardised ones that a correction states for them
            (None = normal); at least one value in all.
    """
    values, mean, total = (np.concatenate([getattr(u, k) for u, _ in judged]) for k in ("values", "mean", "total"))
    z = np.concatenate([normal_equivalents(u.standardised, shape) for u, shape in judged])
    width = np.concatenate([np.diff(ends(np.array([0.9]), shape), axis=0)[0] * u.total for u, shape in judged])
    unit = float(values.std()) or 1.0
    curve = calibration_curve(CENTRAL, z)
    return {
        "held_out": float(len(values)),
        "held_out_spearman": spearman(mean, values, fewest=3),
        **{f"coverage{100 * s:.0f}": float(calibration_curve(np.array([s]), z)[0]) for s in SHOWN},
        "miscalibration_area": miscalibration_area(CENTRAL, curve),
        "quantile_error": quantile_error(z),
        "sharpness": float(width.mean()) / unit,
        "nll": normal_surprise(values / unit, mean / unit, total / unit),
    }


def normal_equivalents(standardised: np.ndarray, shape: np.ndarray | None) -> np.ndarray:
    """[N] the normal quantile of the same probability as each standardised value has by a shape [K]."""
    return standardised if shape is None else np.interp(standardised, shape, NORMAL)


@dataclass(frozen=True)
class OutOfFoldClasses:
    """Measured classes and what would have been said of them had they not been seen.

    Args:
        labels: [N] 1 = the last class.
        probability: [N] of the last class.
    """

    labels: np.ndarray
    probability: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: np.ndarray) -> OutOfFoldClasses:
        """Some of them."""
        return OutOfFoldClasses(self.labels[index], self.probability[index])

    def metrics(self) -> dict[str, float]:
        """Rank correlation, expected calibration error and mean negative log likelihood (nats)."""
        return {
            "held_out": float(len(self)),
            "held_out_spearman": spearman(self.probability, self.labels, fewest=3),
            "ece": class_error(self.probability, self.labels),
            "nll": class_surprise(self.probability, self.labels),
        }


@dataclass(frozen=True)
class ProbabilityTemperature:
    """Log-odds of every class divided by a temperature: above 1 less sure, below 1 surer.

    Args:
        temperature: above 0.

    Source: Guo et al. 2017, arXiv:1706.04599.
    """

    temperature: float

    @classmethod
    def learned(cls, unseen: OutOfFoldClasses, width: float = 0.3) -> ProbabilityTemperature:
        """The temperature that makes held-out classes likeliest, drawn towards 1 where they are few."""
        from scipy.optimize import minimize_scalar

        if len(unseen) < FEWEST:
            return cls(1.0)

        def surprise(log: float) -> float:
            moved = powered(unseen.probability, np.exp(-log))
            return len(unseen) * class_surprise(moved, unseen.labels) + 0.5 * (log / width) ** 2

        found = minimize_scalar(surprise, bounds=(-5 * width, 5 * width), method="bounded")
        return cls(float(np.exp(found.x)))  # type: ignore[union-attr]

    def __call__(self, prediction: Prediction) -> Prediction:
        """Draws and means with the temperature; spreads follow as the means move."""
        if self.temperature == 1:
            return prediction
        power = 1 / self.temperature
        mean = _shared(powered(prediction.mean, power))
        slope = power * mean * (1 - mean) / np.maximum(prediction.mean * (1 - prediction.mean), 1e-12)
        sd = np.minimum(prediction.sd * slope, 0.5)
        return replace(prediction, draws=_shared(powered(prediction.draws, power)), mean=mean, sd=sd)

    def moved(self, unseen: OutOfFoldClasses) -> OutOfFoldClasses:
        """Held-out probabilities with the temperature."""
        return replace(unseen, probability=powered(unseen.probability, 1 / self.temperature))

    def state(self) -> dict[str, np.ndarray]:
        """Arrays from which `restored` makes it again."""
        return {"temperature": np.array([self.temperature])}

    @classmethod
    def restored(cls, state: dict[str, np.ndarray]) -> ProbabilityTemperature:
        """The counterpart of `state`."""
        return cls(float(state["temperature"][0]))


def powered(probability: np.ndarray, power: float) -> np.ndarray:
    """Probabilities [...] whose log-odds are multiplied.

    >>> powered(np.array([0.5, 0.8]), 2.0).round(3).tolist()
    [0.5, 0.941]
    """
    p = np.clip(probability, 1e-12, 1 - 1e-12)
    return 1 / (1 + np.exp(-power * (np.log(p) - np.log1p(-p))))


def _shared(probabilities: np.ndarray) -> np.ndarray:
    """Classes [..., C] whose sum is 1."""
    return probabilities / probabilities.sum(-1, keepdims=True)


@dataclass(frozen=True)
class Rescaling:
    """A correction of what a model says of one assay: means and their order stay, draws stay functions.

    Args:
        spread: factor of the distance of every draw from the mean, and of the spread.
        noise: standard deviation of one measurement, in place of the model's.
        shape: [K] quantiles, at `predictive.LEVELS`, of a new measurement's standardised distance from the mean;
            None = normal.
    """

    spread: float
    noise: float
    shape: np.ndarray | None = None

    def __call__(self, prediction: Prediction) -> Prediction:
        """The prediction with corrected draws, spread, noise and intervals."""
        shape = prediction.shape if self.shape is None else self.shape[None]
        if self.spread == 1:
            return replace(prediction, noise=np.array([self.noise]), shape=shape)
        mean = prediction.mean.astype(prediction.draws.dtype)
        draws = mean + prediction.draws.dtype.type(self.spread) * (prediction.draws - mean)
        return Prediction(
            draws, prediction.mean, self.spread * prediction.sd, np.array([self.noise]), prediction.classes, shape
        )

    def state(self) -> dict[str, np.ndarray]:
        """Arrays from which `restored` makes it again."""
        shape = {} if self.shape is None else {"shape": self.shape}
        return {"scales": np.array([self.spread, self.noise]), **shape}

    @classmethod
    def restored(cls, state: dict[str, np.ndarray]) -> Rescaling:
        """The counterpart of `state`."""
        spread, noise = map(float, state["scales"])
        return cls(spread, noise, state.get("shape"))


class Calibration(ABC):
    """How a correction is learned. A frozen dataclass of settings."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name in configs and reports."""

    @abstractmethod
    def learn(self, unseen: OutOfFoldPredictions) -> Rescaling:
        """The correction that held-out values ask for; none when they are fewer than 8."""

    @abstractmethod
    def sharpen(self, unseen: OutOfFoldClasses) -> ProbabilityTemperature:
        """The correction of probabilities that held-out classes ask for; none when they are fewer than 8."""
