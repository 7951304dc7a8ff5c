"""Intervals as wide as held-out errors were, with the correction for a finite number of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from activeloop.models.calibration.base import Calibration, Rescaling
from activeloop.models.calibration.classes import Sharpening, UnseenClasses
from activeloop.models.calibration.own_noise import OwnNoise
from activeloop.models.calibration.unseen import FEWEST, Unseen
from activeloop.predictive import LEVELS, NORMAL


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

    first: Calibration = field(default_factory=OwnNoise)

    @property
    def name(self) -> str:
        """`conformal`."""
        return "conformal"

    def learn(self, unseen: Unseen) -> Rescaling:
        """The scales and the quantiles; see `Calibration.learn`."""
        scales = self.first.learn(unseen)
        if len(unseen) < FEWEST:
            return scales
        z = unseen.scaled(scales.spread, scales.noise).standardised
        half = widths(np.abs(z))
        return Rescaling(scales.spread, scales.noise, np.concatenate([-half[:0:-1], half]))

    def sharpen(self, unseen: UnseenClasses) -> Sharpening:
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
