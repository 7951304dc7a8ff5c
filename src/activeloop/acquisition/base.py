"""The two roles of acquisition."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from activeloop.predictive import Predictive


@dataclass(frozen=True)
class Situation:
    """What a score may know besides the model's belief about the candidates.

    Args:
        best: [A] best mean measured so far (larger is better), NaN when nothing was.
        rng: the generator to draw from.
        threshold: [A] the value from which a candidate counts as a hit; NaN when none was stated.
        values: [M, A] means measured so far (larger is better, NaN = not measured), or None.
        measured: belief about the measured candidates, with the *same* draws as the belief that is scored, or None.
        target: belief about candidates drawn at random from the pool, with the same draws, or None.
    """

    best: np.ndarray
    rng: np.random.Generator
    threshold: np.ndarray
    values: np.ndarray | None = None
    measured: Predictive | None = None
    target: Predictive | None = None

    @classmethod
    def blank(cls, rng: np.random.Generator, assays: int = 1) -> Situation:
        """Nothing measured, no threshold stated."""
        unknown = np.full(assays, np.nan)
        return cls(unknown, rng, unknown)


class Score(ABC):
    """How much a candidate is worth testing; larger is better.

    The score of a candidate depends on the belief about it, on the situation and on nothing else, so that a pool
    may be scored in pieces (each piece with a generator in the same state).
    """

    #: whether the score reads the joint draws (else mean and spread suffice, and huge pools can be scored in pieces)
    needs_draws: bool = False
    #: whether the score reads the spread; if not, a huge pool is scored by the mean alone
    needs_spread: bool = True

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name in recipes and reports."""

    @abstractmethod
    def __call__(self, belief: Predictive, situation: Situation) -> np.ndarray:
        """[N] scores of all candidates in `belief`."""

    @abstractmethod
    def reason(self, belief: Predictive, i: int) -> str:
        """Why candidate i was chosen, in words that a biologist reads on a plate list.

        Args:
            belief: its values are turned back: in the assay's own direction, so less may be better.
            i: index into it.
        """


class BatchChoice(ABC):
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
        """Its name in recipes and reports."""

    @abstractmethod
    def __call__(
        self, belief: Predictive, scores: np.ndarray, n: int, situation: Situation, features: np.ndarray
    ) -> np.ndarray:
        """N different indices into `belief`, best first.

        Args:
            belief: what the model believes about N candidates (already without vetoed and tested ones).
            scores: [N] from a `Score`.
            n: how many, at most N.
            situation: generator and best value so far.
            features: [N, D] float32 coordinates in which distance means difference (one-hot letters, fingerprints).
        """


def best_first(scores: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """The indices of the n largest scores, best first; ties in random order.

    >>> best_first(np.array([1.0, 3.0, 2.0]), 2, np.random.default_rng(0)).tolist()
    [1, 2]
    """
    order = rng.permutation(len(scores))
    return order[np.argsort(-scores[order], kind="stable")[:n]]
