"""The cascade: a student scores everything, its teacher rescores the best, and acquisition picks by the teacher."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from activeloop.acquisition import AcquisitionFunction, Recommender, choose
from activeloop.acquisition.evaluate import AcquisitionEvaluation, CandidateFilter
from activeloop.candidates import Pool
from activeloop.errors import InputError, StateError
from activeloop.executor import SharedValue, shared
from activeloop.measurements import Dataset
from activeloop.prediction import Predictor
from activeloop.screening.checkpoint import ScanState, ScreenCheckpoint, eligible_rows, fingerprint
from activeloop.screening.estimate import ScreenResult
from activeloop.screening.rescoring import Rescorer, StratifiedSample
from activeloop.screening.scorer import FileScorer, ModelScorer, Scorer, ScreenObjective, digest_of, marginal_score
from activeloop.screening.topk import BLOCK, Limits, Scan, Scanned, TopKSample, ranked

#: candidates by whose scores the strata are divided, and the quantiles at which they are
PILOT = 16_384
QUANTILES = (0.5, 0.9, 0.99, 0.999)
#: rows by which models are recognised
PROBED = 32
#: candidates among which the plate is chosen, and least for each pick
FINALISTS, EACH = 4096, 4
#: seconds that one piece should take, and its most rows
PIECE_SECONDS, LARGEST_PIECE = 2.0, 2**20

#: called with what is at work (`student` or `teacher`), how many it has seen, and of how many
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Screen:
    """A cascade over a pool of any size, in bounded memory.

    The student scores every candidate. The teacher rescores the shortlist, the student's best, and a stratified random
    sample of the others, which estimates how many of the teacher's best the student has missed. If these are too many,
    the shortlist is doubled.

    Args:
        student: an exported student (each worker opens the file itself), or any fast model.
        teacher: the model that it was distilled from.
        shortlist: candidates that the teacher rescores.
        top: how many of the teacher's best must not be missed; never fewer than are picked.
        tolerance: share of them that may be missed.
        sample: candidates drawn from those left out.
        max_growth: of the shortlist, as a multiple.
        score: by which the student ranks candidates; that of the recommender when None.
        piece: rows that a worker is given at once; as many as take about two seconds when None.
        every: seconds between two checkpoints.
    """

    student: Predictor | Path
    teacher: Predictor
    shortlist: int = 20_000
    top: int = 1_000
    tolerance: float = 0.02
    sample: int = 4_096
    max_growth: int = 8
    score: AcquisitionFunction | None = None
    piece: int | None = None
    every: float = 5.0

    def __post_init__(self) -> None:
        if self.shortlist < self.top or self.top < 1:
            problem = (
                f"a shortlist of {self.shortlist:,} in which the teacher's best {self.top:,} are sought is too short"
            )
            raise InputError(f"{problem}: keep at least as many. Nothing was screened.")
        if self.max_growth < 1 or self.sample < 64 or not 0 <= self.tolerance <= 1:
            problem = f"max_growth={self.max_growth}, sample={self.sample}, tolerance={self.tolerance} makes no sense"
            raise InputError(f"{problem}: at least 1, at least 64, and from 0 to 1. Nothing was screened.")

    def run(
        self,
        pool: Pool,
        n: int,
        select: Recommender,
        folder: str | Path,
        seed: int = 0,
        *,
        excluded: Collection[int] = (),
        dataset: Dataset | None = None,
        threshold: np.ndarray | None = None,
        executor: Executor | None = None,
        progress: Progress | None = None,
    ) -> ScreenResult:
        """Choose n candidates; a run that was stopped resumes where it was, to the same result.

        Args:
            pool: what may be tested.
            n: how many are picked; fewer when fewer are left.
            select: how, among those that the teacher rescored.
            folder: of the checkpoint.
            seed: of the sample, of draws and ties.
            excluded: rows that must not be chosen.
            dataset: what was measured (oriented: larger is better).
            threshold: [A] from which value a candidate is a hit.
            executor: runs the pieces, and the teacher where it names a place for what its tasks share; threads, one for
                each core, when None.
            progress: see `Progress`.

        Raises:
            InputError: a number makes no sense, a row of a file cannot be read, the student predicts something else
                than the teacher or on another scale, or the folder holds another screen.
            StateError: nothing is left to choose.
            StoreError: the folder cannot be written or is damaged.
            ModelError: a prediction is not finite.
        """
        if not 1 <= n <= self.shortlist:
            raise InputError(f"{n} picks of a shortlist of {self.shortlist:,} makes no sense. Nothing was screened.")
        eligible = CandidateFilter.of(pool, excluded)
        probe = eligible_rows(eligible, PROBED, seed)
        if not len(probe):
            raise StateError("Nothing is left to choose: all candidates are measured, on a plate or not allowed.")
        evaluation = AcquisitionEvaluation(self.teacher, pool, seed, select.draws, dataset, threshold)
        prediction = evaluation.prediction(probe, False)
        context = evaluation.context(prediction, False)
        score = marginal_score(select, len(prediction.classes), prediction.mean.shape[1])
        objective = ScreenObjective(score, context, seed, prediction.maps)
        scorer = self._scorer(replace(objective, score=self.score or score), executor)
        scorer.check(pool, probe, prediction, () if dataset is None else dataset.assays)
        settings = {
            "pool": fingerprint(eligible),
            "student": scorer.digest if isinstance(scorer, FileScorer) else self.student.explain(),  # type: ignore[union-attr]
            "score": repr(self.score or score),
            "number to keep": [self.shortlist, self.max_growth],
            "sample": self.sample,
            "seed": seed,
        }
        probed = np.stack([scorer.opened()(pool, probe), objective(prediction)])
        checkpoint = ScreenCheckpoint(Path(folder), settings, probed)
        state, limits = self._scan(eligible, scorer, checkpoint, seed, executor, progress)
        rescorer = Rescorer(self.teacher, pool, objective, checkpoint, seed, executor)
        report = (lambda done, total: None) if progress is None else partial(progress, "teacher")
        found = self._rescore(state.top.sorted(), limits, rescorer, max(self.top, n), report)
        finalists = found.rescored[ranked(found.rescored, found.values)[: max(FINALISTS, EACH * n)]]
        picks = choose(
            self.teacher,
            pool,
            n=n,
            select=select,
            seed=seed,
            only=_without_repeats(pool, finalists),
            dataset=dataset,
            threshold=threshold,
        )
        names = tuple(pool.names([p.row for p in picks]))
        return replace(found, picks=tuple(picks), names=names, seconds=state.seconds)

    def _scorer(self, objective: ScreenObjective, executor: Executor | None) -> Scorer:
        if isinstance(self.student, Path):
            path = self.student.absolute()
            # other machines have not the file
            content = path.read_bytes() if getattr(executor, "place", "") else None
            return FileScorer(path, digest_of(self.student), objective, content)
        return ModelScorer(self.student, objective)

    @property
    def _each(self) -> int:
        """Candidates drawn from one stratum."""
        return self.sample // (math.ceil(math.log2(self.max_growth)) + len(QUANTILES) + 1)

    def _scan(
        self,
        eligible: CandidateFilter,
        scorer: Scorer,
        checkpoint: ScreenCheckpoint,
        seed: int,
        executor: Executor | None,
        progress: Progress | None,
    ) -> tuple[ScanState, Limits]:
        """The student over everything that is not done yet."""
        state, (edges, pace) = checkpoint.load(), self._pilot(eligible, scorer, seed)
        if state is None:
            state = ScanState.fresh(len(eligible.pool), edges)
            checkpoint.save(state)
        # four times the sample of a stratum, for part of it may turn out to be among the best
        limits = Limits(self.shortlist * self.max_growth, 4 * self._each, state.edges, seed)
        piece = self.piece or int(np.clip(PIECE_SECONDS / pace, BLOCK, LARGEST_PIECE))
        common = shared(Scanned(scorer, eligible, limits), executor)
        scanning = Scanning(common, len(eligible.pool), limits, piece, self.every)
        if executor is not None:
            return scanning.run(state, checkpoint, executor, progress), limits
        with ThreadPoolExecutor() as threads:
            return scanning.run(state, checkpoint, threads, progress), limits

    def _pilot(self, eligible: CandidateFilter, scorer: Scorer, seed: int) -> tuple[np.ndarray, float]:
        """Scores between the strata, and seconds for one candidate."""
        rows = eligible_rows(eligible, min(PILOT, -(-len(eligible) // 4)), seed + 1)
        score, begun = scorer.opened(), time.perf_counter()
        scores = np.concatenate([score(eligible.pool, rows[i : i + BLOCK]) for i in range(0, len(rows), BLOCK)])
        pace = (time.perf_counter() - begun) / len(rows)
        return np.unique(np.quantile(scores, QUANTILES)), pace

    def _rescore(
        self, top: TopKSample, limits: Limits, rescorer: Rescorer, best: int, progress: Callable[[int, int], None]
    ) -> ScreenResult:
        """The teacher over the shortlist and a sample of the rest; a longer one while too much is missed."""
        order = ranked(top.rows, top.scores)
        shortlist, growths = min(self.shortlist, len(order)), 0
        sample = StratifiedSample.of(top, order, self.shortlist, self._each, limits)
        rescorer.rescore(top.rows[order[:shortlist]], progress)
        rescorer.rescore(sample.rows, progress)
        misses = sample.estimate(rescorer, top.rows[order[:shortlist]], best)
        while misses.rate > self.tolerance and shortlist < len(order):
            shortlist, growths = min(2 * shortlist, len(order)), growths + 1
            rescorer.rescore(top.rows[order[:shortlist]], progress)
            sample = sample.beyond(shortlist)
            misses = sample.estimate(rescorer, top.rows[order[:shortlist]], best)
        return ScreenResult(
            picks=(),
            names=(),
            visited=top.visited,
            scored=int(top.counts.sum()),
            shortlist=shortlist,
            growths=growths,
            misses=misses,
            tolerance=self.tolerance,
            fidelity=sample.fidelity(rescorer),
            rescored=rescorer.rows,
            values=rescorer.values(rescorer.rows),
            seconds=0.0,
        )


def _without_repeats(pool: Pool, rows: np.ndarray) -> np.ndarray:
    # long lists may repeat themselves
    first: dict[str, int] = {}
    for row in np.sort(rows).tolist():
        first.setdefault(pool.notation.key(pool.design(row)), row)
    return np.array(list(first.values()), np.int64)


#: pieces that wait or are worked on at once
AHEAD = 32


@dataclass(frozen=True)
class Scanning:
    """One pass of the student over a pool: workers scan pieces, and what they retain is joined.

    Args:
        common: the student and the pool.
        size: rows of the pool.
        limits: how much is retained.
        piece: rows that a worker is given at once.
        every: seconds between two checkpoints.
    """

    common: SharedValue[Scanned]
    size: int
    limits: Limits
    piece: int
    every: float

    def run(
        self, state: ScanState, checkpoint: ScreenCheckpoint, executor: Executor, progress: Progress | None
    ) -> ScanState:
        """Scan what is not done yet; whatever ends it, what was done by then is in the checkpoint."""
        begun, saved, before = time.monotonic(), time.monotonic(), state.seconds
        waiting = stretches(state.done, self.size, self.piece)
        running: dict[Future[TopKSample], tuple[int, int]] = {}
        try:
            while self._fill(running, waiting, executor, state):
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    start, stop = running.pop(future)
                    state = state.after(start, stop, TopKSample.joined([state.top, future.result()], self.limits))
                    if progress is not None:
                        progress("student", state.top.visited, self.size)
                if time.monotonic() - saved > self.every:
                    state = replace(state, seconds=before + time.monotonic() - begun)
                    checkpoint.save(state)
                    saved = time.monotonic()
        finally:
            for future in running:
                future.cancel()
            state = replace(state, seconds=before + time.monotonic() - begun)
            checkpoint.save(state)
        return state

    def _fill(self, running: dict, waiting: Iterator[tuple[int, int]], executor: Executor, state: ScanState) -> bool:
        full = len(state.top.rows) == self.limits.top
        floor = float(state.top.scores.min()) if full else -np.inf
        while len(running) < AHEAD and (piece := next(waiting, None)):
            scan = Scan(self.common, *piece, floor)
            running[executor.submit(scan.run)] = piece
        return bool(running)


def stretches(done: np.ndarray, size: int, piece: int) -> Iterator[tuple[int, int]]:
    """Start and stop of stretches of rows whose blocks are not done, none longer than a piece.

    >>> list(stretches(np.array([False, True, False, False, False]), 4 * BLOCK + 7, 2 * BLOCK)) == [
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
