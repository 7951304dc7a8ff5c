"""Corrections of stated uncertainty, and how they are learned: noise, temperature scaling, conformal, isotonic."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from activeloop.metrics import Z90
from activeloop.models.calibration.held_out import OutOfFoldClasses, OutOfFoldPredictions, class_nll
from activeloop.prediction import LEVELS, NORMAL, Prediction

#: with fewer held-out values nothing is corrected
FEWEST = 8
#: held-out values from which a coverage that is clearly too low counts against a learner that knows its noise
ENOUGH = 20


@dataclass(frozen=True)
class Rescaling:
    """A correction of predicted values of one assay: means and their order stay, each draw stays one function.

    Args:
        spread: factor of the distance of every draw from the mean, and of the standard deviation.
        noise: standard deviation of one measurement, in place of the model's.
        shape: [K] quantiles, at `prediction.LEVELS`, of a new measurement's standardised distance from the mean;
            None = normal.
    """

    spread: float
    noise: float
    shape: np.ndarray | None = None

    def __call__(self, prediction: Prediction) -> Prediction:
        """The prediction with corrected draws, standard deviation, noise and intervals."""
        noise, shape = np.array([self.noise]), prediction.shape if self.shape is None else self.shape[None]
        if self.spread == 1:
            return replace(prediction, noise=noise, shape=shape)
        mean = prediction.mean.astype(prediction.draws.dtype)
        draws = mean + prediction.draws.dtype.type(self.spread) * (prediction.draws - mean)
        known = tuple(covariance.scaled(self.spread) for covariance in prediction.covariances)
        sd = self.spread * prediction.sd
        return replace(prediction, draws=draws, sd=sd, noise=noise, shape=shape, covariances=known)

    def corrected(self, held_out: OutOfFoldPredictions) -> OutOfFoldPredictions:
        """Held-out predictions with this correction."""
        return replace(held_out, sd=self.spread * held_out.sd, noise=self.noise, shape=self.shape)

    def explain(self, metrics: dict[str, float]) -> str:
        """Coverage of the 90 % intervals, and what was corrected."""
        return (
            f"Of {metrics['held_out']:.0f} held-out values {metrics['coverage90']:.0%} lie in their 90 % interval; the "
            f"standard deviation is multiplied by {self.spread:.2f}, the noise of one value is {self.noise:.3g}."
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


@dataclass(frozen=True)
class ProbabilityTemperature:
    """A correction of class probabilities: log-odds divided by a temperature, above 1 less sure, below 1 surer.

    Args:
        temperature: above 0.

    Source: Guo et al. 2017, arXiv:1706.04599.
    """

    temperature: float

    def __call__(self, prediction: Prediction) -> Prediction:
        """Draws and means with the temperature; spreads follow as the means move."""
        if self.temperature == 1:
            return prediction
        power = 1 / self.temperature
        mean = _normalised(powered(prediction.mean, power))
        slope = power * mean * (1 - mean) / np.maximum(prediction.mean * (1 - prediction.mean), 1e-12)
        sd = np.minimum(prediction.sd * slope, 0.5)
        return replace(prediction, draws=_normalised(powered(prediction.draws, power)), mean=mean, sd=sd)

    def corrected(self, held_out: OutOfFoldClasses) -> OutOfFoldClasses:
        """Held-out probabilities with the temperature."""
        return replace(held_out, probability=powered(held_out.probability, 1 / self.temperature))

    def explain(self, metrics: dict[str, float]) -> str:
        """Expected calibration error, and the temperature."""
        return (
            f"On {metrics['held_out']:.0f} held-out labels its probabilities are {metrics['ece']:.0%} off on average; "
            f"their log-odds were divided by {self.temperature:.2f}."
        )

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


def _normalised(probabilities: np.ndarray) -> np.ndarray:
    return probabilities / probabilities.sum(-1, keepdims=True)


class Calibration(ABC):
    """How a correction is learned from held-out values or classes. A frozen dataclass of settings."""

    #: its name in configs and reports; empty where nothing is corrected
    name: str

    @abstractmethod
    def fit(self, held_out: OutOfFoldPredictions) -> Rescaling:
        """The correction of values; none when fewer than 8 are held out."""

    @abstractmethod
    def fit_classes(self, held_out: OutOfFoldClasses) -> ProbabilityTemperature:
        """The correction of probabilities; none when fewer than 8 are held out."""


@dataclass(frozen=True)
class Uncalibrated(Calibration):
    """Stated uncertainty stays as it is; versions have its metrics all the same."""

    name = ""

    def fit(self, held_out: OutOfFoldPredictions) -> Rescaling:
        """None."""
        return Rescaling(1.0, held_out.noise)

    def fit_classes(self, held_out: OutOfFoldClasses) -> ProbabilityTemperature:
        """None."""
        return ProbabilityTemperature(1.0)


@dataclass(frozen=True)
class TemperatureScaling(Calibration):
    """Factors of standard deviation and noise by maximum likelihood on held-out values, shrunk towards 1.

    A learner that knows no noise of its own (networks, forests) gets the noise that explains its held-out errors best.

    Args:
        width: standard deviation of the logarithm of each factor around 0 before any value was seen.

    Source: Guo et al. 2017, arXiv:1706.04599, and for regression Levi et al. 2022, doi:10.3390/s22155540.
    """

    name = "temperature"

    width: float = 0.3

    def fit(self, held_out: OutOfFoldPredictions) -> Rescaling:
        """The two factors."""
        if len(held_out) < FEWEST:
            return Rescaling(1.0, held_out.noise)
        errors = held_out.values - held_out.mean
        noise, width = held_out.noise, self.width
        if not noise > 0:
            # half of the errors' variance, and nearly free: nothing is known beforehand
            noise, width = float(np.sqrt(np.mean(errors**2) / 2)) or 1e-300, 5 * self.width
        spread, factor = _likeliest(errors, held_out.sd, noise, np.array([self.width, width]))
        return Rescaling(spread, factor * noise)

    def fit_classes(self, held_out: OutOfFoldClasses) -> ProbabilityTemperature:
        """The temperature of their log-odds."""
        from scipy.optimize import minimize_scalar

        if len(held_out) < FEWEST:
            return ProbabilityTemperature(1.0)

        def loss(log: float) -> float:
            nll = class_nll(powered(held_out.probability, np.exp(-log)), held_out.labels)
            return len(held_out) * nll + 0.5 * (log / self.width) ** 2

        found = minimize_scalar(loss, bounds=(-5 * self.width, 5 * self.width), method="bounded")
        return ProbabilityTemperature(float(np.exp(found.x)))  # type: ignore[union-attr]


def _likeliest(errors: np.ndarray, sd: np.ndarray, noise: float, widths: np.ndarray) -> tuple[float, float]:
    """Factors of spread and noise of greatest posterior density."""
    from scipy.optimize import minimize

    unit = float(np.mean(errors**2)) or 1.0
    squares, parts = errors**2 / unit, np.stack([sd**2, np.full_like(sd, noise**2)]) / unit

    def loss(logs: np.ndarray) -> tuple[float, np.ndarray]:
        scaled = np.exp(2 * logs)[:, None] * parts
        variance = scaled.sum(0) + 1e-9
        slope = (scaled * (1 / variance - squares / variance**2)).sum(1)
        away = logs / widths
        return float(0.5 * (np.log(variance) + squares / variance).sum() + 0.5 * away @ away), slope + away / widths

    bounds = [(-5 * float(w), 5 * float(w)) for w in widths]
    spread, factor = np.exp(minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=bounds).x)
    return float(spread), float(factor)


@dataclass(frozen=True)
class NoiseEstimation(Calibration):
    """A temperature for networks and forests; learners that estimate their noise are corrected only where it is needed.

    So nothing that a campaign chooses changes with the learners that are used by default: their standard
    deviations were right without a correction (`docs/results/calibration`). It is needed where of 20 held-out values or
    more clearly fewer than nine tenths lie in their 90 % interval, as where a history misleads.

    Args:
        otherwise: the temperature of the others.
        least: coverage of 90 % intervals below which it is needed.
    """

    name = "noise"

    otherwise: TemperatureScaling = field(default_factory=TemperatureScaling)
    least: float = 0.6

    def fit(self, held_out: OutOfFoldPredictions) -> Rescaling:
        """None, or the temperature."""
        if held_out.noise > 0:
            inside = np.abs(held_out.standardised) <= Z90
            if len(held_out) < ENOUGH or inside.mean() >= self.least:
                return Rescaling(1.0, held_out.noise)
        return self.otherwise.fit(held_out)

    def fit_classes(self, held_out: OutOfFoldClasses) -> ProbabilityTemperature:
        """None."""
        return ProbabilityTemperature(1.0)


@dataclass(frozen=True)
class QuantileCalibration(Calibration):
    """Intervals that end at quantiles of the held-out errors. Draws follow the first correction alone.

    Args:
        first: the correction of standard deviation and noise; by default draws stay as they are where a noise is known.
    """

    first: Calibration = field(default_factory=partial(NoiseEstimation, least=0.0))

    @abstractmethod
    def quantiles(self, standardised: np.ndarray) -> np.ndarray:
        """[K] quantiles, at `prediction.LEVELS`, of which standardised values [N] are a sample."""

    def fit(self, held_out: OutOfFoldPredictions) -> Rescaling:
        """The first correction, and the quantiles after it."""
        scales = self.first.fit(held_out)
        if len(held_out) < FEWEST:
            return scales
        return replace(scales, shape=self.quantiles(scales.corrected(held_out).standardised))

    def fit_classes(self, held_out: OutOfFoldClasses) -> ProbabilityTemperature:
        """The first correction."""
        return self.first.fit_classes(held_out)


@dataclass(frozen=True)
class Conformal(QuantileCalibration):
    """Symmetric intervals from the ranked held-out errors in predicted standard deviations.

    With N held-out values an interval of probability p ends at the ceil((N + 1) p)-th smallest error, which covers a
    value exchangeable with them with at least p; CV+ and leave-one-out predictions lose little of that in practice.
    Where N is too small for p, the interval goes on as a normal one from the largest error. The coverage is guaranteed
    for candidates like the measured ones, not for those that a campaign chooses because their prediction is high.

    Source: Lei et al. 2018, arXiv:1604.04173; Barber et al. 2021, arXiv:1905.02928 (cross-conformal, CV+).
    """

    name = "conformal"

    def quantiles(self, standardised: np.ndarray) -> np.ndarray:
        """Half widths on both sides of 0."""
        half = half_widths(np.abs(standardised))
        return np.concatenate([-half[:0:-1], half])


def half_widths(errors: np.ndarray) -> np.ndarray:
    """[(K + 1) / 2] half widths of the central intervals that end at `prediction.LEVELS` from 0.5 on.

    Args:
        errors: [N] absolute held-out errors in standard deviations.
    """
    levels, normal = 2 * LEVELS[len(LEVELS) // 2 :] - 1, NORMAL[len(LEVELS) // 2 :]
    known, n = np.sort(errors), len(errors)
    rank = np.ceil(np.round((n + 1) * levels, 9)).astype(int)
    half = np.where(rank > 0, known[np.clip(rank - 1, 0, n - 1)], 0.0)
    last = int(np.flatnonzero(rank <= n)[-1])
    beyond = known[-1] * np.maximum(normal / max(float(normal[last]), 1e-9), 1.0)
    return np.where(rank <= n, half, beyond)


@dataclass(frozen=True)
class Isotonic(QuantileCalibration):
    """The monotone map from stated to found quantiles.

    The isotonic regression of found shares on stated ones is, for distinct values, the steps of the held-out quantiles
    themselves; they are joined by straight lines on a normal scale, which go on beyond the outermost values with the
    slope that all of them have.

    Source: Kuleshov et al. 2018, arXiv:1807.00263.

    >>> wide = Isotonic().quantiles(np.random.default_rng(0).normal(0, 2, 2000))
    >>> (wide[[39, 359]] / NORMAL[[39, 359]]).round(1).tolist()
    [2.0, 2.0]
    """

    name = "isotonic"

    def quantiles(self, standardised: np.ndarray) -> np.ndarray:
        """The held-out quantiles, joined and continued."""
        from scipy.special import ndtri

        n, known = len(standardised), np.sort(standardised)
        place = ndtri(np.arange(1, n + 1) / (n + 1))
        beyond = np.maximum(NORMAL - place[-1], 0) + np.minimum(NORMAL - place[0], 0)
        return np.interp(NORMAL, place, known) + float(known.std()) * beyond


CALIBRATIONS: dict[str, type[Calibration]] = {
    "temperature": TemperatureScaling,
    "isotonic": Isotonic,
    "conformal": Conformal,
    "noise": NoiseEstimation,
    "none": Uncalibrated,
}
"""Calibrations by the names that configs use."""
