"""A batch of good candidates that differ: the score weighed against likeness to the other picks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.acquisition.base import BatchChoice, Situation
from activeloop.acquisition.logdet import greedy_logdet
from activeloop.acquisition.topk import TopK
from activeloop.predictive import Predictive


@dataclass(frozen=True)
class DiverseTop(BatchChoice):
    """Greedy choice by score plus what is new in the design, as a determinantal point process weighs them.

    Args:
        weight: how much one standard deviation of the scores counts against likeness; large is the top n.
        among: only the best `among * n` scores are considered, so that diversity never brings in a bad candidate.

    Source: Kulesza and Taskar 2012, arXiv:1207.6083, section 3.1 (quality and diversity).
    """

    weight: float = 1.0
    among: int = 10
    spreads = True
    phrase = "unlike the other picks"

    @property
    def name(self) -> str:
        """`diverse`."""
        return "diverse"

    def __call__(
        self, belief: Predictive, scores: np.ndarray, n: int, situation: Situation, features: np.ndarray
    ) -> np.ndarray:
        """[n] indices in the order in which they were taken."""
        best = TopK()(belief, scores, min(len(scores), self.among * n), situation, features)
        x = np.asarray(features, np.float64)[best]
        x = x - x.mean(0)
        scale = float(np.square(x).sum(1).mean()) + 1e-12
        quality = self.weight * scores[best] / max(float(scores[best].std()), 1e-12)
        return best[greedy_logdet(x / np.sqrt(scale), 0.1, n, quality)]
