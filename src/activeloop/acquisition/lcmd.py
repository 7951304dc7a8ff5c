"""Largest cluster, maximum distance: a batch that covers what the model does not know."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.acquisition.base import BatchChoice, Situation, best_first
from activeloop.acquisition.spread import Space, coordinates
from activeloop.predictive import Predictive


@dataclass(frozen=True)
class LCMD(BatchChoice):
    """Each pick is the candidate farthest from its centre in the largest cluster.

    The centres are the picks so far; every other candidate belongs to its nearest one. A cluster's size is the
    sum of the squared distances of its members, each weighted by its score when `weighted`. The first pick is the
    candidate with the longest coordinates in the space of the draws (the least known one), or the best score in that
    of the features.

    Args:
        space: `draws`: distance is the standard deviation of a difference under the model, so the batch spreads over
            what is not known; `features`: distance is difference of design.
        weighted: multiply squared distances by the scores (which must be at least 0 then; negative ones count as 0).

    Source: Holzmueller et al. 2023, arXiv:2203.09410.
    """

    space: Space = "draws"
    weighted: bool = False
    needs_draws = True
    draws = 256
    spreads = True
    phrase = "unlike the other picks"

    @property
    def name(self) -> str:
        """`lcmd`."""
        return "lcmd"

    def __call__(
        self, belief: Predictive, scores: np.ndarray, n: int, situation: Situation, features: np.ndarray
    ) -> np.ndarray:
        """[n] indices in the order in which they were taken."""
        shuffled = situation.rng.permutation(len(belief))
        x = coordinates(belief, features, self.space)[shuffled]
        weight = np.maximum(scores, 0.0)[shuffled] if self.weighted else np.ones(len(x))
        length = np.square(x).sum(1)
        start = length if self.space == "draws" and len(belief.draws) > 1 else scores[shuffled]
        return shuffled[_cover(x, length, weight, int(best_first(start, 1, situation.rng)[0]), n)]


def _cover(x: np.ndarray, length: np.ndarray, weight: np.ndarray, first: int, n: int) -> np.ndarray:
    picks = np.zeros(n, np.int64)
    picks[0] = first
    free = np.ones(len(x), bool)
    distance, cluster = np.full(len(x), np.inf), np.zeros(len(x), np.int64)
    for k in range(1, n):
        last = picks[k - 1]
        free[last] = False
        new = np.maximum(length + length[last] - 2 * (x @ x[last]), 0.0)
        closer = new < distance
        distance[closer], cluster[closer] = new[closer], k - 1
        size = np.bincount(cluster, distance * weight * free, minlength=k)
        inside = free & (cluster == size.argmax())
        if not inside.any():  # all clusters are empty of weight: any candidate is as good
            inside = free
        picks[k] = np.where(inside, distance * weight, -1.0).argmax()
    return picks
