"""Calibrations by name: none, noise estimation, temperature scaling, conformal, isotonic."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from activeloop.models.calibration.base import (
    FEWEST,
    Calibration,
    OutOfFoldClasses,
    OutOfFoldPredictions,
    ProbabilityTemperature,
    Rescaling,
)
from activeloop.prediction import LEVELS, NORMAL


@dataclass(frozen=True)
class Uncalibrated(Calibration):
    """What the model states stays as it is; its versions carry figures of it all the same."""

    @property
    def name(self) -> str:
        """Empty: the learner keeps its name."""
        return ""

    def learn(self, unseen: OutOfFoldPredictions) -> Rescaling:
        """Nothing."""
        return Rescaling(1.0, unseen.noise)

    def sharpen(self, unseen: OutOfFoldClasses) -> ProbabilityTemperature:
        """Nothing."""
        return ProbabilityTemperature(1.0)


@dataclass(frozen=True)
class TemperatureScaling(Calibration):
    """Factors of spread and noise that make the held-out values likeliest, drawn towards 1 where these are few.

    A learner that knows no noise of its own (networks, forests) gets the noise that its held-out errors ask for.

    Args:
        width: standard deviation of the logarithm of each factor around 0 before any value was seen.

    Source: Guo et al. 2017, arXiv:1706.04599, and for regression Levi et al. 2022, doi:10.3390/s22155540.
    """

    width: float = 0.3

    @property
    def name(self) -> str:
        """`temperature`."""
        return "temperature"

    def learn(self, unseen: OutOfFoldPredictions) -> Rescaling:
        """The two factors; see `Calibration.learn`."""
        if len(unseen) < FEWEST:
            return Rescaling(1.0, unseen.noise)
        errors = unseen.values - unseen.mean
        noise, width = unseen.noise, self.width
        if not noise > 0:
            # half of the errors' variance, and nearly free: nothing is known beforehand
            noise, width = float(np.sqrt(np.mean(errors**2) / 2)) or 1e-300, 5 * self.width
        spread, factor = _likeliest(errors, unseen.sd, noise, np.array([self.width, width]))
        return Rescaling(spread, factor * noise)

    def sharpen(self, unseen: OutOfFoldClasses) -> ProbabilityTemperature:
        """The temperature of probabilities; see `Calibration.sharpen`."""
        return ProbabilityTemperature.learned(unseen, self.width)


def _likeliest(errors: np.ndarray, sd: np.ndarray, noise: float, widths: np.ndarray) -> tuple[float, float]:
    """Factors of spread and noise of greatest posterior density."""
    from scipy.optimize import minimize

    unit = float(np.mean(errors**2)) or 1.0
    squares, parts = errors**2 / unit, np.stack([sd**2, np.full_like(sd, noise**2)]) / unit

    def surprise(logs: np.ndarray) -> tuple[float, np.ndarray]:
        scaled = np.exp(2 * logs)[:, None] * parts
        variance = scaled.sum(0) + 1e-9
        slope = (scaled * (1 / variance - squares / variance**2)).sum(1)
        away = logs / widths
        return float(0.5 * (np.log(variance) + squares / variance).sum() + 0.5 * away @ away), slope + away / widths

    bounds = [(-5 * float(w), 5 * float(w)) for w in widths]
    spread, factor = np.exp(minimize(surprise, np.zeros(2), jac=True, method="L-BFGS-B", bounds=bounds).x)
    return float(spread), float(factor)


@dataclass(frozen=True)
class NoiseEstimation(Calibration):
    """A temperature for networks and forests; spread and noise of learners that know theirs stay as they are.

    So nothing that a campaign chooses changes with the learners that are used by default: their stated spreads were
    right without a correction (`docs/results/calibration`).

    Args:
        otherwise: the temperature of the others.
    """

    otherwise: TemperatureScaling = field(default_factory=TemperatureScaling)

    @property
    def name(self) -> str:
        """`noise`."""
        return "noise"

    def learn(self, unseen: OutOfFoldPredictions) -> Rescaling:
        """Nothing, or the temperature; see `Calibration.learn`."""
        return Rescaling(1.0, unseen.noise) if unseen.noise > 0 else self.otherwise.learn(unseen)

    def sharpen(self, unseen: OutOfFoldClasses) -> ProbabilityTemperature:
        """Nothing."""
        return ProbabilityTemperature(1.0)


@dataclass(frozen=True)
class Conformal(Calibration):
    """Symmetric intervals from the ranked held-out errors in units of the stated spread.

    With N held-out values an interval of probability p ends at the ceil((N + 1) p)-th smallest error, which covers a
    value exchangeable with them with at least p; CV+ and leave-one-out predictions lose little of that in practice.
    Where N is too small for p, the interval goes on as a normal one from the largest error. The
    promise is for candidates like the measured ones, not for those that a campaign chooses because they look best.

    Args:
        first: what is done to spread and noise; with the default, draws stay as they are where a noise is known.

    Source: Lei et al. 2018, arXiv:1604.04173; Barber et al. 2021, arXiv:1905.02928 (cross-conformal, CV+).
    """

    first: Calibration = field(default_factory=NoiseEstimation)

    @property
    def name(self) -> str:
        """`conformal`."""
        return "conformal"

    def learn(self, unseen: OutOfFoldPredictions) -> Rescaling:
        """The scales and the quantiles; see `Calibration.learn`."""
        scales = self.first.learn(unseen)
        if len(unseen) < FEWEST:
            return scales
        z = unseen.scaled(scales.spread, scales.noise).standardised
        half = widths(np.abs(z))
        return Rescaling(scales.spread, scales.noise, np.concatenate([-half[:0:-1], half]))

    def sharpen(self, unseen: OutOfFoldClasses) -> ProbabilityTemperature:
        """As the first correction does; see `Calibration.sharpen`."""
        return self.first.sharpen(unseen)


def widths(errors: np.ndarray) -> np.ndarray:
    """[(K + 1) / 2] half widths of the central intervals that end at `predictive.LEVELS` from 0.5 on.

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
class Isotonic(Calibration):
    """The monotone map from stated to found quantiles.

    The isotonic regression of found shares on stated ones is, for distinct values, the steps of the held-out quantiles
    themselves; they are joined by straight lines on a normal scale, which go on beyond the outermost values with the
    slope that all of them have. Only intervals change shape: draws follow the first correction alone.

    Args:
        first: what is done to spread and noise; with the default, draws stay as they are where a noise is known.

    Source: Kuleshov et al. 2018, arXiv:1807.00263.
    """

    first: Calibration = field(default_factory=NoiseEstimation)

    @property
    def name(self) -> str:
        """`isotonic`."""
        return "isotonic"

    def learn(self, unseen: OutOfFoldPredictions) -> Rescaling:
        """The scales and the quantiles; see `Calibration.learn`."""
        scales = self.first.learn(unseen)
        if len(unseen) < FEWEST:
            return scales
        z = unseen.scaled(scales.spread, scales.noise).standardised
        return Rescaling(scales.spread, scales.noise, quantiles(z))

    def sharpen(self, unseen: OutOfFoldClasses) -> ProbabilityTemperature:
        """As the first correction does; see `Calibration.sharpen`."""
        return self.first.sharpen(unseen)


def quantiles(standardised: np.ndarray) -> np.ndarray:
    """[K] quantiles at `predictive.LEVELS` of standardised values [N].

    >>> wide = quantiles(np.random.default_rng(0).normal(0, 2, 2000))
    >>> (wide[[39, 359]] / NORMAL[[39, 359]]).round(1).tolist()
    [2.0, 2.0]
    """
    from scipy.special import ndtri

    n, known = len(standardised), np.sort(standardised)
    place = ndtri(np.arange(1, n + 1) / (n + 1))
    beyond = np.maximum(NORMAL - place[-1], 0) + np.minimum(NORMAL - place[0], 0)
    return np.interp(NORMAL, place, known) + float(known.std()) * beyond
