"""The batch after which the predictions one cares for are least uncertain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.acquisition.base import BatchChoice, Situation
from activeloop.acquisition.gaussian import Gaussian
from activeloop.acquisition.outcome import require_draws
from activeloop.predictive import Predictive


@dataclass(frozen=True)
class VarianceReduction(BatchChoice):
    """Each pick is the candidate whose measurement lowers the variance of the targets' predictions most.

    The belief is taken as a joint Gaussian with the covariance of its draws, and each pick as measured before the next
    is chosen. Targets are those of the situation (candidates drawn at random from the pool), or the candidates
    themselves. For classes the predictions are probabilities and the noise of a candidate is p (1 - p).

    Source: Cohn et al. 1996, arXiv:cs/9603104 (their equation for one point, here greedily for a batch).
    """

    needs_draws = True
    draws = 256
    phrase = "with the other picks it tells most about the rest of the pool"

    @property
    def name(self) -> str:
        """`reduction`."""
        return "reduction"

    def __call__(
        self, belief: Predictive, scores: np.ndarray, n: int, situation: Situation, features: np.ndarray
    ) -> np.ndarray:
        """[n] indices in the order in which they were taken."""
        draws = require_draws(belief, "Variance reduction")
        shuffled = situation.rng.permutation(len(belief))
        ours = Gaussian.of(belief)
        theirs = ours if situation.target is None else Gaussian.of(situation.target)
        columns = slice(-1, None) if len(belief.classes) == 2 else slice(None)
        noise = (draws * (1 - draws)).mean(0) + 1e-6 if belief.classes else np.broadcast_to(ours.noise, ours.mean.shape)
        weight = np.ones(len(ours.noise)) if belief.classes else 1 / np.maximum(theirs.variance.mean(0), 1e-300)
        chosen = greedy_reduction(
            ours.factors[shuffled][:, columns],
            np.array(noise[shuffled][:, columns], np.float64),
            theirs.factors[:, columns] * np.sqrt(weight[columns])[:, None],
            n,
        )
        return shuffled[chosen]


def greedy_reduction(ours: np.ndarray, noise: np.ndarray, theirs: np.ndarray, n: int) -> np.ndarray:
    """Indices that greedily lower the summed variance of the targets.

    Args:
        ours: [N, A, S] factors of the candidates' covariance.
        noise: [N, A] variance of the noise of one measurement of each.
        theirs: [M, A, S] factors of the targets; assays are weighted by their length.
        n: how many, at most N.

    Returns:
        [n] different indices in the order in which they were taken.
    """
    ours, theirs = ours.astype(np.float64), theirs.astype(np.float64)
    free, picks = np.ones(len(ours), bool), np.zeros(n, np.int64)
    rank = ours.shape[2]
    for k in range(n):
        flat = theirs.reshape(-1, rank)
        gained = ((ours @ (flat.T @ flat)) * ours).sum(2) / (np.square(ours).sum(2) + noise)
        i = picks[k] = int(np.where(free, gained.sum(1), -np.inf).argmax())
        free[i] = False
        for a in range(ours.shape[1]):
            own, variance = ours[i, a].copy(), float(np.square(ours[i, a]).sum())
            if variance > 0:
                own *= np.sqrt((1 - np.sqrt(noise[i, a] / (variance + noise[i, a]))) / variance)
                ours = ours - (ours @ own)[:, :, None] * own
                theirs = theirs - (theirs @ own)[:, :, None] * own
    return picks
