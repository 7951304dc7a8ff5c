"""Acquisition functions for learning an accurate model: variance, entropy, BALD, EPIG."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.acquisition.base import AcquisitionContext, AcquisitionFunction, Gaussian, require_draws
from activeloop.prediction import Prediction
from activeloop.words import shown_number


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


def _doubt(prediction: Prediction, i: int) -> str:
    top = int(prediction.mean[i].argmax())
    return f"the model is unsure: {prediction.mean[i, top]:.0%} {prediction.classes[top]}"


@dataclass(frozen=True)
class Variance(AcquisitionFunction):
    """Epistemic variance; for classes the sum over them."""

    name = "variance"

    def __call__(self, prediction: Prediction, context: AcquisitionContext) -> np.ndarray:
        """[N] variances, summed over assays or classes."""
        return np.square(prediction.sd).sum(1)

    def reason(self, prediction: Prediction, i: int) -> str:
        """The prediction and its standard deviation."""
        column = -1 if prediction.classes else 0
        mean, sd = shown_number(prediction.mean[i, column]), shown_number(prediction.sd[i, column], 2)
        return f"the model knows it least: predicted {mean} ± {sd}"


@dataclass(frozen=True)
class Entropy(AcquisitionFunction):
    """Entropy of the predicted classes, in nats: epistemic and noise entropy together.

    For values the entropy of the predicted measurement, 0.5 log(2 pi e (sd² + noise²)), summed over assays.

    Source: Lewis and Gale 1994, arXiv:cmp-lg/9407020.
    """

    name = "entropy"

    def __call__(self, prediction: Prediction, context: AcquisitionContext) -> np.ndarray:
        """[N] entropies."""
        if prediction.classes:
            return entropy(prediction.mean)
        variance = np.square(prediction.sd) + np.square(prediction.noise)
        return 0.5 * np.log(2 * np.pi * np.e * np.maximum(variance, 1e-300)).sum(1)

    def reason(self, prediction: Prediction, i: int) -> str:
        """The most probable class."""
        return _doubt(prediction, i) if prediction.classes else Variance().reason(prediction, i)


def mutual_information(probs: np.ndarray) -> np.ndarray:
    """Mutual information between a measurement of each candidate and the model, in nats (BALD).

    Args:
        probs: [S, N, C] class probabilities; the last axis sums to 1.

    Returns:
        [N] from 0 (all draws agree) to log C, never above the entropy of the mean.

    Source: Houlsby et al. 2011, arXiv:1112.5745.

    >>> mutual_information(np.array([[[1.0, 0.0]], [[0.0, 1.0]]])).round(3).tolist()
    [0.693]
    """
    whole = entropy(probs.mean(0, dtype=np.float64))
    own = np.mean([entropy(p) for p in probs], axis=0)
    return np.clip(whole - own, 0.0, whole)


@dataclass(frozen=True)
class BALD(AcquisitionFunction):
    """Information of one measurement about the model.

    For classes from the joint draws; for values 0.5 log(1 + sd² / noise²). Where no noise is known, it counts as a
    ten-thousandth of the largest standard deviation; the order is that of the variance then.

    Source: Houlsby et al. 2011, arXiv:1112.5745.
    """

    needs_draws = True
    name = "bald"

    def __call__(self, prediction: Prediction, context: AcquisitionContext) -> np.ndarray:
        """[N] nats, at least 0; for several assays the sum."""
        if prediction.classes:
            return mutual_information(require_draws(prediction, "BALD"))
        largest = prediction.sd.max(0, initial=0.0)
        noise = np.square(np.where(prediction.noise > 0, prediction.noise, np.where(largest > 0, 1e-4 * largest, 1.0)))
        return 0.5 * np.log1p(np.square(prediction.sd) / noise).sum(1)

    def reason(self, prediction: Prediction, i: int) -> str:
        """How far the plausible models differ."""
        column = -1 if prediction.classes else 0
        low, high = (
            np.quantile(prediction.draws[:, i, column], [0.05, 0.95]) if len(prediction.draws) else (np.nan, np.nan)
        )
        what = f"probability of being {prediction.classes[-1]}" if prediction.classes else "value"
        return f"plausible models disagree: {what} from {shown_number(low, 2)} to {shown_number(high, 2)}"


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


def value_epig(prediction: Prediction, targets: Prediction) -> np.ndarray:
    """The same for values under a Gaussian approximation of the posterior, summed over assays: -0.5 log(1 - r²).

    r is the correlation of the two noisy measurements.

    Returns:
        [N] nats, at least 0.
    """
    ours, theirs = Gaussian.of(prediction), Gaussian.of(targets)
    out = np.zeros(len(prediction))
    step = max(1, BUDGET // max(1, len(targets)))
    for mine, target, noise in zip(ours.covariances, theirs.covariances, theirs.noise, strict=True):
        spread = target.variance + noise
        for start in range(0, len(out), step):
            part = np.arange(start, min(start + step, len(out)))
            some = mine.take(part)
            own = some.variance + noise
            square = np.square(some.with_others(target)) / (own[:, None] * spread)
            out[part] -= 0.5 * np.log1p(-np.minimum(square, 1 - 1e-9)).mean(1)
    return np.maximum(out, 0.0)


@dataclass(frozen=True)
class EPIG(AcquisitionFunction):
    """Expected predictive information gain about the context's targets (candidates drawn at random from the pool).

    Unlike BALD it does not reward information that no prediction depends on. Without targets the candidates
    themselves are the targets, at most `targets` of them drawn at random.

    Args:
        targets: how many targets at most.

    Source: Bickford Smith et al. 2023, arXiv:2304.08151.
    """

    targets: int = 256
    needs_draws = True
    name = "epig"

    def __call__(self, prediction: Prediction, context: AcquisitionContext) -> np.ndarray:
        """[N] nats, at least 0."""
        require_draws(prediction, "EPIG")
        target = context.target if context.target is not None else prediction
        if len(target) > self.targets:
            target = target.take(context.rng.choice(len(target), self.targets, replace=False))
        if prediction.classes:
            return class_epig(prediction.draws, target.draws)
        return value_epig(prediction, target)

    def reason(self, prediction: Prediction, i: int) -> str:
        """How far the plausible models differ."""
        return f"informs most about the other candidates; {BALD().reason(prediction, i)}"
