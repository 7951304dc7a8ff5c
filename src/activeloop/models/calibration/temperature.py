"""One factor for what the model does not know, one for the noise: the least that makes stated spreads honest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.models.calibration.base import Calibration, Rescaling
from activeloop.models.calibration.classes import Sharpening, UnseenClasses
from activeloop.models.calibration.unseen import FEWEST, Unseen


@dataclass(frozen=True)
class Temperature(Calibration):
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

    def learn(self, unseen: Unseen) -> Rescaling:
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

    def sharpen(self, unseen: UnseenClasses) -> Sharpening:
        """The temperature of probabilities; see `Calibration.sharpen`."""
        return Sharpening.learned(unseen, self.width)


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
