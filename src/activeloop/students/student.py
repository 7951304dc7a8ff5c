"""A student: a small network that predicts what its teacher would."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from activeloop.candidates import Pool
from activeloop.predictive import Predictive, Predictor, QuickMean
from activeloop.students.card import Card


class Runner(ABC):
    """Runs a student's network. `OnnxRunner` (onnxruntime alone) and `TorchRunner` (while it is taught)."""

    @abstractmethod
    def __call__(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the network says of N candidates.

        Args:
            tokens: int32 [N, W], `PADDING` behind the end.

        Returns:
            location: float32 [N, A], in which larger is better, in the assays' units (for classes [N, C] logits).
            deviations: float32 [N, S, A] of S joint functions from the location, in the same unit.
        """


@dataclass(frozen=True)
class Student(Predictor, QuickMean):
    """A small network taught by a model.

    It keeps what its teacher does not know as S joint deviations d_s: a draw is `location + sum_s w_s d_s / sqrt(S)`
    with w from a standard normal distribution, one w for all candidates; so there are as many draws as one asks for,
    each a function, and their covariance is that of the teacher's draws.

    Args:
        card: what it is.
        runner: its network.
    """

    card: Card
    runner: Runner

    @classmethod
    def open(cls, path: str | Path, threads: int = 1) -> Student:
        """The student in an exported file; needs onnxruntime alone.

        Args:
            path: of the `.onnx` file.
            threads: of the processor that one call may use.

        Raises:
            InputError: the file is missing, damaged, or no student.
            MissingExtraError: onnxruntime is not installed.
        """
        raise NotImplementedError

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Predictive:
        """Mean, spread and joint draws; see `Predictor.predict`."""
        raise NotImplementedError

    def mean(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[N, A] the mean that `predict` gives."""
        raise NotImplementedError

    def believe(self, tokens: np.ndarray, seed: int, draws: int = 64) -> Predictive:
        """The same of candidates that were read already: int32 [N, W]."""
        raise NotImplementedError

    def explain(self) -> str:
        """What taught it, how far it agrees, and its size."""
        raise NotImplementedError

    def state(self) -> dict[str, np.ndarray]:
        """{}: a student is kept as its exported file, not as arrays."""
        return {}

    def with_agreement(self, agreement: dict[str, float]) -> Student:
        """The same with other figures on its card."""
        return replace(self, card=replace(self.card, agreement=agreement))
