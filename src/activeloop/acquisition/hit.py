"""A score for finding: the chance of reaching a stated value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.acquisition.base import Score, Situation
from activeloop.acquisition.improvement import incumbent
from activeloop.acquisition.outcome import outcome
from activeloop.predictive import Predictive


@dataclass(frozen=True)
class ProbabilityOfHit(Score):
    """The probability that a candidate's true value reaches the threshold.

    Args:
        threshold: in the (oriented) unit of the assay; None takes the campaign's, and the best value so far when
            that was not stated either. For classes it is not read: the score is the probability of the last class.
    """

    threshold: float | None = None

    @property
    def name(self) -> str:
        """`hit`."""
        return "hit"

    def __call__(self, belief: Predictive, situation: Situation) -> np.ndarray:
        """[N] probabilities."""
        from scipy.special import ndtr

        o = outcome(belief)
        if belief.classes:
            return o.mean
        bar = situation.threshold[0] if self.threshold is None else self.threshold
        bar = incumbent(belief, situation) if np.isnan(bar) else bar
        return ndtr((o.mean - bar) / np.maximum(o.sd, 1e-12))

    def reason(self, belief: Predictive, i: int) -> str:
        """Prediction and spread."""
        o = outcome(belief)
        return f"likely a hit: predicted {o.word} {o.mean[i]:.3g}, spread {o.sd[i]:.2g}"
