"""Quantiles corrected to the shares that were found: intervals may become lopsided."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from activeloop.models.calibration.base import Calibration, Rescaling
from activeloop.models.calibration.classes import Sharpening, UnseenClasses
from activeloop.models.calibration.own_noise import OwnNoise
from activeloop.models.calibration.unseen import FEWEST, Unseen
from activeloop.predictive import NORMAL


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

    first: Calibration = field(default_factory=OwnNoise)

    @property
    def name(self) -> str:
        """`isotonic`."""
        return "isotonic"

    def learn(self, unseen: Unseen) -> Rescaling:
        """The scales and the quantiles; see `Calibration.learn`."""
        scales = self.first.learn(unseen)
        if len(unseen) < FEWEST:
            return scales
        z = unseen.scaled(scales.spread, scales.noise).standardised
        return Rescaling(scales.spread, scales.noise, quantiles(z))

    def sharpen(self, unseen: UnseenClasses) -> Sharpening:
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
