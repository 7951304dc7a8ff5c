"""A score for learning: what a measurement would tell about the model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.acquisition.base import Score, Situation
from activeloop.acquisition.outcome import require_draws
from activeloop.acquisition.uncertainty import entropy
from activeloop.predictive import Predictive


def mutual_information(probs: np.ndarray) -> np.ndarray:
    """What a measurement of each candidate would tell about the model, in nats (BALD).

    Args:
        probs: [S, N, C] class probabilities; the last axis sums to 1.

    Returns:
        [N] from 0 (all draws agree) to log C, never above the entropy of the mean.

    Source: Houlsby et al. 2011, arXiv:1112.5745.

    >>> mutual_information(np.array([[[1.0, 0.0]], [[0.0, 1.0]]])).round(3).tolist()
    [0.693]
    """
    whole = entropy(probs.mean(0, dtype=np.float64))
    own = np.mean([entropy(p) for p in probs], axis=0)
    return np.clip(whole - own, 0.0, whole)


@dataclass(frozen=True)
class BALD(Score):
    """Information of one measurement about the model.

    For classes from the joint draws; for values 0.5 log(1 + sd² / noise²). Where no noise is known, it counts as a
    ten-thousandth of a unit; the order is that of the variance then.

    Source: Houlsby et al. 2011, arXiv:1112.5745.
    """

    needs_draws = True

    @property
    def name(self) -> str:
        """`bald`."""
        return "bald"

    def __call__(self, belief: Predictive, situation: Situation) -> np.ndarray:
        """[N] nats, at least 0; for several assays the sum."""
        if belief.classes:
            return mutual_information(require_draws(belief, "BALD"))
        noise = np.square(np.where(belief.noise > 0, belief.noise, 1e-4))
        return 0.5 * np.log1p(np.square(belief.sd) / noise).sum(1)

    def reason(self, belief: Predictive, i: int) -> str:
        """How far the plausible models differ."""
        column = -1 if belief.classes else 0
        low, high = np.quantile(belief.draws[:, i, column], [0.05, 0.95]) if len(belief.draws) else (np.nan, np.nan)
        what = f"probability of being {belief.classes[-1]}" if belief.classes else "value"
        return f"plausible models disagree: {what} from {low:.2g} to {high:.2g}"
