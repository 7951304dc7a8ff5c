"""The teacher in a screen: it rescores the shortlist, and a stratified sample of what was left out."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np

from activeloop.candidates import Pool
from activeloop.errors import ModelError
from activeloop.executor import SharedValue, in_order, shared
from activeloop.metrics import spearman
from activeloop.prediction import Prediction, Predictor, ValueMap
from activeloop.screening.checkpoint import ScreenCheckpoint
from activeloop.screening.estimate import MissEstimate, Stratum
from activeloop.screening.scorer import ScreenObjective
from activeloop.screening.topk import Limits, TopKSample, lowest_keys, shard_keys, strata_of

#: candidates in one call of the teacher, whose predictions are then stored
CHUNK = 1024


@dataclass
class Rescorer:
    """Predicts by the teacher, each candidate once.

    Args:
        teacher: the model.
        pool: of the candidates.
        objective: by which the teacher's predictions are compared.
        checkpoint: where they are stored.
        seed: of the teacher.
        executor: predicts chunks, if it names a place for what they share and the teacher can be sent.
    """

    teacher: Predictor
    pool: Pool
    objective: ScreenObjective
    checkpoint: ScreenCheckpoint
    seed: int
    executor: Executor | None = None
    _rows: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    _values: np.ndarray = field(default_factory=lambda: np.zeros(0))
    _chunks: int = 0

    def rescore(self, rows: np.ndarray, progress: Callable[[int, int], None]) -> None:
        """Predict those of some rows that were not predicted yet, in increasing order."""
        fresh = np.setdiff1d(rows, self._rows)
        chunks = [fresh[start : start + CHUNK] for start in range(0, len(fresh), CHUNK)]
        stored = [self._stored(self._chunks + i, chunk) for i, chunk in enumerate(chunks)]
        missing = [chunk for chunk, found in zip(chunks, stored, strict=True) if found is None]
        predicted = in_order(missing, partial(_predicted, self._common, self.seed), self._executor)
        done = 0
        for chunk, found in zip(chunks, stored, strict=True):
            values = self.objective(_prediction(found or self._kept(next(predicted))))
            self._rows, self._values = np.append(self._rows, chunk), np.append(self._values, values)
            self._chunks += 1
            done += len(chunk)
            progress(done, len(fresh))

    @property
    def rows(self) -> np.ndarray:
        """All that were rescored, increasing."""
        return np.sort(self._rows)

    def values(self, rows: np.ndarray) -> np.ndarray:
        """[N] acquisition values of rows that were rescored."""
        order = np.argsort(self._rows)
        return self._values[order][np.searchsorted(self._rows[order], rows)]

    def _stored(self, number: int, rows: np.ndarray) -> dict[str, np.ndarray] | None:
        stored = self.checkpoint.load_rescored(number)
        return stored if stored is not None and np.array_equal(stored["rows"], rows) else None

    def _kept(self, predicted: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        self.checkpoint.save_rescored(self._chunks, predicted)
        return predicted

    @cached_property
    def _common(self) -> SharedValue[tuple[Predictor, Pool]]:
        return shared((self.teacher, self.pool), self._executor)

    @cached_property
    def _executor(self) -> Executor | None:
        """None: the teacher predicts here, on all cores."""
        if not getattr(self.executor, "place", ""):
            return None
        try:
            pickle.dumps(self.teacher)
        except (pickle.PicklingError, TypeError, AttributeError):
            # a network with hooks, say, which stays in its process
            return None
        return self.executor


def _predicted(common: SharedValue[tuple[Predictor, Pool]], seed: int, rows: np.ndarray) -> dict[str, np.ndarray]:
    """The teacher's prediction of a chunk, as it is stored.

    Raises:
        ModelError: it is not finite.
    """
    teacher, pool = common.get()
    found = teacher.predict(pool, rows, seed, 0)
    if not all(np.isfinite(a).all() for a in (found.mean, found.sd)):
        problem = "The teacher's prediction is not finite for some candidates. Nothing was chosen"
        raise ModelError(f"{problem}; what was screened is stored.")
    stored = {"rows": rows, "mean": found.mean, "sd": found.sd, "noise": found.noise}
    stored["classes"] = np.array(found.classes, np.str_)
    stored["maps"] = np.array([each.numbers() for each in found.maps])
    return stored


def _prediction(stored: dict[str, np.ndarray]) -> Prediction:
    no_draws = np.zeros((0, *stored["mean"].shape))
    classes = tuple(stored["classes"].tolist())
    maps = tuple(map(ValueMap.of, stored.get("maps", ())))
    return Prediction(no_draws, stored["mean"], stored["sd"], stored["noise"], classes, maps=maps)


@dataclass(frozen=True)
class SampledStratum:
    """One stratum of what is left out.

    Args:
        name: which, in words.
        end: the last rank in it; 0 when its candidates are too low to be ranked.
        size: candidates in it.
        rows: [M] those in the sample.
        scores: [M] by the student.
    """

    name: str
    end: int
    size: int
    rows: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True)
class StratifiedSample:
    """A random sample of what is left out.

    Args:
        strata: just below the shortlist by rank, each twice as large as the one before; then by score.
    """

    strata: tuple[SampledStratum, ...]

    @classmethod
    def of(cls, top: TopKSample, order: np.ndarray, shortlist: int, each: int, limits: Limits) -> StratifiedSample:
        """The sample.

        Args:
            top: of the whole pool.
            order: its highest scores by rank.
            shortlist: how many are rescored anyway.
            each: how many are drawn from a stratum.
            limits: by which `top` was made.
        """
        return cls((*_by_rank(top, order, shortlist, each, limits), *_by_score(top, each, limits)))

    @property
    def rows(self) -> np.ndarray:
        """All that are drawn."""
        return np.concatenate([np.zeros(0, np.int64), *(s.rows for s in self.strata)])

    def beyond(self, shortlist: int) -> StratifiedSample:
        """Without the strata that a larger shortlist holds."""
        return StratifiedSample(tuple(s for s in self.strata if not 0 < s.end <= shortlist))

    def estimate(self, rescorer: Rescorer, shortlist: np.ndarray, top: int) -> MissEstimate:
        """How many of the teacher's best were missed.

        Args:
            rescorer: has rescored the sample and the shortlist.
            shortlist: rows.
            top: how many of the teacher's best are sought.
        """
        # The mark is set by the shortlist alone: were it moved by the sample, the estimate would not be unbiased.
        values = np.sort(rescorer.values(shortlist))[::-1]
        mark = values[top - 1] if len(values) >= top else -np.inf
        return MissEstimate(top, tuple(_stratum(s, rescorer.values(s.rows), mark) for s in self.strata))

    def fidelity(self, rescorer: Rescorer) -> float:
        """Spearman of student and teacher on the sample; NaN where undefined."""
        scores = np.concatenate([np.zeros(0), *(s.scores for s in self.strata)])
        return spearman(scores, rescorer.values(self.rows), fewest=3)


def _stratum(sampled: SampledStratum, values: np.ndarray, mark: float) -> Stratum:
    sd = float(values.std()) if len(values) else 0.0
    gap = (mark - float(values.mean())) / sd if sd > 0 else np.inf
    return Stratum(sampled.name, sampled.size, len(values), int((values > mark).sum()), gap)


def _by_rank(top: TopKSample, order: np.ndarray, start: int, each: int, limits: Limits) -> list[SampledStratum]:
    strata = []
    while start < len(order):
        some = order[start : 2 * start]
        end = start + len(some)
        drawn = some[lowest_keys(np.zeros(len(some), np.int64), shard_keys(top.rows[some], limits.seed), each)]
        name = f"ranks {start + 1:,} to {end:,}"
        strata.append(SampledStratum(name, end, len(some), top.rows[drawn], top.scores[drawn]))
        start = end
    return strata


def _by_score(top: TopKSample, each: int, limits: Limits) -> list[SampledStratum]:
    edges = limits.edges
    sizes = top.counts - np.bincount(strata_of(top.scores, edges), minlength=len(edges) + 1)
    free = np.flatnonzero(~np.isin(top.sample_rows, top.rows))
    free = free[lowest_keys(strata_of(top.sample_scores[free], edges), top.sample_keys[free], each)]
    of_free = strata_of(top.sample_scores[free], edges)
    strata = []
    for stratum in np.flatnonzero(sizes)[::-1].tolist():
        drawn = free[of_free == stratum]
        low = f"{edges[stratum - 1]:.3g}" if stratum else "the lowest"
        high = f"{edges[stratum]:.3g}" if stratum < len(edges) else "the ranked"
        rows, scores = top.sample_rows[drawn], top.sample_scores[drawn]
        strata.append(SampledStratum(f"scores from {low} to {high}", 0, int(sizes[stratum]), rows, scores))
    return strata
