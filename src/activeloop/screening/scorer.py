"""The student in a screen: candidates in, one score each out."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

import numpy as np

from activeloop.acquisition import (
    AcquisitionContext,
    AcquisitionFunction,
    Constrained,
    Entropy,
    Recommender,
    UpperConfidenceBound,
)
from activeloop.candidates import Pool
from activeloop.errors import InputError, ModelError
from activeloop.prediction import Prediction, Predictor, mean_of
from activeloop.screening.tokens import TokenWriter
from activeloop.students.runtime.card import ModelCard


@final
@dataclass(frozen=True)
class MarginalScore(AcquisitionFunction):
    """Several assays: the sum of their upper confidence bounds, each in standard deviations of what was measured.

    Args:
        beta: standard deviations of the prediction that are added.
    """

    name = "together"

    beta: float = 1.0

    def __call__(self, prediction: Prediction, context: AcquisitionContext) -> np.ndarray:
        """[N] sums."""
        unit = np.ones(prediction.mean.shape[1])
        if context.values is not None:
            known = ~np.isnan(context.values)
            sd = [x[k].std() if k.sum() > 1 else 0.0 for x, k in zip(context.values.T, known.T, strict=True)]
            unit = np.where(np.array(sd) > 0, sd, 1.0)
        return ((prediction.mean + self.beta * prediction.sd) / unit).sum(1)

    def reason(self, prediction: Prediction, i: int) -> str:
        """That it is good in all."""
        return "good in all assays together"


def marginal_score(select: Recommender, classes: int, assays: int) -> AcquisitionFunction:
    """The recommender's own acquisition function, or one of a similar order that needs no joint draws.

    Args:
        select: how the plate is chosen.
        classes: how many there are, 0 for values.
        assays: how many are predicted.

    >>> from activeloop.acquisition import DiverseTop, Recommender, Greedy, Thompson
    >>> marginal_score(Recommender(Greedy(), DiverseTop()), 0, 1).name
    'greedy'
    >>> marginal_score(Recommender(Thompson()), 0, 1).name
    'ucb'
    """
    if not select.score.needs_draws or isinstance(select.score, Constrained):
        return select.score
    if classes:
        return Entropy()
    return UpperConfidenceBound() if assays == 1 else MarginalScore()


@dataclass(frozen=True)
class ScreenObjective:
    """The acquisition value of candidates, by a model's predictions.

    Args:
        score: without joint draws.
        context: what was measured.
        seed: of scores that draw.
    """

    score: AcquisitionFunction
    context: AcquisitionContext
    seed: int

    def __call__(self, prediction: Prediction) -> np.ndarray:
        """[N] values.

        Raises:
            ModelError: one is not finite.
        """
        values = self.score(prediction.on_scale, replace(self.context, rng=np.random.default_rng([self.seed, 1])))
        if not np.isfinite(values).all():
            raise ModelError(f'The score "{self.score.name}" is not finite for some candidates. Nothing was chosen.')
        return np.asarray(values, np.float64)

    def marginal(self, mean: np.ndarray, sd: np.ndarray, noise: np.ndarray, classes: tuple[str, ...]) -> np.ndarray:
        """[N] values by mean and standard deviation [N, A] alone."""
        return self(Prediction(np.zeros((0, *mean.shape)), mean, sd, noise, classes))


ScoreRows = Callable[[Pool, np.ndarray], np.ndarray]


class Scorer(ABC):
    """Scores candidates; it is sent to workers, which may be other processes."""

    @abstractmethod
    def opened(self) -> ScoreRows:
        """Pool and rows [N] -> scores [N]; opened once for each piece.

        Raises:
            InputError: the student's file was changed.
        """


@final
@dataclass(frozen=True)
class ModelScorer(Scorer):
    """Any model, as it is in memory: threads share it; only a model that can be copied reaches other processes."""

    model: Predictor
    objective: ScreenObjective

    def opened(self) -> ScoreRows:
        """The model's own prediction."""
        return self._scores

    def _scores(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        if not len(rows):
            return np.zeros(0)
        if self.objective.score.needs_spread:
            return self.objective(self.model.predict(pool, rows, self.objective.seed, 0))
        mean = mean_of(self.model, pool, rows)
        return self.objective.marginal(mean, np.zeros_like(mean), np.zeros(mean.shape[1]), ())


@final
@dataclass(frozen=True)
class FileScorer(Scorer):
    """An exported student: each worker opens the file itself and computes only the outputs that the score needs.

    Args:
        path: of the file.
        digest: SHA-256 of its content.
        objective: by which candidates are scored.
    """

    path: Path
    digest: str
    objective: ScreenObjective

    def opened(self) -> ScoreRows:
        """The file's network, on one thread."""
        from activeloop.students.runtime.onnx import read_student

        if digest_of(self.path) != self.digest:
            problem = "the student was changed while it was used. What was screened is stored; put the old file back"
            raise InputError(f"{problem}, or begin anew in another folder.", file=str(self.path))
        card, runner = read_student(self.path)
        outputs = ("mean", "sd") if self.objective.score.needs_spread else ("mean",)
        return _OpenedFile(card, lambda tokens: runner.run(tokens, outputs), self.objective)


@dataclass
class _OpenedFile:
    """An opened student; the token writer of a pool is made once."""

    card: ModelCard
    run: Callable[[np.ndarray], list[np.ndarray]]
    objective: ScreenObjective
    writer: TokenWriter | None = None
    pool: Pool | None = None

    def __call__(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        if not len(rows):
            return np.zeros(0)
        if self.pool is not pool:
            self.pool, self.writer = pool, TokenWriter.of(pool, self.card.tokenizer)
        if self.writer is not None and self.writer.covers(rows):
            tokens = self.writer.tokens(rows)
        else:
            tokens = self.card.tokenizer.tokens(pool, rows)
        mean, *rest = (x.astype(np.float64) for x in self.run(tokens))
        sd = rest[0] if rest else np.zeros_like(mean)
        return self.objective.marginal(mean, sd, np.array(self.card.noise), self.card.classes)


def digest_of(path: Path) -> str:
    """SHA-256 of a file's content.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"it cannot be read ({error.strerror}). Check the name.", file=str(path)) from None
