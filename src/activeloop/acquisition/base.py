"""The two roles of acquisition."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from activeloop.predictive import Predictive


@dataclass(frozen=True)
class Situation:
    """What a score may know besides the model's belief.

    Args:
        best: [A] best mean measured so far (larger is better), NaN when nothing was.
        rng: the generator to draw from.
        threshold: [A] the value from which a candidate counts as a hit; NaN when none was stated.
    """

    best: np.ndarray
    rng: np.random.Generator
    threshold: np.ndarray


class Score(ABC):
    """How much a candidate is worth testing; larger is better."""

    #: whether the score reads the joint draws (else mean and spread suffice, and huge pools can be scored in pieces)
    needs_draws: bool = False

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name in recipes and reports."""

    @abstractmethod
    def __call__(self, belief: Predictive, situation: Situation) -> np.ndarray:
        """[N] scores of all candidates in `belief`."""

    @abstractmethod
    def reason(self, belief: Predictive, i: int) -> str:
        """Why candidate i was chosen, in words that a biologist reads on a plate list."""


class BatchChoice(ABC):
    """Which n candidates to take together."""

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
