"""Scores for learning: where the model is least sure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.acquisition.base import Score, Situation
from activeloop.predictive import Predictive


def entropy(probs: np.ndarray) -> np.ndarray:
    """Entropy over the last axis, in nats.

    Args:
        probs: [..., C] probabilities; the last axis sums to 1.

    Returns:
        [...] from 0 (certain) to log C.

    >>> entropy(np.array([[0.5, 0.5], [1.0, 0.0]])).round(3).tolist()
    [0.693, 0.0]
    """
    safe = np.clip(probs, 1e-300, 1.0)
    return np.maximum(-(probs * np.log(safe)).sum(-1), 0.0)


def _doubt(belief: Predictive, i: int) -> str:
    top = int(belief.mean[i].argmax())
    return f"the model is unsure: {belief.mean[i, top]:.0%} {belief.classes[top]}"


@dataclass(frozen=True)
class Variance(Score):
    """Variance of what the model does not know; for classes the sum over them."""

    @property
    def name(self) -> str:
        """`variance`."""
        return "variance"

    def __call__(self, belief: Predictive, situation: Situation) -> np.ndarray:
        """[N] variances, summed over assays or classes."""
        return np.square(belief.sd).sum(1)

    def reason(self, belief: Predictive, i: int) -> str:
        """Spread."""
        column = -1 if belief.classes else 0
        return f"the model knows it least: predicted {belief.mean[i, column]:.3g} ± {belief.sd[i, column]:.2g}"


@dataclass(frozen=True)
class Entropy(Score):
    """Entropy of the predicted classes, in nats: ignorance and noise together.

    For values the entropy of the predicted measurement, 0.5 log(2 pi e (sd² + noise²)), summed over assays.

    Source: Lewis and Gale 1994, arXiv:cmp-lg/9407020.
    """

    @property
    def name(self) -> str:
        """`entropy`."""
        return "entropy"

    def __call__(self, belief: Predictive, situation: Situation) -> np.ndarray:
        """[N] entropies."""
        if belief.classes:
            return entropy(belief.mean)
        variance = np.square(belief.sd) + np.square(belief.noise)
        return 0.5 * np.log(2 * np.pi * np.e * np.maximum(variance, 1e-300)).sum(1)

    def reason(self, belief: Predictive, i: int) -> str:
        """Which class it would guess."""
        return _doubt(belief, i) if belief.classes else Variance().reason(belief, i)
