"""Which candidates of a pool may be chosen, and their acquisition values, piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np

from activeloop.acquisition.base import AcquisitionContext, AcquisitionFunction, CombiningFunction, comparable
from activeloop.acquisition.finding import UpperConfidenceBound
from activeloop.acquisition.learning import Entropy
from activeloop.candidates import Pool
from activeloop.errors import ModelError
from activeloop.measurements import Dataset
from activeloop.prediction import FastMean, Prediction, Predictor

#: rows of a huge pool that are drawn at random before it is gone through in order: allowed ones are too rare then
MAX_DRAWN = 2**22


@dataclass(frozen=True)
class CandidateFilter:
    """The rows of a pool that may be chosen: those that `pool.allowed` accepts and that are not excluded.

    Args:
        pool: the pool.
        excluded: sorted rows, each once (int64).
        only: the only rows to choose from, sorted, each once (int64); None for the whole pool.
    """

    pool: Pool
    excluded: np.ndarray
    only: np.ndarray | None = None

    @classmethod
    def of(cls, pool: Pool, excluded: Collection[int], only: np.ndarray | None = None) -> CandidateFilter:
        """From any collections of rows; they may be empty and may repeat."""
        rows = excluded if isinstance(excluded, np.ndarray) else list(excluded)
        return cls(pool, np.unique(np.asarray(rows, np.int64)), None if only is None else np.unique(only))

    def __len__(self) -> int:
        """Rows to go through."""
        return len(self.pool) if self.only is None else len(self.only)

    def among(self, rows: Collection[int]) -> np.ndarray:
        """Those of `rows` that are not excluded, each once, in the order given."""
        wanted = np.array(list(dict.fromkeys(int(r) for r in rows)), np.int64)
        return wanted[~np.isin(wanted, self.excluded)]

    def without(self, rows: np.ndarray) -> CandidateFilter:
        """The same with more rows excluded."""
        return CandidateFilter(self.pool, np.union1d(self.excluded, rows), self.only)

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Those from `start` to `stop` - 1, in order."""
        rows = np.arange(start, stop)
        low, high = np.searchsorted(self.excluded, [start, stop])
        keep = np.ones(len(rows), bool)
        keep[self.excluded[low:high] - start] = False
        return self._allowed(rows[keep] if high > low else rows)

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray | None:
        """[n] sorted rows at random, each once, by rejection: without going through a huge pool.

        Returns:
            None when fewer than n were found; there may be more.
        """
        found, piece = np.zeros(0, np.int64), max(4 * n, 2**12)
        for _ in range(0, MAX_DRAWN, piece):
            drawn = rng.integers(len(self.pool), size=piece)
            allowed = ~np.isin(drawn, self.excluded) & np.asarray(self.pool.allowed(drawn), bool)
            drawn = np.concatenate([found, drawn[allowed]])
            found = drawn[np.sort(np.unique(drawn, return_index=True)[1])]
            if len(found) >= n:
                return np.sort(found[:n])
        return None

    def chunks(self, size: int) -> Iterator[tuple[int, np.ndarray]]:
        """Rows gone through so far, and those of the last `size` that may be chosen."""
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


Progress = Callable[[int, int], None]
"""Called with (candidates gone through, candidates in the pool)."""

#: random candidates that represent the pool; best measured candidates that represent all measured ones
TARGETS, MEASURED = 256, 512
#: largest pool for which an acquisition function gets joint draws
MAX_JOINT = 200_000
#: candidates in one piece with joint draws
JOINT_PIECE = 20_000


@dataclass(frozen=True)
class AcquisitionEvaluation:
    """Predictions and acquisition values of one model over one pool; the same seed gives the same joint draws.

    Args:
        predictor: the model.
        pool: what may be tested.
        seed: of joint draws and of every random choice.
        draws: S, joint draws where they are used.
        dataset: what was measured (oriented), or None.
        threshold: [A] value from which a candidate is a hit, or None.
    """

    predictor: Predictor
    pool: Pool
    seed: int
    draws: int
    dataset: Dataset | None
    threshold: np.ndarray | None

    def means(self, rows: np.ndarray) -> Prediction:
        """The mean alone, with a standard deviation of 0, where the model computes that faster."""
        if not isinstance(self.predictor, FastMean):
            return self.prediction(rows, False)
        mean = self.predictor.mean(self.pool, rows)
        return Prediction(np.zeros((0, *mean.shape)), mean, np.zeros_like(mean), np.zeros(mean.shape[1]))

    def prediction(self, rows: np.ndarray, joint: bool, pool: Pool | None = None) -> Prediction:
        """The prediction of rows (of another pool if given), with joint draws if `joint`.

        Raises:
            ModelError: it is not finite.
        """
        pool = self.pool if pool is None else pool
        prediction = self.predictor.predict(pool, rows, self.seed, self.draws if joint else 0)
        if not all(np.isfinite(a).all() for a in (prediction.mean, prediction.sd, prediction.draws)):
            raise ModelError("The model's prediction is not finite for some candidates. Nothing was chosen.")
        return prediction

    def context(self, prediction: Prediction, joint: bool) -> AcquisitionContext:
        """What was measured, on the scale of the model as everything that an acquisition function sees.

        Args:
            prediction: one of the model's.
            joint: whether predictions of measured and of random candidates with the same draws belong to it.
        """
        context = AcquisitionContext.blank(self.generator(1), prediction.mean.shape[1])
        if self.threshold is not None:
            context = replace(context, threshold=prediction.places(np.asarray(self.threshold, np.float64)))
        if prediction.maps:
            context = replace(context, highest=prediction.places(prediction.highest))
        if self.dataset is not None and len(self.dataset):
            values = prediction.places(self.dataset.reached)
            best_f = np.where(np.isnan(values), -np.inf, values).max(0)
            context = replace(context, values=values, best_f=np.where(np.isinf(best_f), np.nan, best_f))
            limits = self.dataset.limits
            if not np.isnan(limits).all():
                context = replace(context, limits=prediction.places(limits), feasible=self.dataset.meets_all())
        if not joint:
            return context
        target = self.generator(2).choice(len(self.pool), min(TARGETS, len(self.pool)), replace=False)
        target = np.sort(target)[self.pool.readable(np.sort(target))]
        measured, target = self._measured(), self.prediction(target, True).on_scale
        return replace(context, measured=measured, target=target)

    def score(self, function: AcquisitionFunction, prediction: Prediction, context: AcquisitionContext) -> np.ndarray:
        """[N] acquisition values; the generator starts in the same state for every piece.

        Raises:
            ModelError: one is not finite.
        """
        scores = function(prediction.on_scale, replace(context, rng=self.generator(1)))
        if not np.isfinite(scores).all():
            raise ModelError(f'The score "{function.name}" is not finite for some candidates. Nothing was chosen.')
        return scores

    def generator(self, stream: int) -> np.random.Generator:
        """A generator of its own for each use."""
        return np.random.default_rng([self.seed, stream])

    def _measured(self) -> Prediction | None:
        if self.dataset is None or not len(self.dataset):
            return None
        first = np.nan_to_num(self.dataset.reached[:, 0], nan=-np.inf)
        rows = self.dataset.rows[np.argsort(-first, kind="stable")[:MEASURED]]
        return self.prediction(rows, True, self.dataset.pool).on_scale


def shortlist(
    evaluation: AcquisitionEvaluation | None,
    function: AcquisitionFunction,
    allowed: CandidateFilter,
    size: int,
    rng: np.random.Generator,
    chunk: int,
    progress: Progress | None,
) -> np.ndarray:
    """Sorted rows of the `size` candidates with the largest acquisition values; ties at random.

    Args:
        evaluation: of the model; None takes rows at random, from more than 200,000 candidates without going through
            all of them.
        function: by which the batch will be chosen. When it uses joint draws and the pool has more than 200,000
            candidates, the upper confidence bound (for classes the entropy) stands in for it; a function of several
            assays goes by mean and standard deviation in any pool.
        allowed: the candidates that may be chosen.
        size: of the shortlist.
        rng: breaks ties.
        chunk: candidates in one piece.
        progress: see `Progress`.
    """
    total = len(allowed)
    if evaluation is None and allowed.only is None and total > MAX_JOINT:
        if (rows := allowed.sample(size, rng)) is not None:
            if progress is not None:
                progress(total, total)
            return rows
    joint = function.needs_draws and total <= MAX_JOINT and not isinstance(function, CombiningFunction)
    scored = None if evaluation is None or total <= size else _scores(evaluation, function, joint)
    best = np.zeros((0, 3))
    for seen, rows in allowed.chunks(min(chunk, JOINT_PIECE) if joint else chunk):
        scores = np.zeros(len(rows)) if scored is None or not len(rows) else scored(rows)
        best = np.vstack([best, np.column_stack([rows, scores, rng.random(len(rows))])])
        if len(best) > size:
            best = best[np.lexsort((best[:, 2], -comparable(best[:, 1])))[:size]]
        if progress is not None:
            progress(seen, total)
    return np.sort(best[:, 0].astype(np.int64))


def without_draws(function: AcquisitionFunction, *, classes: bool) -> AcquisitionFunction:
    """What stands in for a function where joint draws would take too long; itself where it needs none.

    Args:
        function: by which candidates are compared.
        classes: whether probabilities of classes are predicted.
    """
    if not function.needs_draws or isinstance(function, CombiningFunction):
        return function
    return Entropy() if classes else UpperConfidenceBound()


def _scores(
    evaluation: AcquisitionEvaluation, function: AcquisitionFunction, joint: bool
) -> Callable[[np.ndarray], np.ndarray]:
    """Acquisition values [n] of rows [n]; the context is the same for all pieces."""
    mean_only = not (function.needs_draws or function.needs_spread)
    context: AcquisitionContext | None = None

    def scores(rows: np.ndarray) -> np.ndarray:
        nonlocal context
        prediction = evaluation.means(rows) if mean_only else evaluation.prediction(rows, joint)
        context = context or evaluation.context(prediction, joint)
        own = function if joint else without_draws(function, classes=bool(prediction.classes))
        return evaluation.score(own, prediction, context)

    return scores
