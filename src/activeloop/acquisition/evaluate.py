"""Which rows of a pool may be chosen, and their acquisition values, one piece at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from activeloop.acquisition.base import AcquisitionContext, AcquisitionFunction
from activeloop.acquisition.finding import UpperConfidenceBound
from activeloop.acquisition.learning import Entropy
from activeloop.candidates import Pool
from activeloop.errors import ModelError
from activeloop.measurements import Dataset
from activeloop.prediction import FastMean, Prediction, Predictor

#: a random draw from a huge pool gives up after so many rows: eligible ones are too rare then
PATIENCE = 2**22


@dataclass(frozen=True)
class CandidateFilter:
    """A pool without some of its rows.

    Args:
        pool: the pool; rows which `pool.allowed` refuses are not eligible.
        excluded: sorted, each once (int64).
        only: the only rows that come into question, sorted, each once (int64); None for all of the pool.
    """

    pool: Pool
    excluded: np.ndarray
    only: np.ndarray | None = None

    @classmethod
    def of(cls, pool: Pool, excluded: Collection[int], only: np.ndarray | None = None) -> CandidateFilter:
        """Any collection of rows; it may be empty and may repeat."""
        rows = excluded if isinstance(excluded, np.ndarray) else list(excluded)
        return cls(pool, np.unique(np.asarray(rows, np.int64)), None if only is None else np.unique(only))

    def __len__(self) -> int:
        """How many rows there are to look at."""
        return len(self.pool) if self.only is None else len(self.only)

    def among(self, rows: Collection[int]) -> np.ndarray:
        """Those of `rows` that are not excluded, each once, in the order given."""
        wanted = np.array(list(dict.fromkeys(int(r) for r in rows)), np.int64)
        return wanted[~np.isin(wanted, self.excluded)]

    def without(self, rows: np.ndarray) -> CandidateFilter:
        """The same with more rows excluded."""
        return CandidateFilter(self.pool, np.union1d(self.excluded, rows), self.only)

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Those of a stretch of the pool, in its order."""
        rows = np.arange(start, stop)
        low, high = np.searchsorted(self.excluded, [start, stop])
        keep = np.ones(len(rows), bool)
        keep[self.excluded[low:high] - start] = False
        return self._allowed(rows[keep] if high > low else rows)

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray | None:
        """[n] rows at random, each once and in the order of the pool, without a look at all the others.

        Rows are drawn and those that are not eligible are thrown away, so each set of n rows is equally likely.

        Returns:
            None when fewer than n eligible rows were met; there may be more.
        """
        found, piece = np.zeros(0, np.int64), max(4 * n, 2**12)
        for _ in range(0, PATIENCE, piece):
            drawn = rng.integers(len(self.pool), size=piece)
            drawn = np.concatenate([found, drawn[self._eligible(drawn)]])
            found = drawn[np.sort(np.unique(drawn, return_index=True)[1])]
            if len(found) >= n:
                return np.sort(found[:n])
        return None

    def _eligible(self, rows: np.ndarray) -> np.ndarray:
        """[n] whether each of some rows is."""
        return ~np.isin(rows, self.excluded) & np.asarray(self.pool.allowed(rows), bool)

    def chunks(self, size: int) -> Iterator[tuple[int, np.ndarray]]:
        """How many rows have been looked at, and the eligible ones of the last `size`."""
        if self.only is None:
            for rows in self.pool.chunks(size):
                seen = int(rows[-1]) + 1
                yield seen, self.rows(int(rows[0]), seen)
            return
        for start in range(0, len(self.only), size):
            rows = self.only[start : start + size]
            yield start + len(rows), self._allowed(rows[~np.isin(rows, self.excluded)])

    def _allowed(self, rows: np.ndarray) -> np.ndarray:
        allowed = getattr(self.pool, "allowed", None)
        return rows if allowed is None or not len(rows) else rows[np.asarray(allowed(rows), bool)]


#: how many candidates stand for the pool, and how many of the best measured stand for the measured ones
TARGETS, MEASURED = 256, 512


@dataclass(frozen=True)
class AcquisitionEvaluation:
    """One model, one pool, one seed.

    Args:
        predictor: the model.
        pool: what may be tested.
        seed: of draws and of every random choice; the draws are the same functions in every piece.
        draws: S, when joint draws are read.
        dataset: what was measured (oriented), or None.
        threshold: [A] from which value a candidate is a hit, or None.
    """

    predictor: Predictor
    pool: Pool
    seed: int
    draws: int
    dataset: Dataset | None
    threshold: np.ndarray | None

    def means(self, rows: np.ndarray) -> Prediction:
        """The mean alone, where the model can tell it for less; the spread is not known and given as 0."""
        if not isinstance(self.predictor, FastMean):
            return self.prediction(rows, False)
        mean = self.predictor.mean(self.pool, rows)
        nothing = np.zeros((0, *mean.shape))
        return Prediction(nothing, mean, np.zeros_like(mean), np.zeros(mean.shape[1]))

    def prediction(self, rows: np.ndarray, drawn: bool, pool: Pool | None = None) -> Prediction:
        """What the model predicts about some rows, of another pool if one is named.

        Raises:
            ModelError: when that is not finite.
        """
        prediction = self.predictor.predict(
            self.pool if pool is None else pool, rows, self.seed, self.draws if drawn else 0
        )
        if not all(np.isfinite(a).all() for a in (prediction.mean, prediction.sd, prediction.draws)):
            raise ModelError("The model's prediction is not finite for some candidates. Nothing was chosen.")
        return prediction

    def context(self, assays: int, drawn: bool) -> AcquisitionContext:
        """What was measured; with `drawn` also what the same draws say about the measured ones and about the pool."""
        context = AcquisitionContext.blank(self.generator(1), assays)
        if self.threshold is not None:
            context = replace(context, threshold=np.asarray(self.threshold, np.float64))
        if self.dataset is not None and len(self.dataset):
            values = self.dataset.values
            best = np.where(np.isnan(values), -np.inf, values).max(0)
            context = replace(context, values=values, best=np.where(np.isinf(best), np.nan, best))
        if not drawn:
            return context
        target = self.generator(2).choice(len(self.pool), min(TARGETS, len(self.pool)), replace=False)
        target = np.sort(target)[self.pool.readable(np.sort(target))]
        return replace(context, measured=self._measured(), target=self.prediction(target, True))

    def score(self, score: AcquisitionFunction, prediction: Prediction, context: AcquisitionContext) -> np.ndarray:
        """[N] scores, all finite; the generator starts in the same state for every piece.

        Raises:
            ModelError: when one is not finite.
        """
        scores = score(prediction, replace(context, rng=self.generator(1)))
        if not np.isfinite(scores).all():
            raise ModelError(f'The score "{score.name}" is not finite for some candidates. Nothing was chosen.')
        return scores

    def generator(self, stream: int) -> np.random.Generator:
        """A generator of its own for each use."""
        return np.random.default_rng([self.seed, stream])

    def _measured(self) -> Prediction | None:
        if self.dataset is None or not len(self.dataset):
            return None
        first = np.nan_to_num(self.dataset.values[:, 0], nan=-np.inf)
        rows = self.dataset.rows[np.argsort(-first, kind="stable")[:MEASURED]]
        return self.prediction(rows, True, self.dataset.pool)


Progress = Callable[[int, int], None]

#: up to this many candidates are scored with joint draws when the score reads them
DRAWN = 200_000
#: candidates in one piece when joint draws are computed
PIECE = 20_000


def shortlist(
    evaluation: AcquisitionEvaluation | None,
    score: AcquisitionFunction,
    eligible: CandidateFilter,
    keep: int,
    rng: np.random.Generator,
    chunk: int,
    progress: Progress | None,
) -> np.ndarray:
    """Rows of the `keep` best-scored candidates, ties at random, in the order of the pool.

    Args:
        evaluation: asks the model; None keeps rows at random, of more than 200,000 candidates without a look at each.
        score: what the batch will be chosen by. When it reads joint draws and the pool has more than 200,000
            candidates, the upper confidence bound (for classes the entropy) stands in for it.
        eligible: the candidates that may be chosen.
        keep: how many.
        rng: breaks ties.
        chunk: candidates in one piece.
        progress: called with (candidates looked at, candidates in the pool).
    """
    size = len(eligible)
    if (
        evaluation is None
        and eligible.only is None
        and size > DRAWN
        and (rows := eligible.sample(keep, rng)) is not None
    ):
        if progress is not None:
            progress(size, size)
        return rows
    drawn = score.needs_draws and size <= DRAWN
    if evaluation is None or size <= keep:
        marks = None
    else:
        marks = _Marks(evaluation, score, drawn, stand_in=score.needs_draws and not drawn)
    best = np.zeros((0, 3))
    for seen, rows in eligible.chunks(min(chunk, PIECE) if drawn else chunk):
        scores = np.zeros(len(rows)) if marks is None or not len(rows) else marks(rows)
        best = np.vstack([best, np.column_stack([rows, scores, rng.random(len(rows))])])
        if len(best) > keep:
            best = best[np.lexsort((best[:, 2], -best[:, 1]))[:keep]]
        if progress is not None:
            progress(seen, size)
    return np.sort(best[:, 0].astype(np.int64))


@dataclass
class _Marks:
    """Scores of one piece after the other; the situation is the same for all."""

    evaluation: AcquisitionEvaluation
    score: AcquisitionFunction
    drawn: bool
    stand_in: bool
    _known: list = field(default_factory=list)

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        quick = not (self.drawn or self.stand_in or self.score.needs_spread)
        prediction = self.evaluation.means(rows) if quick else self.evaluation.prediction(rows, self.drawn)
        if not self._known:
            self._known.append(self.evaluation.context(len(prediction.noise), self.drawn))
        score = self.score
        if self.stand_in:
            score = Entropy() if prediction.classes else UpperConfidenceBound()
        return self.evaluation.score(score, prediction, self._known[0])
