"""A score for learning: what a measurement would tell about the predictions one cares for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.acquisition.base import Score, Situation
from activeloop.acquisition.gaussian import Gaussian
from activeloop.acquisition.information import BALD
from activeloop.acquisition.outcome import require_draws
from activeloop.acquisition.uncertainty import entropy
from activeloop.predictive import Predictive

#: numbers in one intermediate array
BUDGET = 8_000_000


def class_epig(probs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Mean information between the outcome of each candidate and the outcome of a target, in nats.

    Args:
        probs: [S, N, C] of the candidates.
        targets: [S, M, C] of the targets, from the same draws.

    Returns:
        [N] from 0 to log C.

    Source: Bickford Smith et al. 2023, arXiv:2304.08151.

    >>> same = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    >>> class_epig(same, same).round(3).tolist()
    [0.693]
    """
    size, count, classes = probs.shape
    flat = targets.reshape(size, -1)
    after = entropy(targets.mean(0, dtype=np.float64)).mean()
    out = np.zeros(count)
    step = max(1, BUDGET // (classes * flat.shape[1]))
    for start in range(0, count, step):
        part = probs[:, start : start + step]
        joint = np.einsum("snc,sk->nck", part, flat, optimize=True) / size
        pairs = joint.reshape(part.shape[1], classes, targets.shape[1], classes).transpose(0, 2, 1, 3)
        both = entropy(pairs.reshape(*pairs.shape[:2], -1)).mean(1)
        out[start : start + step] = entropy(part.mean(0, dtype=np.float64)) + after - both
    return np.maximum(out, 0.0)


def value_epig(belief: Predictive, targets: Predictive) -> np.ndarray:
    """The same for values under a Gaussian approximation of the joint draws, summed over assays: -0.5 log(1 - r²).

    r is the correlation of the two noisy measurements.

    Returns:
        [N] nats, at least 0.
    """
    ours, theirs = Gaussian.of(belief), Gaussian.of(targets)
    out = np.zeros(len(belief))
    step = max(1, BUDGET // max(1, len(targets)))
    for a, noise in enumerate(theirs.noise):
        spread = theirs.variance[:, a] + noise
        for start in range(0, len(out), step):
            part = slice(start, start + step)
            own = ours.variance[part, a] + noise
            square = np.square(ours.factors[part, a] @ theirs.factors[:, a].T) / (own[:, None] * spread)
            out[part] -= 0.5 * np.log1p(-np.minimum(square, 1 - 1e-9)).mean(1)
    return np.maximum(out, 0.0)


@dataclass(frozen=True)
class EPIG(Score):
    """Expected predictive information gain about the situation's targets (candidates drawn at random from the pool).

    Unlike BALD it does not pay for learning what matters for no prediction. Without targets the candidates
    themselves are the targets, at most `targets` of them drawn at random.

    Args:
        targets: how many targets at most.

    Source: Bickford Smith et al. 2023, arXiv:2304.08151.
    """

    targets: int = 256
    needs_draws = True

    @property
    def name(self) -> str:
        """`epig`."""
        return "epig"

    def __call__(self, belief: Predictive, situation: Situation) -> np.ndarray:
        """[N] nats, at least 0."""
        require_draws(belief, "EPIG")
        target = situation.target if situation.target is not None else belief
        if len(target) > self.targets:
            target = target.take(situation.rng.choice(len(target), self.targets, replace=False))
        if belief.classes:
            return class_epig(belief.draws, target.draws)
        return value_epig(belief, target)

    def reason(self, belief: Predictive, i: int) -> str:
        """How far the plausible models differ, and that others hang on it."""
        return f"tells most about the other candidates; {BALD().reason(belief, i)}"
