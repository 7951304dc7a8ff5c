"""Thompson sampling: act as if one drawn model were the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.acquisition.base import BatchChoice, Score, Situation
from activeloop.acquisition.outcome import outcome, require_draws
from activeloop.predictive import Predictive


@dataclass(frozen=True)
class Thompson(Score):
    """The value of each candidate in one joint draw. For a plate use `ThompsonBatch`: one draw for each pick.

    Source: Thompson 1933, doi:10.1093/biomet/25.3-4.285.
    """

    needs_draws = True

    @property
    def name(self) -> str:
        """`thompson`."""
        return "thompson"

    def __call__(self, belief: Predictive, situation: Situation) -> np.ndarray:
        """[N] values in a draw taken at random."""
        draws = require_draws(belief, "Thompson sampling")
        return outcome(belief).draws[int(situation.rng.integers(len(draws)))]

    def reason(self, belief: Predictive, i: int) -> str:
        """What it could be."""
        o = outcome(belief)
        return f"the best in one plausible model: predicted {o.word} {o.mean[i]:.3g}, spread {o.sd[i]:.2g}"


@dataclass(frozen=True)
class ThompsonBatch(BatchChoice):
    """The best candidate of each joint draw, in random order of the draws, each candidate once.

    Draws whose best was taken already give their next best; when there are more picks than draws, the draws take turns.
    The scores only break ties.

    Source: Kandasamy et al. 2018, arXiv:1705.09236.
    """

    needs_draws = True
    phrase = "the best of one plausible model"

    @property
    def name(self) -> str:
        """`thompson-batch`."""
        return "thompson-batch"

    def __call__(
        self, belief: Predictive, scores: np.ndarray, n: int, situation: Situation, features: np.ndarray
    ) -> np.ndarray:
        """[n] indices in the order of the draws."""
        values = outcome(belief).draws[situation.rng.permutation(len(require_draws(belief, "Thompson sampling")))]
        shuffled = situation.rng.permutation(len(belief))
        order = shuffled[np.argsort(-scores[shuffled], kind="stable")]
        values, free = values[:, order], np.ones(len(order), bool)
        picks = np.zeros(n, np.int64)
        for k in range(n):
            picks[k] = np.where(free, values[k % len(values)], -np.inf).argmax()
            free[picks[k]] = False
        return order[picks]
