"""The batch that tells most about the best: a first plate when all that is known is a prior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.acquisition.base import BatchChoice, Situation, best_first
from activeloop.acquisition.gaussian import Gaussian
from activeloop.acquisition.outcome import require_draws
from activeloop.acquisition.reduction import greedy_reduction
from activeloop.predictive import Predictive


@dataclass(frozen=True)
class Promising(BatchChoice):
    """Among the best by score, the candidates whose measurement lowers the variance of all of those most.

    The top of a prior's list is made of near-duplicates (one position, many letters) and teaches little; a spread over
    the whole pool spends wells on candidates that nobody would want. This lies between: every pick is promising, and
    together they say most about which of the promising are good.

    Args:
        share: part of the candidates that counts as promising.

    Source: greedy A-optimal design (Cohn et al. 1996, arXiv:cs/9603104), restricted to the promising.
    """

    share: float = 0.1
    needs_draws = True
    draws = 256
    phrase = "with the other picks it tells most about the promising ones"

    @property
    def name(self) -> str:
        """`promising`."""
        return "promising"

    def __call__(
        self, belief: Predictive, scores: np.ndarray, n: int, situation: Situation, features: np.ndarray
    ) -> np.ndarray:
        """[n] indices in the order in which they were taken."""
        require_draws(belief, "A choice among the promising")
        few = best_first(scores, min(len(belief), max(4 * n, round(self.share * len(belief)))), situation.rng)
        among = Gaussian.of(belief.take(few))
        noise = np.array(np.broadcast_to(among.noise, among.mean.shape), np.float64)
        # Assays count alike whatever their units.
        spread = np.sqrt(np.maximum(among.variance.mean(0), 1e-300))
        return few[greedy_reduction(among.factors, noise, among.factors / spread[:, None], n)]
