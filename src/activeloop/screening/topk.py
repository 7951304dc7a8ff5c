"""Top-k and a stratified random sample of very many scores, from any pieces in any order."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from activeloop.acquisition.evaluate import CandidateFilter
from activeloop.executor import SharedValue
from activeloop.screening.scorer import Scorer

#: Rows that are scored together, counted from row 0 on. The last digits of a score depend on what it was computed
#: together with, so the blocks are the same whatever the pieces are.
BLOCK = 4096


@dataclass(frozen=True)
class Limits:
    """How much is retained.

    Args:
        top: candidates with the highest scores.
        sample: of each stratum.
        edges: [H - 1] scores, increasing, between the H strata.
        seed: of the sample.
    """

    top: int
    sample: int
    edges: np.ndarray
    seed: int


@dataclass(frozen=True)
class TopKSample:
    """The candidates with the highest scores, and a random sample of each stratum of scores.

    Those of parts of a pool can be added in any order: the sum is that of the whole.

    Args:
        rows: of the highest scores, in no order.
        scores: of `rows`.
        counts: [H] candidates that were scored, in each stratum.
        visited: rows that were visited, those that are not allowed included.
        sample_rows: [M] of the sample.
        sample_scores: [M] their scores.
        sample_keys: [M] their `shard_keys`; the lowest of a stratum are its sample.
    """

    rows: np.ndarray
    scores: np.ndarray
    counts: np.ndarray
    visited: int
    sample_rows: np.ndarray
    sample_scores: np.ndarray
    sample_keys: np.ndarray

    @classmethod
    def empty(cls, strata: int) -> TopKSample:
        """Of nothing."""
        rows, scores = np.zeros(0, np.int64), np.zeros(0)
        return cls(rows, scores, np.zeros(strata, np.int64), 0, rows, scores, np.zeros(0, np.uint64))

    @classmethod
    def of(cls, rows: np.ndarray, scores: np.ndarray, limits: Limits, floor: float, visited: int) -> TopKSample:
        """Of scored rows; scores below the floor are not among the highest."""
        keys, strata = shard_keys(rows, limits.seed), strata_of(scores, limits.edges)
        high = np.flatnonzero(scores >= floor)
        high = high[highest(rows[high], scores[high], limits.top)]
        some = lowest_keys(strata, keys, limits.sample)
        counts = np.bincount(strata, minlength=len(limits.edges) + 1)
        return cls(rows[high], scores[high], counts, visited, rows[some], scores[some], keys[some])

    @staticmethod
    def joined(parts: list[TopKSample], limits: Limits) -> TopKSample:
        """All together, cut to what is retained; one part at least."""
        both = TopKSample(
            np.concatenate([p.rows for p in parts]),
            np.concatenate([p.scores for p in parts]),
            np.sum([p.counts for p in parts], axis=0),
            sum(p.visited for p in parts),
            np.concatenate([p.sample_rows for p in parts]),
            np.concatenate([p.sample_scores for p in parts]),
            np.concatenate([p.sample_keys for p in parts]),
        )
        top = highest(both.rows, both.scores, limits.top)
        return both._taking(
            top, lowest_keys(strata_of(both.sample_scores, limits.edges), both.sample_keys, limits.sample)
        )

    def sorted(self) -> TopKSample:
        """The same in one order, rows increasing: equal ones have equal arrays."""
        return self._taking(np.argsort(self.rows), np.argsort(self.sample_rows))

    def _taking(self, top: np.ndarray, some: np.ndarray) -> TopKSample:
        return replace(
            self,
            rows=self.rows[top],
            scores=self.scores[top],
            sample_rows=self.sample_rows[some],
            sample_scores=self.sample_scores[some],
            sample_keys=self.sample_keys[some],
        )


@dataclass(frozen=True)
class Scanned:
    """What all pieces of a scan have in common.

    Args:
        scorer: the student.
        eligible: the pool.
        limits: how much is retained.
    """

    scorer: Scorer
    eligible: CandidateFilter
    limits: Limits


@dataclass(frozen=True)
class Scan:
    """One piece of a pool, for a worker; small enough to be sent to another machine.

    Args:
        common: what all pieces share.
        start: its first row, the first of a block.
        stop: the row behind its last.
        floor: lower scores are no longer among the highest.
    """

    common: SharedValue[Scanned]
    start: int
    stop: int
    floor: float

    def run(self) -> TopKSample:
        """What is retained of it.

        Raises:
            InputError: a row of a file cannot be understood, or the student's file was changed.
            ModelError: a score is not finite.
        """
        common = self.common.get()
        score, limits, floor = common.scorer.opened(), common.limits, self.floor
        parts, held = [TopKSample.empty(len(limits.edges) + 1)], 0
        for start in range(self.start, self.stop, BLOCK):
            stop = min(start + BLOCK, self.stop)
            rows = common.eligible.rows(start, stop)
            part = TopKSample.of(rows, score(common.eligible.pool, rows), limits, floor, stop - start)
            parts.append(part)
            held += len(part.rows) + len(part.sample_rows)
            if held > 2 * limits.top + BLOCK:
                parts, held = [TopKSample.joined(parts, limits)], 0
                full = len(parts[0].rows) == limits.top
                floor = max(floor, float(parts[0].scores.min())) if full else floor
        return TopKSample.joined(parts, limits)


def highest(rows: np.ndarray, scores: np.ndarray, most: int) -> np.ndarray:
    """Indices of the `most` highest scores, in no order; of exact ties the lowest rows.

    Which rows are chosen does not depend on the order in which they come, so a pool may be scored in any pieces.

    Args:
        rows: [N] each once.
        scores: [N] finite.
        most: how many; all when there are fewer.

    >>> highest(np.array([7, 3, 5, 1]), np.array([2.0, 1.0, 1.0, 0.0]), 2).tolist()
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


def strata_of(scores: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """[N] the stratum of each score, that of the lowest scores is 0."""
    return np.searchsorted(edges, scores, side="right")


def lowest_keys(strata: np.ndarray, keys: np.ndarray, most: int) -> np.ndarray:
    """Indices of the `most` lowest keys in each stratum."""
    order = np.lexsort((keys, strata))
    starts = np.searchsorted(strata[order], strata[order])
    return order[np.arange(len(order)) - starts < most]


_GOLDEN, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def shard_keys(rows: np.ndarray, seed: int) -> np.ndarray:
    """A random number for each row, uniform over uint64, that depends on row and seed alone, not on the shard.

    Source: Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195 (SplitMix64).

    >>> bool((shard_keys(np.arange(4), 0)[2:] == shard_keys(np.arange(2, 4), 0)).all())
    True
    """
    start = np.random.SeedSequence([seed, 0x5C]).generate_state(1, np.uint64)
    z = rows.astype(np.uint64) * np.uint64(_GOLDEN) + start
    z = (z ^ (z >> np.uint64(30))) * np.uint64(_FIRST)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(_SECOND)
    return z ^ (z >> np.uint64(31))
