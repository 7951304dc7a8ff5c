"""A student as the screen sees it: candidates in, one number each out."""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import final

import numpy as np

from activeloop.acquisition import AcquisitionContext, AcquisitionFunction
from activeloop.candidates import CombinatorialPool, Pool
from activeloop.errors import InputError, ModelError
from activeloop.prediction import Prediction, Predictor, mean_of
from activeloop.students.runtime.card import ModelCard
from activeloop.students.runtime.tokenizer import StudentTokenizer

#: candidates whose spelling is compared with that of the tokenizer, letter by letter
CHECKED = 64
#: numbers in the table of endings
LARGEST = 2**21
#: of so many neighbours one must be wanted
SPARSE = 50


@dataclass(frozen=True)
class TokenWriter:
    """Tokens of any row of a combinatorial pool.

    The last sites of a pool run through all their letters again and again while the first ones stand still. So the
    tokens of all endings are made once and copied, and only the few columns of the first sites are written anew.

    Args:
        endings: [E, W] int32 tokens of the first E rows, in which only the last sites vary.
        sizes: [F] letters at each of the first sites.
        columns: for each of them the columns it writes.
        tokens_at: for each of them [letters, columns] what it writes.
    """

    endings: np.ndarray
    sizes: tuple[int, ...]
    columns: tuple[np.ndarray, ...]
    tokens_at: tuple[np.ndarray, ...]

    def covers(self, rows: np.ndarray) -> bool:
        """Whether so few rows are left out between the first and the last that it pays to spell them all."""
        return int(rows[-1]) - int(rows[0]) < SPARSE * len(rows)

    def tokens(self, rows: np.ndarray) -> np.ndarray:
        """Int32 [N, W] of rows in increasing order."""
        start, stop, many = int(rows[0]), int(rows[-1]) + 1, len(self.endings)
        out = np.empty((stop - start, self.endings.shape[1]), np.int32)
        for beginning in range(start // many, (stop - 1) // many + 1):
            low, high = max(start, beginning * many), min(stop, (beginning + 1) * many)
            part = out[low - start : high - start]
            part[:] = self.endings[low - beginning * many : high - beginning * many]
            self._begin(part, beginning)
        return out if len(rows) == len(out) else out[rows - start]

    def _begin(self, part: np.ndarray, beginning: int) -> None:
        for site in range(len(self.sizes) - 1, -1, -1):
            beginning, digit = divmod(beginning, self.sizes[site])
            part[:, self.columns[site]] = self.tokens_at[site][digit]


def spelling_of(pool: Pool, tokenizer: StudentTokenizer) -> TokenWriter | None:
    """How a combinatorial pool is spelled; None when a site may write more than its own columns (gaps, other pools).

    It is found by asking the reading for candidates that differ from the first in one site, and checked on others.

    >>> pool = Pool.combinatorial("MKTA", ["K2", "A4"])
    >>> spelled = spelling_of(pool, StudentTokenizer.of(pool))
    >>> bool((spelled.tokens(np.arange(400)) == StudentTokenizer.of(pool).tokens(pool, np.arange(400))).all())
    True
    """
    if not isinstance(pool, CombinatorialPool):
        return None
    sizes = [len(x) for x in pool.letters]
    strides = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
    rows = np.concatenate([np.arange(k) * s for k, s in zip(sizes, strides, strict=True)])
    tokens = tokenizer.tokens(pool, rows)
    if (tokens == 0).any():  # a gap, which moves what stands behind it
        return None
    starts = np.cumsum([0, *sizes])
    alone = [tokens[a:b] for a, b in pairwise(starts)]
    columns = [np.flatnonzero((x != x[0]).any(0)) for x in alone]
    written = [x[:, c] for x, c in zip(alone, columns, strict=True)]
    first = _endings(sizes, tokens.shape[1])
    endings = np.tile(tokens[0], (math.prod(sizes[first:]), 1))
    inner = np.arange(len(endings))
    for site in range(first, len(sizes)):
        endings[:, columns[site]] = written[site][inner // strides[site] % sizes[site]]
    spelled = TokenWriter(endings, tuple(sizes[:first]), tuple(columns[:first]), tuple(written[:first]))
    some = np.unique(np.random.default_rng(0).integers(len(pool), size=CHECKED))
    same = all((spelled.tokens(some[[i]]) == tokenizer.tokens(pool, some[[i]])).all() for i in range(len(some)))
    return spelled if same else None


def _endings(sizes: list[int], width: int) -> int:
    """The first of the last sites: as many as fit into the table."""
    first = len(sizes)
    while first and math.prod(sizes[first - 1 :]) * width <= LARGEST:
        first -= 1
    return first


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
class ScreenObjective:
    """What a candidate is worth by what a model predicts about it.

    Args:
        score: without joint draws.
        context: what was measured.
        seed: of scores that draw.
    """

    score: AcquisitionFunction
    context: AcquisitionContext
    seed: int

    def __call__(self, prediction: Prediction) -> np.ndarray:
        """[N] scores.

        Raises:
            ModelError: one is not finite.
        """
        scores = self.score(prediction, replace(self.context, rng=np.random.default_rng([self.seed, 1])))
        if not np.isfinite(scores).all():
            raise ModelError(f'The score "{self.score.name}" is not finite for some candidates. Nothing was chosen.')
        return np.asarray(scores, np.float64)


@final
@dataclass(frozen=True)
class ModelScorer(Scorer):
    """Any model, as it is in memory: threads share it; only a model that can be copied reaches other processes."""

    model: Predictor
    worth: ScreenObjective

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
    worth: ScreenObjective

    def opened(self) -> Ready:
        """The file's network, on one thread."""
        from activeloop.students.runtime.onnx import read_student

        if digest_of(self.path) != self.digest:
            problem = "the student was changed while it was used. What was screened is kept; put the old file back"
            raise InputError(f"{problem}, or begin anew in another folder.", file=str(self.path))
        card, runner = read_student(self.path)
        outputs = ("mean", "sd") if self.worth.score.needs_spread else ("mean",)
        return _Asked(card, lambda tokens: runner.run(tokens, outputs), self.worth)


@dataclass
class _Asked:
    """An opened file; how the candidates of a pool are spelled is worked out once."""

    card: ModelCard
    run: Callable[[np.ndarray], list[np.ndarray]]
    worth: ScreenObjective
    spelling: TokenWriter | None = None
    pool: Pool | None = None

    def __call__(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        if not len(rows):
            return np.zeros(0)
        if self.pool is not pool:
            self.pool, self.spelling = pool, spelling_of(pool, self.card.tokenizer)
        spelled = self.spelling
        if spelled is not None and spelled.covers(rows):
            tokens = spelled.tokens(rows)
        else:
            tokens = self.card.tokenizer.tokens(pool, rows)
        mean, *spread = (x.astype(np.float64) for x in self.run(tokens))
        sd = spread[0] if spread else np.zeros_like(mean)
        return self.worth(_marginal(mean, sd, np.array(self.card.noise), self.card.classes))


def _marginal(mean: np.ndarray, sd: np.ndarray, noise: np.ndarray, classes: tuple[str, ...]) -> Prediction:
    return Prediction(np.zeros((0, *mean.shape)), mean, sd, noise, classes)


def digest_of(path: Path) -> str:
    """SHA-256 of a file's content.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"it cannot be read ({error.strerror}). Check the name.", file=str(path)) from None
