"""What a teacher says of candidates, as a student is taught it."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from activeloop.candidates import Pool
from activeloop.prediction import Prediction, Predictor, mean_of

#: rows that a teacher is asked about at once
PIECE = 4096
#: draws of the teacher for each deviation of the student
DRAWS = 4
#: candidates from which the directions of the deviations are found
SEEN = 1024
#: probabilities are kept so far from 0 and 1
EDGE = 1e-4


@dataclass(frozen=True)
class TeacherTargets:
    """Of N candidates, standardised; for classes of the logits.

    Args:
        location: [N, A] mean.
        sd: [N, A] standard deviation.
        deviations: [N, S, A] joint functions from the mean; their mean square is the square of `sd`.
        probabilities: [N, A] probabilities of classes; [N, 0] for values.
    """

    location: np.ndarray
    sd: np.ndarray
    deviations: np.ndarray
    probabilities: np.ndarray

    def __len__(self) -> int:
        return len(self.location)

    def joined(self, other: TeacherTargets) -> TeacherTargets:
        """Both, one after the other."""
        return TeacherTargets(*(np.concatenate([getattr(self, f.name), getattr(other, f.name)]) for f in fields(self)))


@dataclass(frozen=True)
class TeacherSampler:
    """A teacher, asked always with the same seed, so that its draws are the same functions for all candidates.

    The draws are S times as many as the student's deviations, turned so that the deviations hold as much of their
    covariance as S functions can (their principal components), then brought back to the teacher's own spread.

    Args:
        teacher: who is asked.
        pool: about whose rows.
        seed: of its draws.
        turn: [S, T] from T draws to S deviations.
        shift, factor: [A] of the standardisation.
        noise: [A] of one measurement, in the teacher's unit.
        classes: names, () for values.
        shape: as in `Prediction`.
    """

    teacher: Predictor
    pool: Pool
    seed: int
    turn: np.ndarray
    shift: np.ndarray
    factor: np.ndarray
    noise: np.ndarray
    classes: tuple[str, ...]
    shape: np.ndarray | None

    @classmethod
    def of(cls, teacher: Predictor, pool: Pool, prediction: Prediction, seed: int, deviations: int) -> TeacherSampler:
        """The scale and the directions, from some candidates.

        Args:
            teacher: who is asked.
            pool: the one it was fitted on, or one of the same sites.
            prediction: what it says of candidates that stand for all, with `DRAWS` draws for each deviation.
            seed: of its draws.
            deviations: S.
        """
        if prediction.classes:
            shift, factor = np.zeros(prediction.mean.shape[1]), np.ones(prediction.mean.shape[1])
        else:
            shift, spread = prediction.mean.mean(0), prediction.mean.std(0)
            # a teacher that says the same of all still knows how far the values may spread
            same = spread <= 1e-9 * np.abs(prediction.mean).max(0)
            factor = np.where(same, np.where(prediction.sd.mean(0) > 0, prediction.sd.mean(0), 1.0), spread)
        drawn = (_functions(prediction) / factor).reshape(len(prediction.draws), -1)
        turn = principal(drawn - drawn.mean(0), deviations)
        return cls(teacher, pool, seed, turn, shift, factor, prediction.noise, prediction.classes, prediction.shape)

    def ask(self, rows: np.ndarray) -> TeacherTargets:
        """What the teacher says of rows.

        Args:
            rows: [N].
        """
        answers = self._piece(rows[:PIECE])
        for start in range(PIECE, len(rows), PIECE):
            answers = answers.joined(self._piece(rows[start : start + PIECE]))
        return answers

    def means(self, rows: np.ndarray) -> np.ndarray:
        """[N, A] its means alone, standardised (for classes probabilities)."""
        return (mean_of(self.teacher, self.pool, rows) - self.shift) / self.factor

    def _piece(self, rows: np.ndarray) -> TeacherTargets:
        prediction = self.teacher.predict(self.pool, rows, self.seed, self.turn.shape[1])
        drawn = _functions(prediction) / self.factor
        centre = drawn.mean(0)
        deviations = np.einsum("st,tna->nsa", self.turn, drawn - centre)
        if self.classes:
            sd, probabilities = drawn.std(0), np.clip(prediction.mean, EDGE, 1)
            location = centre
        else:
            sd, probabilities = prediction.sd / self.factor, np.zeros((len(rows), 0))
            location = (prediction.mean - self.shift) / self.factor
        held = np.sqrt((deviations**2).mean(1))
        deviations = deviations * (sd / np.maximum(held, 1e-9 + 0.1 * sd))[:, None]
        return TeacherTargets(*(part.astype(np.float32) for part in (location, sd, deviations, probabilities)))


def _functions(prediction: Prediction) -> np.ndarray:
    """[T, N, A] values of the draws; logits whose mean is 0 for classes."""
    if not prediction.classes:
        return prediction.draws.astype(np.float64)
    logits = np.log(np.clip(prediction.draws, EDGE, 1))
    return logits - logits.mean(2, keepdims=True)


def principal(drawn: np.ndarray, count: int) -> np.ndarray:
    """[S, T] that turns T centred draws [T, n] into S functions with the same covariance, the largest first.

    Both covariances are means: over draws, and over deviations.

    >>> drawn = np.array([[1.0, -1.0], [-1.0, 1.0], [0.5, 0.5], [-0.5, -0.5]])
    >>> found = principal(drawn, 3) @ drawn
    >>> bool(np.allclose(found.T @ found / 3, drawn.T @ drawn / 4))
    True
    """
    _, vectors = np.linalg.eigh(drawn @ drawn.T)
    turn = np.zeros((count, len(drawn)))
    used = min(count, len(drawn))
    turn[:used] = vectors[:, ::-1].T[:used]
    return turn * np.sqrt(count / len(drawn))
