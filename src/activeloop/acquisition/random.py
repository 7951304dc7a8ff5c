"""The random baseline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.acquisition.base import AcquisitionContext, AcquisitionFunction
from activeloop.prediction import Prediction


@dataclass(frozen=True)
class Random(AcquisitionFunction):
    """The same value for all candidates: every batch strategy breaks ties at random, by the seed."""

    name = "random"

    def __call__(self, prediction: Prediction, context: AcquisitionContext) -> np.ndarray:
        """[N] zeros."""
        return np.zeros(len(prediction))

    def reason(self, prediction: Prediction, i: int) -> str:
        """Chance."""
        return "drawn at random"
