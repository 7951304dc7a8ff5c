"""A batch by pretending that each pick has already been measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from activeloop.acquisition.base import BatchChoice, Score, Situation
from activeloop.acquisition.gaussian import Gaussian
from activeloop.acquisition.optimism import UpperConfidenceBound
from activeloop.acquisition.outcome import require_draws
from activeloop.predictive import Predictive


@dataclass(frozen=True)
class ConstantLiar(BatchChoice):
    """After each pick the belief is conditioned on a lie about it and everything is scored anew.

    The belief is taken as a joint Gaussian with the covariance of its draws; for classes the draws are weighed
    by how likely they make the lie.

    Args:
        score: what to score with after each pick; the first pick is by the scores given.
        lie: `believer`: what the model predicts (only the spread shrinks); `best` and `worst`: the best or worst
            value measured, or predicted when nothing was measured. For classes always the likeliest class.

    Source: Ginsbourger et al. 2010, doi:10.1007/978-3-642-10701-6_6.
    """

    score: Score = field(default_factory=UpperConfidenceBound)
    lie: Literal["believer", "best", "worst"] = "believer"
    needs_draws = True
    phrase = "chosen as if the picks before it were measured"

    @property
    def name(self) -> str:
        """`liar`."""
        return "liar"

    def __call__(
        self, belief: Predictive, scores: np.ndarray, n: int, situation: Situation, features: np.ndarray
    ) -> np.ndarray:
        """[n] indices in the order in which they were taken."""
        require_draws(belief, "A constant liar")
        shuffled = situation.rng.permutation(len(belief))
        belief, scores = belief.take(shuffled), scores[shuffled]
        gaussian, free, picks = Gaussian.of(belief), np.ones(len(belief), bool), np.zeros(n, np.int64)
        current, lies = belief, self._lies(belief, situation)
        for k in range(n):
            i = picks[k] = int(np.where(free, scores, -np.inf).argmax())
            free[i] = False
            if k == n - 1:
                break
            if belief.classes:
                current = _reweighed(current, i, situation.rng)
            else:
                gaussian = gaussian.measured(i, gaussian.mean[i] if lies is None else lies)
                current = _belief(gaussian, belief)
            scores = self.score(current, situation)
        return shuffled[picks]

    def _lies(self, belief: Predictive, situation: Situation) -> np.ndarray | None:
        if self.lie == "believer" or belief.classes:
            return None
        values = belief.mean if situation.values is None else situation.values
        return np.nanmax(values, 0) if self.lie == "best" else np.nanmin(values, 0)


def _belief(gaussian: Gaussian, before: Predictive) -> Predictive:
    size = len(before.draws)
    draws = gaussian.mean + np.moveaxis(gaussian.factors, 2, 0) * np.sqrt(size - 1)
    return Predictive(draws, gaussian.mean, np.sqrt(gaussian.variance), before.noise)


def _reweighed(belief: Predictive, i: int, rng: np.random.Generator) -> Predictive:
    """Draws resampled (systematically) by how likely they make candidate i's likeliest class."""
    weights = belief.draws[:, i, belief.mean[i].argmax()] + 1e-12
    steps = (rng.random() + np.arange(len(weights))) / len(weights)
    kept = np.searchsorted(np.cumsum(weights / weights.sum()), steps).clip(max=len(weights) - 1)
    return Predictive.of_draws(belief.draws[kept], belief.noise, belief.classes)
