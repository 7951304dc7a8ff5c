"""A batch of two parts: what looks best, and what would be best if one plausible model were true."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.acquisition.base import BatchChoice, Situation
from activeloop.acquisition.thompson import ThompsonBatch
from activeloop.acquisition.topk import TopK
from activeloop.predictive import Predictive


@dataclass(frozen=True)
class Portfolio(BatchChoice):
    """The best scores, and for the rest of the batch the best candidate of each joint draw.

    A batch of the best scores alone follows the model into the first hill it found; on rugged landscapes that is where
    campaigns end. A batch of draws alone spends wells on models that are merely possible. Part of each is the hedge.

    Args:
        share: part of the batch that draws choose, 0 to 1.

    Source: the draws are Thompson sampling in parallel (Kandasamy et al. 2018, arXiv:1705.09236).
    """

    share: float = 0.5
    needs_draws = True
    phrase = "part of the plate follows the best prediction, part single plausible models"

    @property
    def name(self) -> str:
        """`portfolio`."""
        return "portfolio"

    def __call__(
        self, belief: Predictive, scores: np.ndarray, n: int, situation: Situation, features: np.ndarray
    ) -> np.ndarray:
        """[n] indices: the best scores first, then those of the draws."""
        drawn = round(self.share * n)
        best = TopK()(belief, scores, n - drawn, situation, features)
        rest = np.setdiff1d(np.arange(len(scores)), best)
        hedge = ThompsonBatch()(belief.take(rest), scores[rest], drawn, situation, features[rest])
        return np.concatenate([best, rest[hedge]])
