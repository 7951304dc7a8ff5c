"""The two roles of acquisition, and what they share: context, objective, joint Gaussian."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from activeloop.errors import ModelError
from activeloop.prediction import Prediction


@dataclass(frozen=True)
class AcquisitionContext:
    """What a score may know besides the model's prediction about the candidates.

    Args:
        best: [A] best mean measured so far (larger is better), NaN when nothing was.
        rng: the generator to draw from.
        threshold: [A] the value from which a candidate counts as a hit; NaN when none was stated.
        values: [M, A] means measured so far (larger is better, NaN = not measured), or None.
        measured: prediction of the measured candidates, with the *same* draws as the one that is scored, or None.
        target: prediction about candidates drawn at random from the pool, with the same draws, or None.
    """

    best: np.ndarray
    rng: np.random.Generator
    threshold: np.ndarray
    values: np.ndarray | None = None
    measured: Prediction | None = None
    target: Prediction | None = None

    @classmethod
    def blank(cls, rng: np.random.Generator, assays: int = 1) -> AcquisitionContext:
        """Nothing measured, no threshold stated."""
        unknown = np.full(assays, np.nan)
        return cls(unknown, rng, unknown)


class AcquisitionFunction(ABC):
    """How much a candidate is worth testing; larger is better.

    The score of a candidate depends on the prediction about it, on the situation and on nothing else, so that a pool
    may be scored in pieces (each piece with a generator in the same state).
    """

    #: whether the score reads the joint draws (else mean and spread suffice, and huge pools can be scored in pieces)
    needs_draws: bool = False
    #: whether the score reads the spread; if not, a huge pool is scored by the mean alone
    needs_spread: bool = True

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name in configs and reports."""

    @abstractmethod
    def __call__(self, prediction: Prediction, context: AcquisitionContext) -> np.ndarray:
        """[N] scores of all candidates in `prediction`."""

    @abstractmethod
    def reason(self, prediction: Prediction, i: int) -> str:
        """Why candidate i was chosen, in words that a biologist reads on a plate list.

        Args:
            prediction: its values are turned back: in the assay's own direction, so less may be better.
            i: index into it.
        """


class BatchStrategy(ABC):
    """Which n candidates to take together."""

    #: whether the choice reads the joint draws
    needs_draws: bool = False
    #: how many joint draws it wants; few draws make unlike candidates look alike by chance
    draws: int = 64
    #: whether it can spread a batch over the features alone, before there is a model
    spreads: bool = False
    #: what it adds to the reason of each pick, "" when nothing
    phrase: str = ""

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name in configs and reports."""

    @abstractmethod
    def __call__(
        self, prediction: Prediction, scores: np.ndarray, n: int, context: AcquisitionContext, features: np.ndarray
    ) -> np.ndarray:
        """N different indices into `prediction`, best first.

        Args:
            prediction: what the model predicts about N candidates (already without vetoed and tested ones).
            scores: [N] from a `AcquisitionFunction`.
            n: how many, at most N.
            context: generator and best value so far.
            features: [N, D] float32 coordinates in which distance means difference (one-hot letters, fingerprints).
        """


def best_first(scores: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """The indices of the n largest scores, best first; ties in random order.

    >>> best_first(np.array([1.0, 3.0, 2.0]), 2, np.random.default_rng(0)).tolist()
    [1, 2]
    """
    order = rng.permutation(len(scores))
    return order[np.argsort(-scores[order], kind="stable")[:n]]


#: variance of the noise where none is known, as a part of the largest variance of a candidate
UNKNOWN_NOISE = 0.01


@dataclass(frozen=True)
class Gaussian:
    """N candidates with covariance `factors @ factors.T`, all assays (or classes) side by side.

    Args:
        mean: [N, A].
        factors: [N, A, S] deviations of the draws from their mean, divided by sqrt(S - 1).
        noise: [A] variance of the noise of one measurement.
    """

    mean: np.ndarray
    factors: np.ndarray
    noise: np.ndarray

    @classmethod
    def of(cls, prediction: Prediction) -> Gaussian:
        """From at least two joint draws. The mean is the model's own, not that of the draws."""
        draws = np.moveaxis(prediction.draws.astype(np.float64), 0, 2)
        factors = (draws - draws.mean(2, keepdims=True)) / np.sqrt(draws.shape[2] - 1)
        if prediction.classes:
            noise = (prediction.mean * (1 - prediction.mean)).mean(0)
        else:
            noise = np.square(prediction.noise)
        largest = np.square(factors).sum(2).max(0, initial=0.0)
        floor = np.where(noise > 0, 0.0, UNKNOWN_NOISE * largest) + 1e-12
        return cls(prediction.mean.astype(np.float64), factors, noise + floor)

    @property
    def variance(self) -> np.ndarray:
        """[N, A]."""
        return np.square(self.factors).sum(2)


@dataclass(frozen=True)
class Objective:
    """The value of the only assay, or the probability of the last class (`fit`).

    Args:
        draws: [S, N] joint draws.
        mean: [N].
        sd: [N] of what the model does not know.
        noise: standard deviation of the noise of one measurement, 0 when it is not known.
        word: what the number is, in words.
    """

    draws: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    noise: float
    word: str


def outcome(prediction: Prediction) -> Objective:
    """The one number of each candidate.

    Raises:
        ModelError: when several assays are predicted; they must be combined first.

    >>> outcome(Prediction.of_draws(np.array([[[0.2, 0.8]]]), classes=("unfit", "fit"))).mean.tolist()
    [0.8]
    """
    outputs = prediction.mean.shape[1]
    if prediction.classes:
        word, noise = f"probability of being {prediction.classes[-1]}", 0.0
    elif outputs == 1:
        word, noise = "value", float(prediction.noise[0])
    else:
        problem = f"This score needs one assay and the model predicts {outputs}. Combine them with Scalarised(...) or"
        raise ModelError(f"{problem} use Hypervolume(). Nothing was chosen.")
    draws = prediction.draws[:, :, -1] if len(prediction.draws) else np.zeros((0, len(prediction)))
    return Objective(draws, prediction.mean[:, -1], prediction.sd[:, -1], noise, word)


def require_draws(prediction: Prediction, what: str) -> np.ndarray:
    """The draws [S, N, A]; S is at least 2.

    Raises:
        ModelError: when only marginals were predicted.
    """
    if len(prediction.draws) < 2:
        raise ModelError(f"{what} needs at least two joint draws; ask the model for draws=64. Nothing was chosen.")
    return prediction.draws
