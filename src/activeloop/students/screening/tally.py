"""What is kept of the candidates that a student has looked at: the best of them, and a sample of all."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from activeloop.students.screening.best import best

_GOLDEN, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def lots(rows: np.ndarray, seed: int) -> np.ndarray:
    """A number drawn for each row, uniform over uint64: it depends on row and seed alone.

    Source: Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195 (SplitMix64).

    >>> bool((lots(np.arange(4), 0)[2:] == lots(np.arange(2, 4), 0)).all())
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
class Tally:
    """The best candidates and a random sample of those in each stratum of scores.

    Tallies of parts of a pool can be added in any order: the sum is that of the whole.

    Args:
        rows, scores: of the best, in no order.
        counts: [H] candidates that were scored, in each stratum.
        looked: rows that were looked at, those that are not allowed included.
        drawn: [M] rows of the sample.
        marks: [M] their scores.
        numbers: [M] drawn by `lots`; those with the lowest of a stratum are its sample.
    """

    rows: np.ndarray
    scores: np.ndarray
    counts: np.ndarray
    looked: int
    drawn: np.ndarray
    marks: np.ndarray
    numbers: np.ndarray

    @classmethod
    def empty(cls, strata: int) -> Tally:
        """Of nothing."""
        rows, scores = np.zeros(0, np.int64), np.zeros(0)
        return cls(rows, scores, np.zeros(strata, np.int64), 0, rows, scores, np.zeros(0, np.uint64))

    def add(self, other: Tally, limits: Limits) -> Tally:
        """Both together, cut to what is kept."""
        rows, scores = np.concatenate([self.rows, other.rows]), np.concatenate([self.scores, other.scores])
        top = best(rows, scores, limits.reserve)
        drawn, marks = np.concatenate([self.drawn, other.drawn]), np.concatenate([self.marks, other.marks])
        numbers = np.concatenate([self.numbers, other.numbers])
        some = lowest(strata_of(marks, limits.edges), numbers, limits.sample)
        return Tally(
            rows[top],
            scores[top],
            self.counts + other.counts,
            self.looked + other.looked,
            drawn[some],
            marks[some],
            numbers[some],
        )

    def sorted(self) -> Tally:
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
