"""The two roles of acquisition, and what they share: context, objective, incumbent, joint Gaussian."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from activeloop.errors import ModelError
from activeloop.measurements import Assay
from activeloop.prediction import Covariance, Prediction


@dataclass(frozen=True)
class AcquisitionContext:
    """What an acquisition function may use besides the prediction of the candidates; larger values are better.

    Args:
        best_f: [A] best measured mean, NaN when nothing was measured.
        rng: generator for everything random.
        threshold: [A] value from which a candidate counts as a hit; NaN when none was stated.
        values: [M, A] measured means (NaN = not measured, or only known to be no better than a limit), or None.
        measured: prediction of the measured candidates, with the *same* joint draws as that of the candidates, or None.
        target: prediction of candidates drawn at random from the pool, with the same joint draws, or None.
        limits: [A] threshold of each assay that has only to reach one, NaN for those whose best is looked for; None
            when no assay has a threshold.
        feasible: [M] whether each measured candidate meets all thresholds: 1, 0, NaN = not known; None as `limits`.
        highest: [A] the best value that is possible, infinite where none is stated; None where no assay has bounds.
        position: [N] column of the only mutation of each candidate, -1 where it has none or several; None for pools
            without a wild type, and where no batch strategy needs it.
    """

    best_f: np.ndarray
    rng: np.random.Generator
    threshold: np.ndarray
    values: np.ndarray | None = None
    measured: Prediction | None = None
    target: Prediction | None = None
    limits: np.ndarray | None = None
    feasible: np.ndarray | None = None
    highest: np.ndarray | None = None
    position: np.ndarray | None = None

    @property
    def counting(self) -> np.ndarray:
        """[M] which measured candidates may be the best: those known to meet all thresholds (bool)."""
        size = 0 if self.values is None else len(self.values)
        return np.ones(size, bool) if self.feasible is None else self.feasible == 1

    @classmethod
    def blank(cls, rng: np.random.Generator, assays: int = 1) -> AcquisitionContext:
        """The context before anything was measured."""
        unknown = np.full(assays, np.nan)
        return cls(unknown, rng, unknown)


class AcquisitionFunction(ABC):
    """The value of testing each candidate; larger is better.

    The value of a candidate depends on its prediction and on the context alone, so that a pool may be evaluated in
    pieces (each with a generator in the same state).
    """

    #: its name in configs and reports
    name: str
    #: whether it uses the joint draws; if not, huge pools are evaluated in pieces by mean and standard deviation
    needs_draws: bool = False
    #: whether it uses the standard deviation; if not, a huge pool is evaluated by the mean alone
    needs_spread: bool = True
    #: whether its values are in the unit of the assay, so that a difference of two of them is an improvement
    in_unit: bool = False

    @abstractmethod
    def __call__(self, prediction: Prediction, context: AcquisitionContext) -> np.ndarray:
        """[N] acquisition values of all candidates in `prediction`."""

    @abstractmethod
    def reason(self, prediction: Prediction, i: int) -> str:
        """Why candidate i was chosen, for the plate list.

        Args:
            prediction: in the direction of the assay, so smaller may be better.
            i: index into it.
        """


class CombiningFunction(AcquisitionFunction):
    """An acquisition function of several assays; without joint draws it goes by mean and standard deviation."""

    @abstractmethod
    def utility(self, prediction: Prediction, context: AcquisitionContext) -> Prediction:
        """The one number that is looked for, as a prediction of a single assay.

        From it a batch strategy chooses; its draws are functions of the joint draws.
        """

    @abstractmethod
    def reason_of(self, prediction: Prediction, i: int, context: AcquisitionContext, assays: Sequence[Assay]) -> str:
        """Why candidate i was chosen, beside what was measured.

        Args:
            prediction: as `__call__`: larger is better.
            i: index into it.
            context: as `__call__`.
            assays: [A] as they are measured, for names, units and directions.
        """


class BatchStrategy(ABC):
    """Which n candidates to test together."""

    #: its name in configs and reports
    name: str
    #: whether it uses the joint draws
    needs_draws: bool = False
    #: joint draws it needs; few draws make different candidates look correlated by chance
    draws: int = 64
    #: whether it can spread a batch over the features alone, before there is a model
    spreads: bool = False
    #: whether it asks where the candidates are mutated
    by_position: bool = False
    #: what it adds to the reason of each pick
    phrase: str = ""

    @abstractmethod
    def __call__(
        self, prediction: Prediction, scores: np.ndarray, n: int, context: AcquisitionContext, features: np.ndarray
    ) -> np.ndarray:
        """[n] different indices into `prediction`, best first.

        Args:
            prediction: of N candidates, without vetoed and tested ones.
            scores: [N] acquisition values.
            n: size of the batch, at most N.
            context: that of the acquisition function.
            features: [N, D] float32, whose distances mean differences of design (one-hot residues, fingerprints).
        """


#: significant binary digits by which values are compared; what lies beyond differs between processors
DIGITS = 20


def comparable(values: np.ndarray) -> np.ndarray:
    """Values rounded to 20 binary digits, about six decimal ones, so that equal ones are equal on every processor.

    >>> (comparable(np.array([0.1 + 0.2, 0.3])) == comparable(np.array([0.3, 0.1 + 0.2]))).tolist()
    [True, True]
    """
    share, exponent = np.frexp(values)
    return np.ldexp(np.rint(share * 2.0**DIGITS), exponent - DIGITS)


def best_first(scores: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """The indices of the n largest scores, best first; those that are `comparable` in an order that rng decides.

    >>> best_first(np.array([1.0, 3.0, 2.0]), 2, np.random.default_rng(0)).tolist()
    [1, 2]
    """
    order = rng.permutation(len(scores))
    return order[np.argsort(-comparable(scores[order]), kind="stable")[:n]]


def first_best(values: np.ndarray) -> int:
    """The index of the largest value; of `comparable` ones the first.

    >>> first_best(np.array([0.3, 0.1 + 0.2, -np.inf]))
    0
    """
    return int(comparable(values).argmax())


#: noise variance where none is known, as a share of the largest variance of a candidate
UNKNOWN_NOISE = 0.01


@dataclass(frozen=True)
class SampleCovariance(Covariance):
    """The covariance of joint draws.

    Args:
        factors: [N, S] deviations of the draws from their mean, divided by sqrt(S - 1).
    """

    factors: np.ndarray

    @cached_property
    def variance(self) -> np.ndarray:  # type: ignore[override]
        """[N]."""
        return np.square(self.factors).sum(1)

    def with_others(self, others: SampleCovariance) -> np.ndarray:
        """[N, M]."""
        return self.factors @ others.factors.T

    def take(self, index: np.ndarray) -> SampleCovariance:
        """That of some of the candidates."""
        return SampleCovariance(self.factors[index])

    def scaled(self, factor: float) -> SampleCovariance:
        """That of deviations times a factor."""
        return SampleCovariance(factor * self.factors)


@dataclass(frozen=True)
class Gaussian:
    """The joint posterior as a Gaussian.

    Args:
        mean: [N, A], the model's own, not that of the draws.
        covariances: A of them (or one for each class): the model's own where it knows them, else those of the draws.
        noise: [A] variance of one measurement's noise.
    """

    mean: np.ndarray
    covariances: tuple[Covariance, ...]
    noise: np.ndarray

    @classmethod
    def of(cls, prediction: Prediction) -> Gaussian:
        """From at least two joint draws."""
        covariances = prediction.covariances or of_draws(prediction.draws)
        if prediction.classes:
            noise = (prediction.mean * (1 - prediction.mean)).mean(0)
        else:
            noise = np.square(prediction.noise)
        largest = np.array([covariance.variance.max(initial=0.0) for covariance in covariances])
        floor = np.where(noise > 0, 0.0, UNKNOWN_NOISE * largest) + 1e-12 * np.where(largest > 0, largest, 1.0)
        return cls(prediction.mean.astype(np.float64), covariances, noise + floor)

    @property
    def variance(self) -> np.ndarray:
        """[N, A]."""
        return np.stack([covariance.variance for covariance in self.covariances], axis=1)


def of_draws(draws: np.ndarray) -> tuple[SampleCovariance, ...]:
    """The covariance of joint draws [S, N, A] in each of A columns; S is at least 2."""
    columns = np.moveaxis(draws.astype(np.float64), (2, 1), (0, 1))
    factors = (columns - columns.mean(2, keepdims=True)) / np.sqrt(draws.shape[0] - 1)
    return tuple(SampleCovariance(each) for each in factors)


class Measuring:
    """Variances of N candidates in one assay, while some of them count as measured one after the other.

    Args:
        covariance: of the candidates.
        noise: [N] variance of the noise of one measurement of each.

    Attributes:
        variance: [N] given what was measured.
    """

    def __init__(self, covariance: Covariance, noise: np.ndarray):
        self.variance = np.array(covariance.variance, np.float64)
        self._covariance, self._noise = covariance, noise
        self._updates = np.zeros((0, len(noise)))

    def with_one(self, i: int) -> np.ndarray:
        """[N] covariances with candidate i, given what was measured."""
        prior = self._covariance.with_others(self._covariance.take(np.array([i])))[:, 0]
        return prior - self._updates[:, i] @ self._updates

    def measure(self, i: int) -> np.ndarray:
        """Count candidate i as measured.

        Returns:
            [N] u, so that covariances fall by u u'.
        """
        update = self.with_one(i) / np.sqrt(self.variance[i] + self._noise[i])
        self._updates = np.vstack([self._updates, update])
        self.variance = np.maximum(self.variance - np.square(update), 0.0)
        return update


@dataclass(frozen=True)
class Objective:
    """The one number that is maximised: the value of the only assay, or the probability of the last class (`fit`).

    Args:
        draws: [S, N] joint draws.
        mean, sd: [N] of the posterior, without measurement noise.
        word: what the number is.
    """

    draws: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    word: str


def objective(prediction: Prediction) -> Objective:
    """The objective of each candidate.

    Raises:
        ModelError: several assays are predicted; they must be combined first.

    >>> objective(Prediction.of_draws(np.array([[[0.2, 0.8]]]), classes=("unfit", "fit"))).mean.tolist()
    [0.8]
    """
    outputs = prediction.mean.shape[1]
    if not prediction.classes and outputs > 1:
        raise ModelError(
            f"This score needs one assay and the model predicts {outputs}. Take `hypervolume` or `scalarised` (Python: "
            "Hypervolume, Scalarised), or give all but one a threshold. Nothing was chosen."
        )
    two = bool(prediction.maps and prediction.maps[-1].binary)
    word = f"probability of being {prediction.classes[-1]}" if prediction.classes else "probability" if two else "value"
    draws = prediction.draws[:, :, -1] if len(prediction.draws) else np.zeros((0, len(prediction)))
    return Objective(draws, prediction.mean[:, -1], prediction.sd[:, -1], word)


def incumbent(prediction: Prediction, context: AcquisitionContext) -> float:
    """`best_f` of the first assay; the best prediction when nothing was measured; 0 for classes."""
    if prediction.classes:
        return 0.0
    best_f = float(context.best_f[0])
    return float(prediction.mean[:, 0].max()) if np.isnan(best_f) else best_f


def highest(prediction: Prediction, context: AcquisitionContext) -> float:
    """The best possible value of the only assay, infinite where none is stated."""
    return math.inf if prediction.classes or context.highest is None else float(context.highest[0])


def require_draws(prediction: Prediction, what: str) -> np.ndarray:
    """The draws [S, N, A]; S is at least 2.

    Raises:
        ModelError: only marginals were predicted.
    """
    if len(prediction.draws) < 2:
        raise ModelError(f"{what} needs at least two joint draws; predict with draws=64. Nothing was chosen.")
    return prediction.draws
