"""The role of a head, a posterior over functions of features, and what heads share: standardised columns, products."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from activeloop.errors import ModelError


@dataclass(frozen=True)
class HeadInputs:
    """What a head sees of n candidates.

    Args:
        features: [n, P] pooled hidden states (float32).
        prior_scores: [n, G] columns whose order is a prior mean of the values (zero-shot scores, the substitution
            prior); G may be 0.
    """

    features: np.ndarray
    prior_scores: np.ndarray

    def __len__(self) -> int:
        return len(self.features)

    def take(self, index: np.ndarray | slice) -> HeadInputs:
        """Those of some candidates."""
        return HeadInputs(self.features[index], self.prior_scores[index])


#: samples as one function from n candidates to float32 [count, n]
Functions = Callable[[HeadInputs], np.ndarray]


class Head(ABC):
    """How a posterior over functions of features is represented. A frozen dataclass of settings."""

    #: its name in configs and reports
    name: str

    @abstractmethod
    def fit(self, inputs: HeadInputs, targets: np.ndarray, weights: np.ndarray, seed: int) -> Posterior:
        """A posterior over functions of the inputs.

        Args:
            inputs: of N measured candidates.
            targets: [N] values of mean 0 and standard deviation 1.
            weights: [N] of the values: 1 where the error is not known, less the less sure a value is.
            seed: of the fit.

        Raises:
            ModelError: the posterior would have no spread.
        """

    def with_scales(self, inputs: HeadInputs, targets: np.ndarray, weights: np.ndarray, seed: int) -> Head:
        """These settings with the scales (signal, prior scores, noise) that `fit` would learn, fixed now.

        Features that were adapted to the targets explain them too well: the noise that is learned from them is too
        small, and so is the weight of the prior scores. So scales are learned from the features before.
        """
        del inputs, targets, weights, seed
        return self

    @abstractmethod
    def restore(self, state: dict[str, np.ndarray]) -> Posterior:
        """The posterior that gave this state."""


class Posterior(ABC):
    """A fitted head.

    Attributes:
        noise: standard deviation of one measurement, in units of the targets (0: not known).
    """

    noise: float

    @abstractmethod
    def mean(self, inputs: HeadInputs) -> np.ndarray:
        """[n] mean of the targets alone, the same as that of `marginals` and cheaper."""

    @abstractmethod
    def marginals(self, inputs: HeadInputs) -> tuple[np.ndarray, np.ndarray]:
        """Mean [n] and standard deviation [n] (without noise) of the targets."""

    @abstractmethod
    def functions(self, seed: int, count: int) -> Functions:
        """Joint samples as functions: from inputs to float32 [count, n].

        The same seed gives the same functions, bit for bit, for any inputs and in any pieces; the first of many are
        those of few.
        """

    def draws(self, inputs: HeadInputs, seed: int, count: int) -> np.ndarray:
        """Float32 [count, n] joint samples at some candidates."""
        return self.functions(seed, count)(inputs)

    @abstractmethod
    def leave_one_out(self) -> np.ndarray:
        """[N] prediction of each measured candidate without its own value; NaN where it is not known."""

    @abstractmethod
    def state(self) -> dict[str, np.ndarray]:
        """Arrays for `Head.restore`."""


def check_spread(sd: np.ndarray, targets: np.ndarray, head: str) -> None:
    """Refuse a posterior without uncertainty although the values differ.

    Args:
        sd: [n] standard deviations of its predictions of some candidates.
        targets: [N] the values.
        head: its name.

    Raises:
        ModelError: they are all 0, or not numbers.
    """
    if not np.isfinite(sd).all() or (np.ptp(targets) > 0 and not sd.max(initial=0) > 0):
        raise ModelError(f"{head}: all draws are the same, so they hold no uncertainty. Nothing was fitted.")


#: standardised values beyond it are cut in products
REACH = 32.0


@dataclass(frozen=True)
class Standardised:
    """Inputs of n candidates whose columns are comparable.

    Args:
        features: float32 [n, P].
        basis: float64 [n, G + 1] the prior scores, and a column of ones.
        norm: see `Standardisation`.
    """

    features: np.ndarray
    basis: np.ndarray
    norm: float

    @cached_property
    def lengths(self) -> np.ndarray:
        """[n] squared lengths of the features, 1 on average among the measured."""
        return np.square(self.features, dtype=np.float64).sum(1) / self.norm


@dataclass(frozen=True)
class Standardisation:
    """Shift and scale of every column, taken from the measured candidates.

    Features are divided by the root of their variance plus the squared median standard deviation of all: a feature
    that hardly varies among the measured is not blown up, one that does not vary at all may still differ in another
    candidate and counts as the median. Prior scores are divided by their own standard deviation.

    Args:
        shift: [P] means of the features.
        factor: [P] by which they are multiplied.
        prior_shift, prior_factor: [G] of the prior scores.
        norm: mean squared length of the standardised measured features (P when they are all alike).
    """

    shift: np.ndarray
    factor: np.ndarray
    prior_shift: np.ndarray
    prior_factor: np.ndarray
    norm: float

    @classmethod
    def of(cls, inputs: HeadInputs) -> Standardisation:
        """That of the measured candidates."""
        features, scores = inputs.features.astype(np.float64), inputs.prior_scores.astype(np.float64)
        shift, sd = features.mean(0), _sd(features)
        median = float(np.median(sd[sd > 0])) if (sd > 0).any() else 1.0
        factor = 1.0 / np.sqrt(np.where(sd > 0, sd, median) ** 2 + median**2)
        norm = float(((sd * factor) ** 2).sum()) or float(max(1, len(shift)))
        own = _sd(scores)
        prior_factor = 1 / np.where(own > 0, own, 1)
        return cls(shift.astype(np.float32), factor.astype(np.float32), scores.mean(0), prior_factor, norm)

    def __call__(self, inputs: HeadInputs) -> Standardised:
        """Float32 features and float64 prior scores on this scale."""
        features = (inputs.features.astype(np.float32, copy=False) - self.shift) * self.factor
        scores = (inputs.prior_scores.astype(np.float64) - self.prior_shift) * self.prior_factor
        return Standardised(features, np.concatenate([scores, np.ones((len(inputs), 1))], axis=1), self.norm)

    def state(self) -> dict[str, np.ndarray]:
        """Arrays for `restore`."""
        return {
            "column_scale": np.stack([self.shift, self.factor]),
            "guess_scale": np.stack([self.prior_shift, self.prior_factor]),
            "norm": np.array([self.norm]),
        }

    @classmethod
    def restore(cls, state: dict[str, np.ndarray]) -> Standardisation:
        """The counterpart of `state`."""
        (shift, factor), (prior_shift, prior_factor) = state["column_scale"], state["guess_scale"]
        return cls(shift, factor, prior_shift, prior_factor, float(state["norm"][0]))


def _sd(columns: np.ndarray) -> np.ndarray:
    """[P] standard deviations; exactly 0 where all values are the same."""
    return np.where(np.ptp(columns, axis=0) > 0, columns.std(0), 0.0)


#: bits of a left number beside its sign; what is left of 52 is for the right number and for the sum
LEFT_BITS = 20
#: rows that are turned into whole numbers at once
ROWS = 4096


def exact_product(left: np.ndarray, right: np.ndarray, reach: float = REACH) -> np.ndarray:
    """`left @ right`, each entry a function of its own row and column alone, bit for bit.

    A library's matrix product adds in an order that depends on the shape, the place in the matrix, the processor and
    the number of threads, so a pool in pieces would not give the same samples. Here both sides are first rounded to
    whole numbers so small that every sum is exact in double precision; then the order does not matter.

    Args:
        left: [n, K]; values beyond `reach` are cut there, and rounded to about `reach` / 10^6.
        right: [K, m]; rounded to about 10^-6 of the largest number of each column.
        reach: largest size of a left value, a power of two.

    Returns:
        Float64 [n, m].

    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.standard_normal((500, 300)), rng.standard_normal((300, 40))
    >>> whole = exact_product(a, b, 8.0)
    >>> bool((whole[7:9, 3:4] == exact_product(a[7:9], b[:, 3:4], 8.0)).all()), bool(np.abs(whole - a @ b).max() < 1e-2)
    (True, True)
    """
    inner = left.shape[1]
    if not inner:
        return np.zeros((len(left), right.shape[1]))
    bits = 52 - LEFT_BITS - int(np.ceil(np.log2(inner)))
    _, exponents = np.frexp(np.abs(right).max(0))
    whole = np.rint(np.ldexp(right.astype(np.float64), bits - exponents))
    back = np.ldexp(reach * 2.0**-LEFT_BITS, exponents - bits)
    result = np.empty((len(left), right.shape[1]))
    for start in range(0, len(left), ROWS):
        piece = left[start : start + ROWS] * (2.0**LEFT_BITS / reach)
        np.clip(np.rint(piece, out=piece), -(2.0**LEFT_BITS), 2.0**LEFT_BITS, out=piece)
        np.matmul(piece.astype(np.float64), whole, out=result[start : start + ROWS])
    result *= back
    return result


def power_of_two_above(size: float) -> float:
    """The smallest power of two that is at least `size`: a reach of `exact_product`.

    >>> power_of_two_above(5.0)
    8.0
    """
    return float(2.0 ** np.ceil(np.log2(size)))
