"""The plainest choice of a batch: the best scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.acquisition.base import BatchChoice, Situation, best_first
from activeloop.predictive import Predictive


@dataclass(frozen=True)
class TopK(BatchChoice):
    """The n best scores, ties in random order."""

    @property
    def name(self) -> str:
        """`top`."""
        return "top"

    def __call__(
        self, belief: Predictive, scores: np.ndarray, n: int, situation: Situation, features: np.ndarray
    ) -> np.ndarray:
        """[n] indices, best first."""
        return best_first(scores, n, situation.rng)
