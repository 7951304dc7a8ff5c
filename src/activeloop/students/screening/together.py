"""A score that stands in, while very many are looked at, for scores that need joint draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from activeloop.acquisition import Entropy, Score, Selection, Situation, UpperConfidenceBound
from activeloop.predictive import Predictive


def stand_in(select: Selection, classes: int, assays: int) -> Score:
    """The selection's own score, or what orders candidates alike without joint draws.

    Args:
        select: how the plate is chosen.
        classes: how many there are, 0 for values.
        assays: how many are predicted.

    >>> from activeloop.acquisition import DiverseTop, Selection, Greedy, Thompson
    >>> stand_in(Selection(Greedy(), DiverseTop()), 0, 1).name, stand_in(Selection(Thompson()), 0, 1).name
    ('greedy', 'ucb')
    """
    if not select.score.needs_draws:
        return select.score
    if classes:
        return Entropy()
    return UpperConfidenceBound() if assays == 1 else Together()


@final
@dataclass(frozen=True)
class Together(Score):
    """Several assays: the sum of their optimistic values, each in units of the spread of what was measured.

    Args:
        beta: standard deviations that are added.
    """

    beta: float = 1.0

    @property
    def name(self) -> str:
        """`together`."""
        return "together"

    def __call__(self, belief: Predictive, situation: Situation) -> np.ndarray:
        """[N] sums."""
        spread = np.ones(belief.mean.shape[1])
        if situation.values is not None:
            known = ~np.isnan(situation.values)
            there = [x[k].std() if k.sum() > 1 else 0.0 for x, k in zip(situation.values.T, known.T, strict=True)]
            spread = np.where(np.array(there) > 0, there, 1.0)
        return ((belief.mean + self.beta * belief.sd) / spread).sum(1)

    def reason(self, belief: Predictive, i: int) -> str:
        """That it is good in all."""
        return "good in all assays together"
