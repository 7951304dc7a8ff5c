"""The role of a posterior on features, and what the heads share: scaled columns, exact products, variances."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Inputs:
    """What a head sees of n candidates.

    Args:
        features: [n, P] pooled hidden states (float32).
        guess: [n, G] columns whose order is a prior mean of the values (zero-shot scores, the substitution prior);
            G may be 0.
    """

    features: np.ndarray
    guess: np.ndarray

    def __len__(self) -> int:
        return len(self.features)


#: draws as one function from n candidates to float32 [count, n]
Functions = Callable[[Inputs], np.ndarray]


class Head(ABC):
    """How what a head does not know is represented. A frozen dataclass of settings."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name in configs and reports."""

    @abstractmethod
    def fit(self, inputs: Inputs, targets: np.ndarray, weights: np.ndarray, seed: int) -> Posterior:
        """A posterior over functions of the inputs.

        Args:
            inputs: of N measured candidates.
            targets: [N] values of mean 0 and spread 1.
            weights: [N] of the values: 1 where nothing is known about the error, less the less sure a value is.
            seed: of the fit.

        Raises:
            ModelError: the draws would have no spread.
        """

    def settled(self, inputs: Inputs, targets: np.ndarray, weights: np.ndarray, seed: int) -> Head:
        """These settings, with what `fit` would learn of scales (signal, guess, noise) learned now and then kept.

        Features that were adapted to the targets explain them too well: what is learned of the noise from them is too
        little, and the guesses are not believed any more. So scales are learned from the features before.
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
    def mean(self, inputs: Inputs) -> np.ndarray:
        """[n] mean of the targets alone, the same as that of `marginals` and cheaper."""

    @abstractmethod
    def marginals(self, inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
        """Mean [n] and standard deviation [n] (without noise) of the targets."""

    @abstractmethod
    def functions(self, seed: int, count: int) -> Functions:
        """Joint draws as functions: from inputs to float32 [count, n].

        The same seed gives the same functions, bit for bit, for any inputs and in any pieces; the first of many are
        those of few.
        """

    def draws(self, inputs: Inputs, seed: int, count: int) -> np.ndarray:
        """Float32 [count, n] joint draws at some candidates."""
        return self.functions(seed, count)(inputs)

    @abstractmethod
    def held_out(self) -> np.ndarray:
        """[N] what it would have said of each measured candidate had it not seen it; NaN where it cannot tell."""

    @abstractmethod
    def state(self) -> dict[str, np.ndarray]:
        """Arrays for `Head.restore`."""


#: standardised values beyond it are cut in products
REACH = 32.0


@dataclass(frozen=True)
class Columns:
    """What makes every column comparable, taken from the measured candidates.

    Features are divided by the root of their variance plus the squared middle spread of all: a feature that hardly
    varies among the measured is not blown up, one that does not vary at all may still differ in another candidate and
    counts as one of the middle. Guesses are divided by their own spread.

    Args:
        shift: [P] means of the features.
        factor: [P] what they are multiplied by.
        guess_shift, guess_factor: [G] of the guesses.
        norm: mean squared length of the standardised measured features (P when they are all alike).
    """

    shift: np.ndarray
    factor: np.ndarray
    guess_shift: np.ndarray
    guess_factor: np.ndarray
    norm: float

    @classmethod
    def of(cls, inputs: Inputs) -> Columns:
        """Those of the measured candidates."""
        features, guess = inputs.features.astype(np.float64), inputs.guess.astype(np.float64)
        shift, spread = features.mean(0), _spread(features)
        middle = float(np.median(spread[spread > 0])) if (spread > 0).any() else 1.0
        factor = 1.0 / np.sqrt(np.where(spread > 0, spread, middle) ** 2 + middle**2)
        norm = float(((spread * factor) ** 2).sum()) or float(max(1, len(shift)))
        own = _spread(guess)
        return cls(
            shift.astype(np.float32), factor.astype(np.float32), guess.mean(0), 1 / np.where(own > 0, own, 1), norm
        )

    def features(self, inputs: Inputs) -> np.ndarray:
        """Float32 [n, P] standardised."""
        return (inputs.features.astype(np.float32, copy=False) - self.shift) * self.factor

    def guess(self, inputs: Inputs) -> np.ndarray:
        """Float64 [n, G + 1]: standardised guesses, and a column of ones."""
        guess = (inputs.guess.astype(np.float64) - self.guess_shift) * self.guess_factor
        return np.concatenate([guess, np.ones((len(inputs), 1))], axis=1)

    def state(self) -> dict[str, np.ndarray]:
        """Arrays for `restore`."""
        return {
            "column_scale": np.stack([self.shift, self.factor]),
            "guess_scale": np.stack([self.guess_shift, self.guess_factor]),
            "norm": np.array([self.norm]),
        }

    @classmethod
    def restore(cls, state: dict[str, np.ndarray]) -> Columns:
        """The counterpart of `state`."""
        (shift, factor), (guess_shift, guess_factor) = state["column_scale"], state["guess_scale"]
        return cls(shift, factor, guess_shift, guess_factor, float(state["norm"][0]))


def _spread(columns: np.ndarray) -> np.ndarray:
    """[P] standard deviations; exactly 0 where all values are the same."""
    return np.where(np.ptp(columns, axis=0) > 0, columns.std(0), 0.0)


#: bits of a left number beside its sign; what is left of 52 is for the right number and for the sum
LEFT_BITS = 20
#: rows that are turned into whole numbers at once
ROWS = 4096


def exact_product(left: np.ndarray, right: np.ndarray, reach: float) -> np.ndarray:
    """`left @ right`, each entry a function of its own row and column alone, bit for bit.

    A library's matrix product adds in an order that depends on the shape, the place in the matrix, the processor and
    the number of threads, so a pool in pieces would not give the same draws. Here both sides are first rounded to
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


#: variance of the constant; targets are standardised
CONSTANT = 1.0
#: (centre, width) of what is believed of the logarithms before any value is seen: signal, guess, noise
BELIEFS = ((np.log(0.5), 1.5), (np.log(0.25), 1.0), (np.log(0.3), 1.5))
#: (signal, guess, noise) from which the search sets out
STARTS = ((1.0, 0.25, 0.1), (0.5, 0.25, 0.5), (0.05, 0.25, 0.9))
#: variances stay within
LEAST, MOST = 1e-4, 1e3


@dataclass(frozen=True)
class Variances:
    """Of a function of features and guesses, in units of the targets.

    Args:
        signal: of the function of the features, where the measured candidates are.
        guess: of the weight of each standardised guess around its expected value.
        noise: of one value of weight 1.
    """

    signal: float
    guess: float
    noise: float

    def array(self) -> np.ndarray:
        """[3]."""
        return np.array([self.signal, self.guess, self.noise])


@dataclass(frozen=True)
class Spectrum:
    """Weighted values in the directions in which their covariance is diagonal: enough for any evidence in O(R).

    Args:
        roots: [R] eigenvalues of the covariance of the weighted function at signal 1.
        values: [R] the weighted targets, less what is expected, in these directions.
        rest: their squared length in all other directions.
        others: [R, G + 1] weighted guesses and constant in these directions.
        others_rest: [G + 1, G + 1] their products in all other directions.
        others_values: [G + 1] their products with the targets in all other directions.
        count: N values.
    """

    roots: np.ndarray
    values: np.ndarray
    rest: float
    others: np.ndarray
    others_rest: np.ndarray
    others_values: np.ndarray
    count: int

    @classmethod
    def of(cls, roots: np.ndarray, vectors: np.ndarray, values: np.ndarray, others: np.ndarray) -> Spectrum:
        """From eigenvectors [N, R], weighted targets [N] and weighted guesses and constant [N, G + 1]."""
        inside, across = vectors.T @ values, vectors.T @ others
        return cls(
            np.maximum(roots, 0),
            inside,
            max(float(values @ values - inside @ inside), 0.0),
            across,
            others.T @ others - across.T @ across,
            others.T @ values - across.T @ inside,
            len(values),
        )

    def evidence(self, variances: Variances) -> float:
        """Log marginal likelihood, up to a constant."""
        diagonal = variances.signal * self.roots + variances.noise
        beyond = self.count - len(self.roots)
        scaled = self.others / diagonal[:, None]
        precision = self.others.T @ scaled + self.others_rest / variances.noise
        size = len(precision)
        prior = np.full(size, variances.guess)
        prior[-1] = CONSTANT
        root = np.sqrt(prior)
        factor = np.linalg.cholesky(np.eye(size) + root[:, None] * precision * root)
        pull = root * (scaled.T @ self.values + self.others_values / variances.noise)
        explained = np.linalg.solve(factor, pull)
        spread = np.log(diagonal).sum() + beyond * np.log(variances.noise) + 2 * np.log(np.diag(factor)).sum()
        misfit = (self.values**2 / diagonal).sum() + self.rest / variances.noise - explained @ explained
        return -0.5 * float(spread + misfit)


def likeliest(
    evidence: Callable[[Variances], float], guesses: int, start: Variances | None = None
) -> tuple[Variances, float]:
    """The variances of the greatest evidence, each mildly held near what is usual, and that evidence.

    Args:
        evidence: log marginal likelihood, such as `Spectrum.evidence`.
        guesses: G; without guesses their variance stays as it is believed to be.
        start: from where to search; from all of `STARTS` when it is not given.
    """
    from scipy.optimize import minimize

    free = [0, 1, 2] if guesses else [0, 2]
    centres, widths = (np.array(column)[free] for column in zip(*BELIEFS, strict=True))

    def loss(logs: np.ndarray) -> float:
        return 0.5 * float((((logs - centres) / widths) ** 2).sum()) - evidence(_variances(logs, free))

    found = [
        minimize(loss, np.log(np.array(first)[free]), method="Nelder-Mead", options={"xatol": 0.02, "fatol": 1e-3})
        for first in ([start.array()] if start else STARTS)
    ]
    best = min(found, key=lambda result: float(result.fun))
    return _variances(best.x, free), -float(best.fun)


def _variances(logs: np.ndarray, free: list[int]) -> Variances:
    every = np.array([centre for centre, _ in BELIEFS])
    every[free] = logs
    return Variances(*np.clip(np.exp(np.clip(every, -50, 50)), LEAST, MOST).tolist())
