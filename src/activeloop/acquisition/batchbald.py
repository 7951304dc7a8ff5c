"""BatchBALD: the batch whose outcomes together tell most about the model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.acquisition.base import BatchChoice, Situation, best_first
from activeloop.acquisition.gaussian import Gaussian
from activeloop.acquisition.information import mutual_information
from activeloop.acquisition.logdet import greedy_logdet
from activeloop.acquisition.outcome import require_draws
from activeloop.acquisition.uncertainty import entropy
from activeloop.predictive import Predictive


@dataclass(frozen=True)
class BatchBALD(BatchChoice):
    """Greedy choice by the joint information of all outcomes of the batch.

    For classes exact while the outcomes of the batch are at most `outcomes`, estimated from as many random ones
    beyond that. For values the joint information of Gaussians, 0.5 log det(I + K / noise).

    Args:
        outcomes: how many joint outcomes of the batch are followed.
        among: only that many candidates with the greatest information of their own are considered.

    Source: Kirsch et al. 2019, arXiv:1906.08158.
    """

    outcomes: int = 512
    among: int = 2000
    needs_draws = True
    phrase = "tells what the other picks do not"

    @property
    def name(self) -> str:
        """`batchbald`."""
        return "batchbald"

    def __call__(
        self, belief: Predictive, scores: np.ndarray, n: int, situation: Situation, features: np.ndarray
    ) -> np.ndarray:
        """[n] indices in the order in which they were taken."""
        draws = require_draws(belief, "BatchBALD")
        rng = situation.rng
        if not belief.classes:
            g = Gaussian.of(belief)
            x = (g.factors / np.sqrt(g.noise)[:, None]).reshape(len(belief), -1)
            shuffled = rng.permutation(len(belief))
            return shuffled[greedy_logdet(x[shuffled], 1.0, n)]
        among = best_first(mutual_information(draws), max(n, min(self.among, len(belief))), rng)
        return among[_greedy(draws[:, among].astype(np.float64), n, self.outcomes, rng)]


def _greedy(probs: np.ndarray, n: int, most: int, rng: np.random.Generator) -> np.ndarray:
    """Indices into probs [S, N, C]."""
    size, count, _ = probs.shape
    own = np.mean([entropy(p) for p in probs], axis=0)
    likelihood, weight = np.ones((1, size)), np.ones(1)
    picks, free, spent = np.zeros(n, np.int64), np.ones(count, bool), 0.0
    for k in range(n):
        joint = joint_entropy(likelihood, weight, probs)
        picks[k] = i = int(np.where(free, joint - own - spent, -np.inf).argmax())
        free[i], spent = False, spent + own[i]
        if k < n - 1:
            likelihood, weight = _extended(likelihood, weight, probs[:, i], most, rng)
    return picks


def joint_entropy(likelihood: np.ndarray, weight: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """Entropy of the outcomes of the batch so far together with that of each candidate, in nats.

    Args:
        likelihood: [M, S] probability of joint outcome m of the batch under draw s.
        weight: [M] 1 when all outcomes are listed; 1 / (M p(m)) for outcomes drawn at random.
        probs: [S, N, C].

    Returns:
        [N].
    """
    size, count, classes = probs.shape
    joint = likelihood @ probs.reshape(size, -1) / size
    plogp = joint * np.log(np.maximum(joint, 1e-300))
    return -(weight @ plogp).reshape(count, classes).sum(1)


def _extended(
    likelihood: np.ndarray, weight: np.ndarray, probs: np.ndarray, most: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The outcomes with one more candidate [S, C]: all of them, or as many as are followed, drawn at random."""
    every = (likelihood[:, None, :] * probs.T[None]).reshape(-1, len(probs))
    chance = every.mean(1)
    if len(every) <= most and (weight == 1).all():
        return every, np.ones(len(every))
    if (weight == 1).all():  # all were listed so far: draw from them
        kept = rng.choice(len(every), most, p=chance / chance.sum())
    else:  # each was drawn already: draw its new outcome
        table = chance.reshape(len(likelihood), -1)
        sums = np.cumsum(table / table.sum(1, keepdims=True), 1)
        new = (rng.random((len(table), 1)) > sums).sum(1).clip(max=table.shape[1] - 1)
        kept = np.arange(len(table)) * table.shape[1] + new
    return every[kept], 1.0 / (len(kept) * chance[kept])
