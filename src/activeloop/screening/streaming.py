"""The student over everything: pieces are handed to workers, and what they retain is added up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, replace

import numpy as np

from activeloop.acquisition.evaluate import CandidateFilter
from activeloop.screening.checkpoint import Progressed, ScreenCheckpoint
from activeloop.screening.scorer import Scorer
from activeloop.screening.topk import BLOCK, Limits, Task, scan

Progress = Callable[[str, int, int], None]

#: pieces that wait or are worked on at once
AHEAD = 32


@dataclass(frozen=True)
class Streaming:
    """One pass over a pool.

    Args:
        scorer: the student.
        eligible: the pool.
        limits: how much is kept.
        piece: rows that a worker is given at once.
        every: seconds between two writings of the journal.
    """

    scorer: Scorer
    eligible: CandidateFilter
    limits: Limits
    piece: int
    every: float

    def run(
        self, so_far: Progressed, journal: ScreenCheckpoint, executor: Executor, progress: Progress | None
    ) -> Progressed:
        """Look at what was not looked at yet.

        Whatever ends it, what was done by then is in the journal.
        """
        begun, written, before = time.monotonic(), time.monotonic(), so_far.seconds
        waiting = pieces(so_far.done, len(self.eligible.pool), self.piece)
        running: dict[Future, tuple[int, int]] = {}
        try:
            while self._fill(running, waiting, executor, so_far):
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    start, stop = running.pop(future)
                    so_far = so_far.after(start, stop, so_far.tally.add(future.result(), self.limits))
                    self._tell(progress, so_far)
                if time.monotonic() - written > self.every:
                    so_far = replace(so_far, seconds=before + time.monotonic() - begun)
                    journal.keep(so_far)
                    written = time.monotonic()
        finally:
            for future in running:
                future.cancel()
            so_far = replace(so_far, seconds=before + time.monotonic() - begun)
            journal.keep(so_far)
        return so_far

    def _fill(self, running: dict, waiting: Iterator[tuple[int, int]], executor: Executor, so_far: Progressed) -> bool:
        full = len(so_far.tally.rows) == self.limits.reserve
        floor = float(so_far.tally.scores.min()) if full else -np.inf
        while len(running) < AHEAD and (piece := next(waiting, None)):
            task = Task(self.scorer, self.eligible, self.limits, *piece, floor)
            running[executor.submit(scan, task)] = piece
        return bool(running)

    def _tell(self, progress: Progress | None, so_far: Progressed) -> None:
        if progress is not None:
            progress("student", so_far.tally.looked, len(self.eligible.pool))


def pieces(done: np.ndarray, size: int, piece: int) -> Iterator[tuple[int, int]]:
    """Start and stop of stretches of rows that are not done, none longer than a piece.

    >>> list(pieces(np.array([False, True, False, False, False]), 4 * BLOCK + 7, 2 * BLOCK)) == [
    ...     (0, BLOCK),
    ...     (2 * BLOCK, 4 * BLOCK),
    ...     (4 * BLOCK, 4 * BLOCK + 7),
    ... ]
    True
    """
    most, blocks = max(1, piece // BLOCK), len(done)
    start = 0
    while start < blocks:
        if done[start]:
            start += 1
            continue
        ahead = done[start : start + most]
        length = int(np.argmax(ahead)) if ahead.any() else len(ahead)
        yield start * BLOCK, min((start + length) * BLOCK, size)
        start += length
