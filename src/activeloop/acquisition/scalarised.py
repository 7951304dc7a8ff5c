"""Several assays as one: a weighted sum or the weakest of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from activeloop.acquisition.base import Score, Situation
from activeloop.acquisition.optimism import UpperConfidenceBound
from activeloop.acquisition.outcome import require_draws
from activeloop.errors import RecipeError
from activeloop.predictive import Predictive


@dataclass(frozen=True)
class Scalarised(Score):
    """One score over a combination of all assays.

    Each assay is first brought to a common scale: 0 is the worst value measured so far, 1 the best (0 and 1 in the
    assay's own unit while fewer than two values are known).

    Args:
        weights: one for each assay, at least 0, not all 0; () is equal weights.
        score: applied to the combination.
        method: `linear`: the weighted sum; `chebyshev`: the smallest weighted assay plus 0.05 times the weighted sum,
            which also finds compromises in a dent of the front.

    Source: Knowles 2006, doi:10.1109/TEVC.2005.851274 (augmented Chebyshev).
    """

    weights: tuple[float, ...] = ()
    score: Score = field(default_factory=UpperConfidenceBound)
    method: Literal["linear", "chebyshev"] = "linear"
    needs_draws = True

    def __post_init__(self):
        if self.method not in ("linear", "chebyshev") or any(not w >= 0 for w in self.weights):
            raise RecipeError("Scalarised: weights are at least 0 and the method is linear or chebyshev.")
        if self.weights and sum(self.weights) == 0:
            raise RecipeError("Scalarised: give at least one assay a weight above 0.")

    @property
    def name(self) -> str:
        """Such as `ucb of linear`."""
        return f"{self.score.name} of {self.method}"

    def __call__(self, belief: Predictive, situation: Situation) -> np.ndarray:
        """[N] scores of the combination."""
        require_draws(belief, "Combining assays")
        low, scale = _scale(situation, belief.mean.shape[1])
        combine = lambda b: self._belief(b, low, scale)  # noqa: E731 - the same for three beliefs
        measured, target = situation.measured, situation.target
        values, best = situation.values, np.array([np.nan])
        if values is not None:
            values = self.combined((values - low) / scale)[:, None]
            known = values[~np.isnan(values)]
            best = known[known.argmax() :][:1] if len(known) else best
        threshold = self.combined((situation.threshold - low) / scale)[None]
        inner = replace(
            situation,
            best=best,
            threshold=np.atleast_1d(threshold),
            values=values,
            measured=None if measured is None else combine(measured),
            target=None if target is None else combine(target),
        )
        return self.score(combine(belief), inner)

    def combined(self, scaled: np.ndarray) -> np.ndarray:
        """[...] from [..., A] scaled values."""
        weights = self._weights(scaled.shape[-1])
        total = scaled @ weights
        return total if self.method == "linear" else (scaled * weights).min(-1) + 0.05 * total

    def reason(self, belief: Predictive, i: int) -> str:
        """All predictions."""
        values = ", ".join(f"{m:.3g} ± {s:.2g}" for m, s in zip(belief.mean[i], belief.sd[i], strict=True))
        return f"good in all assays together: predicted {values}"

    def _weights(self, assays: int) -> np.ndarray:
        if self.weights and len(self.weights) != assays:
            raise RecipeError(f"Scalarised: {len(self.weights)} weights for {assays} assays. Nothing was chosen.")
        weights = np.array(self.weights or (1.0,) * assays)
        return weights / weights.sum()

    def _belief(self, belief: Predictive, low: np.ndarray, scale: np.ndarray) -> Predictive:
        draws = self.combined((belief.draws - low) / scale)[:, :, None]
        weights = self._weights(len(low))
        noise = np.array([np.sqrt(np.square(weights * belief.noise / scale).sum())])
        if self.method == "linear":
            mean = self.combined((belief.mean - low) / scale)[:, None]
            return Predictive(draws, mean, draws.std(0), noise)
        return Predictive.of_draws(draws, noise)


def _scale(situation: Situation, assays: int) -> tuple[np.ndarray, np.ndarray]:
    low, scale = np.zeros(assays), np.ones(assays)
    if situation.values is not None:
        for a in range(assays):
            known = situation.values[:, a][~np.isnan(situation.values[:, a])]
            if len(known) > 1 and np.ptp(known) > 0:
                low[a], scale[a] = known.min(), np.ptp(known)
    return low, scale
