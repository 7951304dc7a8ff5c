"""Several assays at once: how much a candidate is expected to push the front of the best compromises."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.acquisition.base import Score, Situation
from activeloop.acquisition.outcome import require_draws
from activeloop.errors import ModelError
from activeloop.predictive import Predictive


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
class Hypervolume(Score):
    """Expected hypervolume improvement over the front of the measured candidates, from the joint draws.

    Exact for each draw; meant for two or three assays (the cost grows as the front's size to the power of A - 1).

    Args:
        reference: [A] the value of each (oriented) assay below which nothing counts; () takes the worst value
            measured less a tenth of the range, or the lowest predicted mean when nothing was measured.

    Source: Yang et al. 2019, doi:10.1007/s10898-019-00798-7; the reference point after Ishibuchi et al. 2018.
    """

    reference: tuple[float, ...] = ()
    needs_draws = True

    @property
    def name(self) -> str:
        """`hypervolume`."""
        return "hypervolume"

    def __call__(self, belief: Predictive, situation: Situation) -> np.ndarray:
        """[N] expected volumes, at least 0."""
        draws = require_draws(belief, "Hypervolume improvement")
        size, count, assays = draws.shape
        if assays > 4:
            raise ModelError(f"Hypervolume improvement of {assays} assays takes too long; use Scalarised(...).")
        known = situation.values if situation.values is not None else np.zeros((0, assays))
        reference = self._reference(belief, known)
        front = pareto(known[~np.isnan(known).any(1)])
        return gain(draws.reshape(-1, assays), front, reference).reshape(size, count).mean(0)

    def reason(self, belief: Predictive, i: int) -> str:
        """All predictions."""
        values = ", ".join(f"{m:.3g} ± {s:.2g}" for m, s in zip(belief.mean[i], belief.sd[i], strict=True))
        return f"may be a better compromise than any measured: predicted {values}"

    def _reference(self, belief: Predictive, known: np.ndarray) -> np.ndarray:
        if self.reference:
            if len(self.reference) != belief.mean.shape[1]:
                raise ModelError(
                    f"Hypervolume: {len(self.reference)} reference values for {belief.mean.shape[1]} assays."
                )
            return np.array(self.reference)
        lowest = belief.mean.min(0)
        for a in range(known.shape[1]):
            seen = known[:, a][~np.isnan(known[:, a])]
            if len(seen):
                lowest[a] = seen.min() - 0.1 * np.ptp(seen)
        return lowest
