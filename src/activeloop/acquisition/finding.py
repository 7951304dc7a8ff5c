"""Acquisition functions for finding the best: greedy, UCB, expected improvement, probability of a hit, Thompson."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from activeloop.acquisition.base import (
    AcquisitionContext,
    AcquisitionFunction,
    BatchStrategy,
    Objective,
    comparable,
    first_best,
    highest,
    incumbent,
    objective,
    require_draws,
)
from activeloop.prediction import Prediction
from activeloop.words import shown_number


@dataclass(frozen=True)
class Greedy(AcquisitionFunction):
    """The predicted mean; for classes the probability of the last one."""

    needs_spread = False
    in_unit = True
    name = "greedy"

    def __call__(self, prediction: Prediction, context: AcquisitionContext) -> np.ndarray:
        """[N] predicted means."""
        return objective(prediction).mean

    def reason(self, prediction: Prediction, i: int) -> str:
        """The prediction."""
        o = objective(prediction)
        return f"among the best predictions: {o.word} {shown_number(o.mean[i])}"


@dataclass(frozen=True)
class UpperConfidenceBound(AcquisitionFunction):
    """Mean plus `beta` posterior standard deviations, at most the highest possible value.

    Source: Srinivas et al. 2010, arXiv:0912.3995 (their beta is the square of this one).

    >>> prediction = Prediction(np.zeros((0, 2, 1)), np.array([[1.0], [0.0]]), np.array([[0.1], [2.0]]), np.zeros(1))
    >>> UpperConfidenceBound(1.0)(prediction, AcquisitionContext.blank(np.random.default_rng(0))).tolist()
    [1.1, 2.0]
    """

    beta: float = 1.0
    in_unit = True
    name = "ucb"

    def __call__(self, prediction: Prediction, context: AcquisitionContext) -> np.ndarray:
        """[N] upper bounds."""
        o, most = objective(prediction), 1.0 if prediction.classes else highest(prediction, context)
        bound = o.mean + self.beta * o.sd
        # candidates that may reach the highest value follow their means, by steps that `comparable` still tells apart
        return bound if math.isinf(most) else np.where(bound < most, bound, most + 1e-3 * (o.mean - most))

    def reason(self, prediction: Prediction, i: int) -> str:
        """The prediction and the bonus of the bound: on logarithms a factor."""
        o = objective(prediction)
        if prediction.maps and prediction.maps[0].log:
            factor = math.exp(self.beta * math.asinh(float(o.sd[i] / abs(o.mean[i]))))
            better = f"it could plausibly be better by a factor of {shown_number(factor, 2)}"
            return f"a good prediction: {o.word} {shown_number(o.mean[i])}, and {better}"
        most = 1.0 if prediction.classes else float(prediction.highest[-1])
        more = min(self.beta * float(o.sd[i]), most - float(o.mean[i]))
        better = f", and it could plausibly be better by {shown_number(more, 2)}" if more > 0 else ""
        return f"a good prediction: {o.word} {shown_number(o.mean[i])}{better}"


def _with_sd(o: Objective, i: int) -> str:
    return f"{o.word} {shown_number(o.mean[i])}, sd {shown_number(o.sd[i], 2)}"


def expected_improvement(mean: np.ndarray, sd: np.ndarray, best_f: float) -> np.ndarray:
    """Mean of max(0, f - best_f) for Gaussian f, at least 0.

    Source: Jones et al. 1998, doi:10.1023/A:1008306431147.

    >>> expected_improvement(np.array([0.0, 1.0]), np.array([1.0, 0.0]), 0.0).round(4).tolist()
    [0.3989, 1.0]
    """
    from scipy.special import ndtr

    safe = not_zero(sd, mean - best_f)
    z = (mean - best_f) / safe
    density = np.exp(-0.5 * np.minimum(z * z, 1400.0)) / np.sqrt(2 * np.pi)
    return np.maximum((mean - best_f) * ndtr(z) + safe * density, np.maximum(mean - best_f, 0.0))


def not_zero(sd: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Standard deviations [N], those of 0 tiny beside distances [N] that are divided by them."""
    return np.maximum(sd, 1e-12 * np.where(np.isfinite(distances), np.abs(distances), 0.0) + 1e-300)


@dataclass(frozen=True)
class ExpectedImprovement(AcquisitionFunction):
    """Expected improvement over the best measured mean, in closed form; none beyond the highest possible value."""

    name = "ei"

    def __call__(self, prediction: Prediction, context: AcquisitionContext) -> np.ndarray:
        """[N] expected improvements, at least 0."""
        o, most = objective(prediction), highest(prediction, context)
        gain = expected_improvement(o.mean, o.sd, incumbent(prediction, context))
        return gain if math.isinf(most) else np.maximum(gain - expected_improvement(o.mean, o.sd, most), 0.0)

    def reason(self, prediction: Prediction, i: int) -> str:
        """The prediction and its standard deviation."""
        o = objective(prediction)
        return f"may improve on the best so far: predicted {_with_sd(o, i)}"


@dataclass(frozen=True)
class NoisyExpectedImprovement(AcquisitionFunction):
    """Expected improvement when the best measured candidate is itself uncertain.

    In each joint draw a candidate is compared with that draw's own best measured candidate, so that one lucky
    measurement does not set the reference too high. Without a prediction of the measured candidates, it is `best_f`.

    Source: Letham et al. 2019, arXiv:1706.07094.
    """

    needs_draws = True
    name = "nei"

    def __call__(self, prediction: Prediction, context: AcquisitionContext) -> np.ndarray:
        """[N] mean improvements over the draws, at least 0."""
        require_draws(prediction, "Noisy expected improvement")
        measured = context.measured
        if measured is None or not len(measured) or prediction.classes:
            bar = np.array(incumbent(prediction, context))
        else:
            bar = objective(measured).draws.max(1)[:, None]
        return np.maximum(objective(prediction).draws - bar, 0.0).mean(0)

    def reason(self, prediction: Prediction, i: int) -> str:
        """The prediction and its standard deviation."""
        o = objective(prediction)
        return f"may improve on the best so far, noise allowed for: predicted {o.word} {shown_number(o.mean[i])}"


@dataclass(frozen=True)
class ProbabilityOfHit(AcquisitionFunction):
    """Probability that a candidate's true value reaches the threshold.

    Args:
        threshold: in the (oriented) unit of the assay; None takes the campaign's, or the incumbent when none is
            stated. Not used for classes, where the value is the probability of the last class.
    """

    threshold: float | None = None
    name = "hit"

    def __call__(self, prediction: Prediction, context: AcquisitionContext) -> np.ndarray:
        """[N] probabilities."""
        from scipy.special import ndtr

        o = objective(prediction)
        if prediction.classes:
            return o.mean
        bar = context.threshold[0] if self.threshold is None else self.threshold
        bar = incumbent(prediction, context) if np.isnan(bar) else bar
        return ndtr((o.mean - bar) / not_zero(o.sd, o.mean - bar))

    def reason(self, prediction: Prediction, i: int) -> str:
        """The prediction and its standard deviation."""
        o = objective(prediction)
        return f"likely a hit: predicted {_with_sd(o, i)}"


@dataclass(frozen=True)
class Thompson(AcquisitionFunction):
    """The value of each candidate in one joint draw. For a plate use `ThompsonBatch`: one draw for each pick.

    Source: Thompson 1933, doi:10.1093/biomet/25.3-4.285.
    """

    needs_draws = True
    in_unit = True
    name = "thompson"

    def __call__(self, prediction: Prediction, context: AcquisitionContext) -> np.ndarray:
        """[N] values in a draw taken at random."""
        draws = require_draws(prediction, "Thompson sampling")
        return objective(prediction).draws[int(context.rng.integers(len(draws)))]

    def reason(self, prediction: Prediction, i: int) -> str:
        """The prediction and its standard deviation."""
        o = objective(prediction)
        return f"the best in one plausible model: predicted {_with_sd(o, i)}"


@dataclass(frozen=True)
class ThompsonBatch(BatchStrategy):
    """The best candidate of each joint draw, in random order of the draws, each candidate once.

    Draws whose best is taken give their next best; with more picks than draws, the draws take turns. The acquisition
    values only break ties.

    Source: Kandasamy et al. 2018, arXiv:1705.09236.
    """

    needs_draws = True
    phrase = "the best of one plausible model"
    name = "thompson-batch"

    def __call__(
        self, prediction: Prediction, scores: np.ndarray, n: int, context: AcquisitionContext, features: np.ndarray
    ) -> np.ndarray:
        """[n] indices in the order of the draws."""
        values = objective(prediction).draws[
            context.rng.permutation(len(require_draws(prediction, "Thompson sampling")))
        ]
        shuffled = context.rng.permutation(len(prediction))
        order = shuffled[np.argsort(-comparable(scores[shuffled]), kind="stable")]
        values, free = values[:, order], np.ones(len(order), bool)
        picks = np.zeros(n, np.int64)
        for k in range(n):
            picks[k] = first_best(np.where(free, values[k % len(values)], -np.inf))
            free[picks[k]] = False
        return order[picks]
