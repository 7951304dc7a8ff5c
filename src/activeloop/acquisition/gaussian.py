"""A joint Gaussian over candidates, in the form of factors: what joint draws say about covariance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.predictive import Predictive

#: variance of the noise where none is known, as a part of the largest variance of a candidate
UNKNOWN_NOISE = 0.01


@dataclass(frozen=True)
class Gaussian:
    """N candidates with covariance `factors @ factors.T`, all assays (or classes) side by side.

    Args:
        mean: [N, A].
        factors: [N, A, S] deviations of the draws from their mean, divided by sqrt(S - 1).
        noise: [A] variance of the noise of one measurement.
    """

    mean: np.ndarray
    factors: np.ndarray
    noise: np.ndarray

    @classmethod
    def of(cls, belief: Predictive) -> Gaussian:
        """From at least two joint draws. The mean is the model's own, not that of the draws."""
        draws = np.moveaxis(belief.draws.astype(np.float64), 0, 2)
        factors = (draws - draws.mean(2, keepdims=True)) / np.sqrt(draws.shape[2] - 1)
        if belief.classes:
            noise = (belief.mean * (1 - belief.mean)).mean(0)
        else:
            noise = np.square(belief.noise)
        largest = np.square(factors).sum(2).max(0, initial=0.0)
        floor = np.where(noise > 0, 0.0, UNKNOWN_NOISE * largest) + 1e-12
        return cls(belief.mean.astype(np.float64), factors, noise + floor)

    @property
    def variance(self) -> np.ndarray:
        """[N, A]."""
        return np.square(self.factors).sum(2)
