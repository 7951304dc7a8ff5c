"""The role of a posterior: from features of a (frozen or adapted) model to joint draws."""

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
        guess: [n, G] columns whose order is a first guess of the values (zero-shot scores, the substitution prior);
            G may be 0.
    """

    features: np.ndarray
    guess: np.ndarray

    def __len__(self) -> int:
        return len(self.features)


#: draws as one function from n candidates to float32 [count, n]
Functions = Callable[[Inputs], np.ndarray]


class Draws(ABC):
    """How what a head does not know is represented. A frozen dataclass of settings."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name in recipes and reports."""

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

    def settled(self, inputs: Inputs, targets: np.ndarray, weights: np.ndarray, seed: int) -> Draws:
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
        """Arrays for `Draws.restore`."""
