"""A student: a small network that predicts what its teacher would."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from activeloop.candidates import Pool
from activeloop.fidelity import warnings_of, words_of
from activeloop.prediction import FastMean, Prediction, Predictor
from activeloop.students.runtime.card import ModelCard
from activeloop.students.runtime.onnx import Runner, read_student

#: candidates that are encoded and run at once
PIECE = 16_384


@dataclass(frozen=True)
class Student(Predictor, FastMean):
    """A small network distilled from a model.

    It represents its teacher's uncertainty by S joint deviations d_s: a draw is `location + sum_s w_s d_s / sqrt(S)`
    with w from a standard normal distribution, one w for all candidates. So there may be any number of draws,
    each a function, and their covariance is that of the teacher's draws. Mean and standard deviation of values are
    exact; those of class probabilities are taken over the 2 S points `location +- d_s`, as in the exported graph.

    Args:
        card: what it is.
        runner: its network.
    """

    card: ModelCard
    runner: Runner

    @classmethod
    def open(cls, path: str | Path, threads: int = 1) -> Student:
        """The student in an exported file; needs onnxruntime alone.

        Args:
            path: of the `.onnx` file.
            threads: of the processor for one call.

        Raises:
            InputError: the file is missing, damaged, or no student.
            MissingExtraError: onnxruntime is not installed.
        """
        return cls(*read_student(path, threads))

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """Mean, standard deviation and joint draws; see `Predictor.predict`."""
        return self._prediction(*self._run(pool, rows), seed, draws)

    def mean(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[N, A] the mean that `predict` gives."""
        return self._prediction(*self._run(pool, rows), 0, 0).mean

    def predict_tokens(self, tokens: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """The prediction for encoded candidates.

        Args:
            tokens: int32 [N, W], `PADDING` behind the end.
            seed: of the draws.
            draws: S; with 0 only mean and standard deviation are computed.
        """
        return self._prediction(*self.runner(tokens), seed, draws)

    def explain(self) -> str:
        """Its teacher and size, its fidelity, and what to know before relying on it."""
        card = self.card
        version = f", version {card.teacher_version}" if card.teacher_version else ""
        what = f"A student ({card.network}; {card.parameters:,} parameters) of {card.teacher}{version}."
        return (
            " ".join([what, words_of(card.fidelity), *warnings_of(card.fidelity), card.note]).replace("  ", " ").strip()
        )

    def state(self) -> dict[str, np.ndarray]:
        """{}: a student is stored as its exported file, not as arrays."""
        return {}

    def _run(self, pool: Pool, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Location [N, A] and deviations [N, S, A] of rows, a bounded number at once."""
        rows, tokens = np.asarray(rows, np.int64), self.card.tokenizer.tokens
        pieces = [self.runner(tokens(pool, rows[i : i + PIECE])) for i in range(0, max(1, len(rows)), PIECE)]
        if len(pieces) == 1:
            return pieces[0]
        return np.concatenate([x for x, _ in pieces]), np.concatenate([x for _, x in pieces])

    def _prediction(self, location: np.ndarray, deviations: np.ndarray, seed: int, draws: int) -> Prediction:
        mean, sd = self._mean_and_sd(location, deviations)
        directions = deviations.shape[1]
        weights = np.random.default_rng(seed).standard_normal((draws, directions), np.float32) / np.sqrt(directions)
        functions = location + np.tensordot(weights.astype(np.float32), deviations, (1, 1))
        if self.card.classes:
            functions = softmax(functions)
        found = Prediction(functions, mean, sd, np.array(self.card.noise), self.card.classes, self.card.shape)
        return found.in_values(self.card.maps)

    def _mean_and_sd(self, location: np.ndarray, deviations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As the exported graph computes them, both [N, A]."""
        deviations = deviations.astype(np.float64)
        if not self.card.classes:
            return location.astype(np.float64), np.sqrt(np.square(deviations).mean(1))
        centre = location[:, None]
        points = np.concatenate([softmax(centre + deviations), softmax(centre - deviations)], 1)
        return points.mean(1), points.std(1)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities [..., C] of logits.

    >>> softmax(np.array([0.0, np.log(3.0)])).round(2).tolist()
    [0.25, 0.75]
    """
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)
