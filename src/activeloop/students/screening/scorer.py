"""A student as the screen sees it: candidates in, one number each out."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

import numpy as np

from activeloop.acquisition import Score, Situation
from activeloop.candidates import Pool
from activeloop.errors import InputError, ModelError
from activeloop.predictive import Predictive, Predictor, mean_of
from activeloop.students.card import Card
from activeloop.students.screening.spelling import Spelling, spelling_of

Ready = Callable[[Pool, np.ndarray], np.ndarray]


class Scorer(ABC):
    """What gives each candidate its score; it is sent to workers, which may be other processes."""

    @abstractmethod
    def opened(self) -> Ready:
        """Pool and rows [N] -> scores [N]; opened once for each piece.

        Raises:
            InputError: the student's file is not what it was.
        """


@dataclass(frozen=True)
class Worth:
    """What a candidate is worth by what a model believes about it.

    Args:
        score: without joint draws.
        situation: what was measured.
        seed: of scores that draw.
    """

    score: Score
    situation: Situation
    seed: int

    def __call__(self, belief: Predictive) -> np.ndarray:
        """[N] scores.

        Raises:
            ModelError: one is not finite.
        """
        scores = self.score(belief, replace(self.situation, rng=np.random.default_rng([self.seed, 1])))
        if not np.isfinite(scores).all():
            raise ModelError(f'The score "{self.score.name}" is not finite for some candidates. Nothing was chosen.')
        return np.asarray(scores, np.float64)


@final
@dataclass(frozen=True)
class ModelScorer(Scorer):
    """Any model, as it is in memory: threads share it; only a model that can be copied reaches other processes."""

    model: Predictor
    worth: Worth

    def opened(self) -> Ready:
        """Asks the model."""
        return self._scores

    def _scores(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        if not len(rows):
            return np.zeros(0)
        if self.worth.score.needs_spread:
            return self.worth(self.model.predict(pool, rows, self.worth.seed, 0))
        mean = mean_of(self.model, pool, rows)
        return self.worth(_marginal(mean, np.zeros_like(mean), np.zeros(mean.shape[1]), ()))


@final
@dataclass(frozen=True)
class FileScorer(Scorer):
    """An exported student: each worker opens the file itself and reads only the outputs that the score needs.

    Args:
        path: of the file.
        digest: SHA-256 of its content.
        worth: what candidates are scored by.
    """

    path: Path
    digest: str
    worth: Worth

    def opened(self) -> Ready:
        """The file's network, on one thread."""
        from activeloop.students.onnx_runner import open_student

        if digest_of(self.path) != self.digest:
            problem = "the student was changed while it was used. What was screened is kept; put the old file back"
            raise InputError(f"{problem}, or begin anew in another folder.", file=str(self.path))
        card, runner = open_student(self.path)
        outputs = ("mean", "sd") if self.worth.score.needs_spread else ("mean",)
        return _Asked(card, lambda tokens: runner.run(tokens, outputs), self.worth)


@dataclass
class _Asked:
    """An opened file; how the candidates of a pool are spelled is worked out once."""

    card: Card
    run: Callable[[np.ndarray], list[np.ndarray]]
    worth: Worth
    spelling: Spelling | None = None
    pool: Pool | None = None

    def __call__(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        if not len(rows):
            return np.zeros(0)
        if self.pool is not pool:
            self.pool, self.spelling = pool, spelling_of(pool, self.card.reading)
        spelled = self.spelling
        if spelled is not None and spelled.covers(rows):
            tokens = spelled.tokens(rows)
        else:
            tokens = self.card.reading.tokens(pool, rows)
        mean, *spread = (x.astype(np.float64) for x in self.run(tokens))
        sd = spread[0] if spread else np.zeros_like(mean)
        return self.worth(_marginal(mean, sd, np.array(self.card.noise), self.card.classes))


def _marginal(mean: np.ndarray, sd: np.ndarray, noise: np.ndarray, classes: tuple[str, ...]) -> Predictive:
    return Predictive(np.zeros((0, *mean.shape)), mean, sd, noise, classes)


def digest_of(path: Path) -> str:
    """SHA-256 of a file's content.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"it cannot be read ({error.strerror}). Check the name.", file=str(path)) from None
