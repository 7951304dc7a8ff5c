"""The honest twin: every candidate is worth the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.acquisition.base import Score, Situation
from activeloop.prediction import Predictive


@dataclass(frozen=True)
class Random(Score):
    """The same score for all: every choice of a batch breaks ties at random, by the seed."""

    @property
    def name(self) -> str:
        """`random`."""
        return "random"

    def __call__(self, belief: Predictive, situation: Situation) -> np.ndarray:
        """[N] zeros."""
        return np.zeros(len(belief))

    def reason(self, belief: Predictive, i: int) -> str:
        """Chance."""
        return "drawn at random"
