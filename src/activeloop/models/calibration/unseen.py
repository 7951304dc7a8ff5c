"""Held-out predictions beside what was measured: what calibration is learned from and judged on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from activeloop.metrics import spearman
from activeloop.models.calibration.metrics import (
    CENTRAL,
    calibration_curve,
    ends,
    miscalibration_area,
    normal_surprise,
    quantile_error,
)
from activeloop.predictive import NORMAL, Predictive

#: with fewer held-out values nothing is corrected
FEWEST = 8
#: central intervals whose coverage is told
SHOWN = np.array([0.5, 0.8, 0.9, 0.95])


@dataclass(frozen=True)
class Unseen:
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
    def of_belief(cls, values: np.ndarray, belief: Predictive) -> Unseen:
        """Values [N] beside a belief about the same candidates, of one assay."""
        return cls(values, belief.mean[:, 0], belief.sd[:, 0], float(belief.noise[0]))

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

    def take(self, index: np.ndarray) -> Unseen:
        """Some of them."""
        return replace(self, values=self.values[index], mean=self.mean[index], sd=self.sd[index])

    def scaled(self, spread: float, noise: float) -> Unseen:
        """The same with spreads multiplied and another noise."""
        return replace(self, sd=spread * self.sd, noise=noise)


def figures(judged: Sequence[tuple[Unseen, np.ndarray | None]]) -> dict[str, float]:
    """Figures of calibration of values that were not fitted; the names are those of `Checked.metrics`.

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
