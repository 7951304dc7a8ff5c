"""The random baseline: every candidate is worth the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.acquisition.base import AcquisitionContext, AcquisitionFunction
from activeloop.prediction import Prediction


@dataclass(frozen=True)
class Random(AcquisitionFunction):
    """The same score for all: every choice of a batch breaks ties at random, by the seed."""

    @property
    def name(self) -> str:
        """`random`."""
        return "random"

    def __call__(self, prediction: Prediction, context: AcquisitionContext) -> np.ndarray:
        """[N] zeros."""
        return np.zeros(len(prediction))

    def reason(self, prediction: Prediction, i: int) -> str:
        """Chance."""
        return "drawn at random"
