"""Top-k and a random sample of very many scores, piece by piece."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from activeloop.acquisition.evaluate import CandidateFilter
from activeloop.screening.scorer import Scorer


def best(rows: np.ndarray, scores: np.ndarray, most: int) -> np.ndarray:
    """Indices of the `most` highest scores, in no order; of exact ties the lowest rows.

    Which rows are chosen does not depend on the order in which they come, so a pool may be looked at in any pieces.

    Args:
        rows: [N] each once.
        scores: [N] finite.
        most: how many; all when there are fewer.

    >>> best(np.array([7, 3, 5, 1]), np.array([2.0, 1.0, 1.0, 0.0]), 2).tolist()
    [0, 1]
    """
    if len(rows) <= most:
        return np.arange(len(rows))
    cut = np.partition(scores, len(rows) - most)[len(rows) - most]
    above, ties = np.flatnonzero(scores > cut), np.flatnonzero(scores == cut)
    room = most - len(above)
    if room < len(ties):
        ties = ties[np.argpartition(rows[ties], room)[:room]]
    return np.concatenate([above, ties])


def ranked(rows: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Indices from the highest score to the lowest, ties by row."""
    return np.lexsort((rows, -scores))


_GOLDEN, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def shard_keys(rows: np.ndarray, seed: int) -> np.ndarray:
    """A number drawn for each row, uniform over uint64: it depends on row and seed alone.

    Source: Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195 (SplitMix64).

    >>> bool((shard_keys(np.arange(4), 0)[2:] == shard_keys(np.arange(2, 4), 0)).all())
    True
    """
    start = np.random.SeedSequence([seed, 0x5C]).generate_state(1, np.uint64)
    z = rows.astype(np.uint64) * np.uint64(_GOLDEN) + start
    z = (z ^ (z >> np.uint64(30))) * np.uint64(_FIRST)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(_SECOND)
    return z ^ (z >> np.uint64(31))


@dataclass(frozen=True)
class Limits:
    """How much is kept.

    Args:
        reserve: of the best.
        sample: of each stratum.
        edges: [H - 1] scores, increasing, between the H strata.
        seed: of the sample.
    """

    reserve: int
    sample: int
    edges: np.ndarray
    seed: int


@dataclass(frozen=True)
class TopKSample:
    """The best candidates and a random sample of those in each stratum of scores.

    Tallies of parts of a pool can be added in any order: the sum is that of the whole.

    Args:
        rows, scores: of the best, in no order.
        counts: [H] candidates that were scored, in each stratum.
        looked: rows that were looked at, those that are not allowed included.
        drawn: [M] rows of the sample.
        marks: [M] their scores.
        numbers: [M] drawn by `shard_keys`; those with the lowest of a stratum are its sample.
    """

    rows: np.ndarray
    scores: np.ndarray
    counts: np.ndarray
    looked: int
    drawn: np.ndarray
    marks: np.ndarray
    numbers: np.ndarray

    @classmethod
    def empty(cls, strata: int) -> TopKSample:
        """Of nothing."""
        rows, scores = np.zeros(0, np.int64), np.zeros(0)
        return cls(rows, scores, np.zeros(strata, np.int64), 0, rows, scores, np.zeros(0, np.uint64))

    def add(self, other: TopKSample, limits: Limits) -> TopKSample:
        """Both together, cut to what is kept."""
        rows, scores = np.concatenate([self.rows, other.rows]), np.concatenate([self.scores, other.scores])
        top = best(rows, scores, limits.reserve)
        drawn, marks = np.concatenate([self.drawn, other.drawn]), np.concatenate([self.marks, other.marks])
        numbers = np.concatenate([self.numbers, other.numbers])
        some = lowest(strata_of(marks, limits.edges), numbers, limits.sample)
        return TopKSample(
            rows[top],
            scores[top],
            self.counts + other.counts,
            self.looked + other.looked,
            drawn[some],
            marks[some],
            numbers[some],
        )

    def sorted(self) -> TopKSample:
        """The same in the one order by which equal tallies look equal: rows increasing."""
        top, some = np.argsort(self.rows), np.argsort(self.drawn)
        return replace(
            self,
            rows=self.rows[top],
            scores=self.scores[top],
            drawn=self.drawn[some],
            marks=self.marks[some],
            numbers=self.numbers[some],
        )


def strata_of(scores: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """[N] which stratum each score belongs to, the lowest scores in stratum 0."""
    return np.searchsorted(edges, scores, side="right")


def lowest(strata: np.ndarray, numbers: np.ndarray, most: int) -> np.ndarray:
    """Indices of the `most` lowest numbers in each stratum."""
    order = np.lexsort((numbers, strata))
    starts = np.searchsorted(strata[order], strata[order])
    return order[np.arange(len(order)) - starts < most]


#: Rows that are scored together, counted from row 0 on. The last digits of a score depend on what it was computed
#: together with, so the blocks are the same whatever the pieces are.
BLOCK = 4096


@dataclass(frozen=True)
class Task:
    """What a worker needs; small enough to be sent to another machine.

    Args:
        scorer: the student.
        eligible: the pool.
        limits: how much is kept.
        start, stop: rows of the piece; `start` is the first of a block.
        floor: lower scores are among the best no more.
    """

    scorer: Scorer
    eligible: CandidateFilter
    limits: Limits
    start: int
    stop: int
    floor: float


def scan(task: Task) -> TopKSample:
    """What is kept of one piece.

    Raises:
        InputError: a row of a file cannot be understood, or the student's file was changed.
        ModelError: a score is not finite.
    """
    ready, limits = task.scorer.opened(), task.limits
    tally, parts, held, floor = TopKSample.empty(len(limits.edges) + 1), [], 0, task.floor
    for start in range(task.start, task.stop, BLOCK):
        rows = task.eligible.rows(start, min(start + BLOCK, task.stop))
        part = _block(rows, ready(task.eligible.pool, rows), limits, floor, min(start + BLOCK, task.stop) - start)
        parts.append(part)
        held += len(part.rows) + len(part.drawn)
        if held > 2 * limits.reserve + BLOCK:
            tally, parts, held = _sum(tally, parts, limits), [], 0
            floor = max(floor, float(tally.scores.min())) if len(tally.rows) == limits.reserve else floor
    return _sum(tally, parts, limits)


def _block(rows: np.ndarray, scores: np.ndarray, limits: Limits, floor: float, looked: int) -> TopKSample:
    numbers, strata = shard_keys(rows, limits.seed), strata_of(scores, limits.edges)
    high = np.flatnonzero(scores >= floor)
    high = high[best(rows[high], scores[high], limits.reserve)]
    some = lowest(strata, numbers, limits.sample)
    counts = np.bincount(strata, minlength=len(limits.edges) + 1)
    return TopKSample(rows[high], scores[high], counts, looked, rows[some], scores[some], numbers[some])


def _sum(tally: TopKSample, parts: list[TopKSample], limits: Limits) -> TopKSample:
    if not parts:
        return tally
    joined = TopKSample(
        np.concatenate([p.rows for p in parts]),
        np.concatenate([p.scores for p in parts]),
        np.sum([p.counts for p in parts], axis=0),
        sum(p.looked for p in parts),
        np.concatenate([p.drawn for p in parts]),
        np.concatenate([p.marks for p in parts]),
        np.concatenate([p.numbers for p in parts]),
    )
    return tally.add(joined, limits)
