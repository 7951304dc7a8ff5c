"""Scores for finding: the highest prediction, and the highest that is still plausible."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.acquisition.base import Score, Situation
from activeloop.acquisition.outcome import outcome
from activeloop.predictive import Predictive


@dataclass(frozen=True)
class Greedy(Score):
    """The predicted mean; for classes the probability of the last one."""

    needs_spread = False

    @property
    def name(self) -> str:
        """`greedy`."""
        return "greedy"

    def __call__(self, belief: Predictive, situation: Situation) -> np.ndarray:
        """[N] predicted means."""
        return outcome(belief).mean

    def reason(self, belief: Predictive, i: int) -> str:
        """The prediction."""
        o = outcome(belief)
        return f"among the best predictions: {o.word} {o.mean[i]:.3g}"


@dataclass(frozen=True)
class UpperConfidenceBound(Score):
    """Mean plus `beta` standard deviations of what the model does not know.

    Source: Srinivas et al. 2010, arXiv:0912.3995 (their beta is the square of this one).

    >>> belief = Predictive(np.zeros((0, 2, 1)), np.array([[1.0], [0.0]]), np.array([[0.1], [2.0]]), np.zeros(1))
    >>> UpperConfidenceBound(1.0)(belief, Situation.blank(np.random.default_rng(0))).tolist()
    [1.1, 2.0]
    """

    beta: float = 1.0

    @property
    def name(self) -> str:
        """`ucb`."""
        return "ucb"

    def __call__(self, belief: Predictive, situation: Situation) -> np.ndarray:
        """[N] optimistic values."""
        o = outcome(belief)
        return o.mean + self.beta * o.sd

    def reason(self, belief: Predictive, i: int) -> str:
        """Prediction and how far it may be better."""
        o = outcome(belief)
        better = f"it could plausibly be better by {self.beta * o.sd[i]:.2g}"
        return f"a good prediction: {o.word} {o.mean[i]:.3g}, and {better}"
