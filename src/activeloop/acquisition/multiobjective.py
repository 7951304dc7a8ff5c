"""Acquisition functions for several assays: hypervolume improvement and scalarisation."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from activeloop.acquisition.base import AcquisitionContext, AcquisitionFunction, require_draws
from activeloop.acquisition.finding import UpperConfidenceBound
from activeloop.errors import ConfigError, ModelError
from activeloop.prediction import Prediction


def pareto(points: np.ndarray) -> np.ndarray:
    """The points [M, A] that no other point equals or exceeds in every assay; duplicates once.

    >>> pareto(np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 1.0], [1.0, 2.0]])).tolist()
    [[1.0, 2.0], [2.0, 1.0]]
    """
    points = np.unique(points, axis=0)
    above = (points[:, None] >= points[None]).all(2)
    return points[above.sum(0) == 1]


def gain(points: np.ndarray, front: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Volume that each point adds to what the front dominates above the reference, exactly.

    Slices along the last assay; in each slice the members of the front that reach it count, in one assay fewer.

    Args:
        points: [N, A].
        front: [F, A].
        reference: [A] the corner from which volume is counted.

    Returns:
        [N] at least 0.

    >>> gain(np.array([[2.0, 2.0], [0.5, 0.5]]), np.array([[1.0, 1.0]]), np.zeros(2)).tolist()
    [3.0, 0.0]
    """
    front = np.maximum(front, reference)
    if points.shape[1] == 1:
        return np.maximum(points[:, 0] - max(float(reference[0]), float(front.max(initial=-np.inf))), 0.0)
    levels = np.unique(np.append(front[:, -1], reference[-1]))
    out = np.zeros(len(points))
    for bottom, top in zip(levels, np.append(levels[1:], np.inf), strict=True):
        thick = np.clip(points[:, -1], bottom, top) - bottom
        inside = thick > 0
        if inside.any():
            reaching = front[front[:, -1] >= top][:, :-1]
            out[inside] += thick[inside] * gain(points[inside, :-1], pareto(reaching), reference[:-1])
    return out


@dataclass(frozen=True)
class Hypervolume(AcquisitionFunction):
    """Expected hypervolume improvement over the front of the measured candidates, from the joint draws.

    Exact for each draw; meant for two or three assays (the cost grows as the front's size to the power of A - 1).

    Args:
        reference: [A] the value of each (oriented) assay below which nothing counts; () takes the worst value
            measured less a tenth of the range, or the lowest predicted mean when nothing was measured.

    Source: Yang et al. 2019, doi:10.1007/s10898-019-00798-7; the reference point after Ishibuchi et al. 2018.
    """

    reference: tuple[float, ...] = ()
    needs_draws = True
    name = "hypervolume"

    def __call__(self, prediction: Prediction, context: AcquisitionContext) -> np.ndarray:
        """[N] expected volumes, at least 0."""
        draws = require_draws(prediction, "Hypervolume improvement")
        size, count, assays = draws.shape
        if assays > 4:
            raise ModelError(f"Hypervolume improvement of {assays} assays takes too long; use Scalarised(...).")
        known = context.values if context.values is not None else np.zeros((0, assays))
        reference = self._reference(prediction, known)
        front = pareto(known[~np.isnan(known).any(1)])
        return gain(draws.reshape(-1, assays), front, reference).reshape(size, count).mean(0)

    def reason(self, prediction: Prediction, i: int) -> str:
        """All predictions."""
        values = ", ".join(f"{m:.3g} ± {s:.2g}" for m, s in zip(prediction.mean[i], prediction.sd[i], strict=True))
        return f"may be a better compromise than any measured: predicted {values}"

    def _reference(self, prediction: Prediction, known: np.ndarray) -> np.ndarray:
        if self.reference:
            if len(self.reference) != prediction.mean.shape[1]:
                raise ModelError(
                    f"Hypervolume: {len(self.reference)} reference values for {prediction.mean.shape[1]} assays."
                )
            return np.array(self.reference)
        lowest = prediction.mean.min(0)
        for a in range(known.shape[1]):
            seen = known[:, a][~np.isnan(known[:, a])]
            if len(seen):
                lowest[a] = seen.min() - 0.1 * np.ptp(seen)
        return lowest


@dataclass(frozen=True)
class Scalarised(AcquisitionFunction):
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
    score: AcquisitionFunction = field(default_factory=UpperConfidenceBound)
    method: Literal["linear", "chebyshev"] = "linear"
    needs_draws = True

    def __post_init__(self):
        if self.method not in ("linear", "chebyshev") or any(not w >= 0 for w in self.weights):
            raise ConfigError("Scalarised: weights are at least 0 and the method is linear or chebyshev.")
        if self.weights and sum(self.weights) == 0:
            raise ConfigError("Scalarised: give at least one assay a weight above 0.")

    @property
    def name(self) -> str:
        """Such as `ucb of linear`."""
        return f"{self.score.name} of {self.method}"

    def __call__(self, prediction: Prediction, context: AcquisitionContext) -> np.ndarray:
        """[N] scores of the combination."""
        require_draws(prediction, "Combining assays")
        low, scale = _scale(context, prediction.mean.shape[1])
        combine = lambda b: self._prediction(b, low, scale)  # noqa: E731 - the same for three predictions
        measured, target = context.measured, context.target
        values, best_f = context.values, np.array([np.nan])
        if values is not None:
            values = self.combined((values - low) / scale)[:, None]
            known = values[~np.isnan(values)]
            best_f = known[known.argmax() :][:1] if len(known) else best_f
        threshold = self.combined((context.threshold - low) / scale)[None]
        inner = replace(
            context,
            best_f=best_f,
            threshold=np.atleast_1d(threshold),
            values=values,
            measured=None if measured is None else combine(measured),
            target=None if target is None else combine(target),
        )
        return self.score(combine(prediction), inner)

    def combined(self, scaled: np.ndarray) -> np.ndarray:
        """[...] from [..., A] scaled values."""
        weights = self._weights(scaled.shape[-1])
        total = scaled @ weights
        return total if self.method == "linear" else (scaled * weights).min(-1) + 0.05 * total

    def reason(self, prediction: Prediction, i: int) -> str:
        """All predictions."""
        values = ", ".join(f"{m:.3g} ± {s:.2g}" for m, s in zip(prediction.mean[i], prediction.sd[i], strict=True))
        return f"good in all assays together: predicted {values}"

    def _weights(self, assays: int) -> np.ndarray:
        if self.weights and len(self.weights) != assays:
            raise ConfigError(f"Scalarised: {len(self.weights)} weights for {assays} assays. Nothing was chosen.")
        weights = np.array(self.weights or (1.0,) * assays)
        return weights / weights.sum()

    def _prediction(self, prediction: Prediction, low: np.ndarray, scale: np.ndarray) -> Prediction:
        draws = self.combined((prediction.draws - low) / scale)[:, :, None]
        weights = self._weights(len(low))
        noise = np.array([np.sqrt(np.square(weights * prediction.noise / scale).sum())])
        if self.method == "linear":
            mean = self.combined((prediction.mean - low) / scale)[:, None]
            return Prediction(draws, mean, draws.std(0), noise)
        return Prediction.of_draws(draws, noise)


def _scale(context: AcquisitionContext, assays: int) -> tuple[np.ndarray, np.ndarray]:
    low, scale = np.zeros(assays), np.ones(assays)
    if context.values is not None:
        for a in range(assays):
            known = context.values[:, a][~np.isnan(context.values[:, a])]
            if len(known) > 1 and np.ptp(known) > 0:
                low[a], scale[a] = known.min(), np.ptp(known)
    return low, scale
