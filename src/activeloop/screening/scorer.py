"""The student in a screen: candidates in, one score each out."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
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
from activeloop.measurements import Assay
from activeloop.prediction import Prediction, Predictor, ValueMap, mean_of
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
    """The acquisition value of candidates, by a model's predictions, on the scale on which the teacher works.

    Args:
        score: without joint draws.
        context: what was measured, on that scale.
        seed: of scores that draw.
        maps: A of them, between values and that scale; () where it is that of the values.
    """

    score: AcquisitionFunction
    context: AcquisitionContext
    seed: int
    maps: tuple[ValueMap, ...] = ()

    def __call__(self, prediction: Prediction) -> np.ndarray:
        """[N] values.

        Raises:
            ModelError: one is not finite.
        """
        values = self.score(prediction.on_scale, replace(self.context, rng=np.random.default_rng([self.seed, 1])))
        if not np.isfinite(values).all():
            raise ModelError(f'The score "{self.score.name}" is not finite for some candidates. Nothing was chosen.')
        return np.asarray(values, np.float64)

    def of_values(self, mean: np.ndarray) -> np.ndarray:
        """[N] acquisition values by means [N, A] alone, in the units of the assays."""
        no_draws, unknown = np.zeros((0, *mean.shape)), np.zeros_like(mean)
        return self(Prediction(no_draws, mean, unknown, np.zeros(mean.shape[1]), maps=self.maps))

    def of_places(
        self, mean: np.ndarray, sd: np.ndarray, noise: np.ndarray, classes: tuple[str, ...] = ()
    ) -> np.ndarray:
        """[N] acquisition values by mean and standard deviation [N, A] alone, on the scale; bounds of values hold."""
        if any(not each.changes_nothing for each in self.maps):
            mean = np.stack([each.bent(places) for each, places in zip(self.maps, mean.T, strict=True)], axis=1)
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

    @abstractmethod
    def check(self, pool: Pool, rows: np.ndarray, teacher: Prediction, assays: Sequence[Assay]) -> None:
        """Check that the model scores what the teacher predicts, on the same scale.

        Args:
            pool: of the candidates.
            rows: [N] some of them.
            teacher: its prediction of them.
            assays: that it predicts; () where they are not known.

        Raises:
            InputError: it does not.
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

    def check(self, pool: Pool, rows: np.ndarray, teacher: Prediction, assays: Sequence[Assay]) -> None:
        """By a prediction of the same candidates."""
        own = self.model.predict(pool, rows, self.objective.seed, 0)
        _same_scale(own.maps, own.mean.shape[1], teacher, assays, "")

    def _scores(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        if not len(rows):
            return np.zeros(0)
        if self.objective.score.needs_spread:
            return self.objective(self.model.predict(pool, rows, self.objective.seed, 0))
        return self.objective.of_values(mean_of(self.model, pool, rows))


@final
@dataclass(frozen=True)
class FileScorer(Scorer):
    """An exported student: each worker opens the file itself and computes only the outputs that the score needs.

    Args:
        path: of the file.
        digest: SHA-256 of its content.
        objective: by which candidates are scored.
        content: of the file, for machines that have it not; None: they have.
    """

    path: Path
    digest: str
    objective: ScreenObjective
    content: bytes | None = None

    def opened(self) -> ScoreRows:
        """The file's network, on one thread."""
        from activeloop.students.runtime.onnx import read_student

        if self.content is None and digest_of(self.path) != self.digest:
            problem = "the student was changed while it was used. What was screened is stored; put the old file back"
            raise InputError(f"{problem}, or begin anew in another folder.", file=str(self.path))
        card, runner = read_student(self.path, content=self.content)
        outputs = ("mean", "sd") if self.objective.score.needs_spread else ("mean",)
        return _OpenedFile(card, lambda tokens: runner.run(tokens, outputs), self.objective)

    def check(self, pool: Pool, rows: np.ndarray, teacher: Prediction, assays: Sequence[Assay]) -> None:
        """By its card."""
        from activeloop.students.runtime.onnx import read_student

        card, file = read_student(self.path)[0], str(self.path)
        own, theirs = (tuple((a.name, a.unit, a.goal) for a in each) for each in (card.assays, assays))
        if assays and own != theirs and not (card.classes and teacher.classes):
            here, there = (", ".join(map(_in_words, each)) for each in (assays, card.assays))
            problem = f"this student predicts {there}, and the model that it would stand for predicts {here}"
            raise InputError(f"{problem}. {ANOTHER}", file=file)
        _same_scale(card.maps, card.outputs, teacher, assays, file)


def _in_words(assay: Assay) -> str:
    """An assay, its unit and its goal, in words.

    >>> _in_words(Assay("KM", "mM", "minimise"))
    'KM (mM, less is better)'
    """
    aim = {"maximise": "more is better", "minimise": "less is better", "classify": "classes"}[assay.goal]
    return f"{assay.name} ({', '.join(filter(None, (assay.unit, aim)))})"


ANOTHER = "Train a student of this model (`activeloop distil DIR`). Nothing was screened."


def _same_scale(
    maps: Sequence[ValueMap], outputs: int, teacher: Prediction, assays: Sequence[Assay], file: str
) -> None:
    """Refuse a student on whose scale the teacher does not work: their acquisition values could not be compared."""
    theirs = teacher.mean.shape[1]
    if outputs != theirs:
        problem = f"this student predicts {outputs} numbers a candidate, and the model that it would stand for {theirs}"
        raise InputError(f"{problem}. {ANOTHER}", file=file)
    names = [a.name for a in assays] or ["value" if theirs == 1 else f"value {i + 1}" for i in range(theirs)]
    for name, *each in zip(names, *(m or (ValueMap(),) * theirs for m in (maps, teacher.maps)), strict=False):
        if each[0].log != each[1].log:
            own, other = ("a logarithmic" if one.log else "a linear" for one in each)
            problem = f"this student works on {own} scale of {name}, and the model that it would stand for on {other}"
            raise InputError(f"{problem} one, so that their scores cannot be compared. {ANOTHER}", file=file)


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
        return self.objective.of_places(mean, sd, np.array(self.card.noise), self.card.classes)


def digest_of(path: Path) -> str:
    """SHA-256 of a file's content.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"it cannot be read ({error.strerror}). Check the name.", file=str(path)) from None
