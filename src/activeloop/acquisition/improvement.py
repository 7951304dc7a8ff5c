"""Scores for finding: how much better than the best so far a candidate is expected to be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.acquisition.base import Score, Situation
from activeloop.acquisition.outcome import outcome, require_draws
from activeloop.predictive import Predictive


def incumbent(belief: Predictive, situation: Situation) -> float:
    """The best value so far; the best prediction when nothing was measured; 0 for classes."""
    if belief.classes:
        return 0.0
    best = float(situation.best[0])
    return float(belief.mean[:, 0].max()) if np.isnan(best) else best


def expected_improvement(mean: np.ndarray, sd: np.ndarray, best: float) -> np.ndarray:
    """Mean of max(0, f - best) for Gaussian f, at least 0.

    Source: Jones et al. 1998, doi:10.1023/A:1008306431147.

    >>> expected_improvement(np.array([0.0, 1.0]), np.array([1.0, 0.0]), 0.0).round(4).tolist()
    [0.3989, 1.0]
    """
    from scipy.special import ndtr

    safe = np.maximum(sd, 1e-12)
    z = (mean - best) / safe
    density = np.exp(-0.5 * np.minimum(z * z, 1400.0)) / np.sqrt(2 * np.pi)
    return np.maximum((mean - best) * ndtr(z) + safe * density, np.maximum(mean - best, 0.0))


@dataclass(frozen=True)
class ExpectedImprovement(Score):
    """Expected improvement over the best measured mean, in closed form."""

    @property
    def name(self) -> str:
        """`ei`."""
        return "ei"

    def __call__(self, belief: Predictive, situation: Situation) -> np.ndarray:
        """[N] expected improvements, at least 0."""
        o = outcome(belief)
        return expected_improvement(o.mean, o.sd, incumbent(belief, situation))

    def reason(self, belief: Predictive, i: int) -> str:
        """Prediction and its spread."""
        o = outcome(belief)
        return f"may improve on the best so far: predicted {o.word} {o.mean[i]:.3g}, spread {o.sd[i]:.2g}"


@dataclass(frozen=True)
class NoisyExpectedImprovement(Score):
    """Expected improvement when the best measured candidate is itself uncertain.

    In each joint draw a candidate is compared with that draw's own best among the measured candidates, so one lucky
    measurement does not set an unreachable bar. Without a belief about the measured candidates it is compared with
    the best measured mean.

    Source: Letham et al. 2019, arXiv:1706.07094.
    """

    needs_draws = True

    @property
    def name(self) -> str:
        """`nei`."""
        return "nei"

    def __call__(self, belief: Predictive, situation: Situation) -> np.ndarray:
        """[N] mean improvements over the draws, at least 0."""
        require_draws(belief, "Noisy expected improvement")
        measured = situation.measured
        if measured is None or not len(measured) or belief.classes:
            bar = np.array(incumbent(belief, situation))
        else:
            bar = outcome(measured).draws.max(1)[:, None]
        return np.maximum(outcome(belief).draws - bar, 0.0).mean(0)

    def reason(self, belief: Predictive, i: int) -> str:
        """Prediction and its spread."""
        o = outcome(belief)
        return f"may improve on the best so far, noise allowed for: predicted {o.word} {o.mean[i]:.3g}"
