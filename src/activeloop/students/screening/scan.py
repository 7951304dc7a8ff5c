"""One piece of a pool seen by a student: the task that workers are given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.acquisition.eligible import Eligible
from activeloop.students.screening.best import best
from activeloop.students.screening.scorer import Scorer
from activeloop.students.screening.tally import Limits, Tally, lots, lowest, strata_of

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
    eligible: Eligible
    limits: Limits
    start: int
    stop: int
    floor: float


def scan(task: Task) -> Tally:
    """What is kept of one piece.

    Raises:
        InputError: a row of a file cannot be understood, or the student's file was changed.
        ModelError: a score is not finite.
    """
    ready, limits = task.scorer.opened(), task.limits
    tally, parts, held, floor = Tally.empty(len(limits.edges) + 1), [], 0, task.floor
    for start in range(task.start, task.stop, BLOCK):
        rows = task.eligible.rows(start, min(start + BLOCK, task.stop))
        part = _block(rows, ready(task.eligible.pool, rows), limits, floor, min(start + BLOCK, task.stop) - start)
        parts.append(part)
        held += len(part.rows) + len(part.drawn)
        if held > 2 * limits.reserve + BLOCK:
            tally, parts, held = _sum(tally, parts, limits), [], 0
            floor = max(floor, float(tally.scores.min())) if len(tally.rows) == limits.reserve else floor
    return _sum(tally, parts, limits)


def _block(rows: np.ndarray, scores: np.ndarray, limits: Limits, floor: float, looked: int) -> Tally:
    numbers, strata = lots(rows, limits.seed), strata_of(scores, limits.edges)
    high = np.flatnonzero(scores >= floor)
    high = high[best(rows[high], scores[high], limits.reserve)]
    some = lowest(strata, numbers, limits.sample)
    counts = np.bincount(strata, minlength=len(limits.edges) + 1)
    return Tally(rows[high], scores[high], counts, looked, rows[some], scores[some], numbers[some])


def _sum(tally: Tally, parts: list[Tally], limits: Limits) -> Tally:
    if not parts:
        return tally
    joined = Tally(
        np.concatenate([p.rows for p in parts]),
        np.concatenate([p.scores for p in parts]),
        np.sum([p.counts for p in parts], axis=0),
        sum(p.looked for p in parts),
        np.concatenate([p.drawn for p in parts]),
        np.concatenate([p.marks for p in parts]),
        np.concatenate([p.numbers for p in parts]),
    )
    return tally.add(joined, limits)
