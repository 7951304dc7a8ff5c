"""The cascade: a student over everything, its teacher over the best, acquisition over what the teacher says."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from activeloop.acquisition import AcquisitionFunction, Recommender, choose
from activeloop.acquisition.evaluate import AcquisitionEvaluation, CandidateFilter
from activeloop.candidates import Pool
from activeloop.errors import InputError, StateError
from activeloop.measurements import Dataset
from activeloop.prediction import Predictor
from activeloop.screening.checkpoint import Progressed, ScreenCheckpoint, fingerprint, some_rows
from activeloop.screening.estimate import ScreenResult
from activeloop.screening.rescoring import Rescorer, stand_in
from activeloop.screening.sample import Sample
from activeloop.screening.scorer import FileScorer, ModelScorer, Scorer, ScreenObjective, digest_of
from activeloop.screening.streaming import Progress, Streaming
from activeloop.screening.topk import BLOCK, Limits, TopKSample, ranked

#: candidates by whose scores the strata are divided, and the quantiles at which they are
PILOT = 16_384
QUANTILES = (0.5, 0.9, 0.99, 0.999)
#: rows by which models are recognised
PROBED = 32
#: candidates that reach the choice of the plate, and least for each pick
SHORTLIST, EACH = 4096, 4
#: seconds that one piece should take
PIECE_SECONDS = 2.0
LARGEST_PIECE = 2**20


@dataclass(frozen=True)
class Screen:
    """A cascade over a pool of any size, in bounded memory.

    The student scores every candidate; the teacher is asked about the `keep` best, and about a stratified random sample
    of the others, by which is judged how many of its best the student has left out. If these are too many, twice as
    many are kept.

    Args:
        student: an exported student (each worker opens the file itself), or any quick model.
        teacher: the model that it was taught by.
        keep: candidates that the teacher is asked about.
        top: the teacher's best so many must not be missed; never fewer than are picked.
        tolerance: share of them that may be missed.
        sample: candidates drawn from those left out.
        widest: how many times `keep` may be kept in the end.
        score: by which the student orders candidates; that of the selection when None.
        piece: rows that a worker is given at once; as many as take about two seconds when None.
        every: seconds between two writings of what was done.
    """

    student: Predictor | Path
    teacher: Predictor
    keep: int = 20_000
    top: int = 1_000
    tolerance: float = 0.02
    sample: int = 4_096
    widest: int = 8
    score: AcquisitionFunction | None = None
    piece: int | None = None
    every: float = 5.0

    def __post_init__(self) -> None:
        if self.keep < self.top or self.top < 1:
            problem = f"keep={self.keep:,} of which the teacher's best {self.top:,} are sought makes no sense"
            raise InputError(f"{problem}: keep at least as many. Nothing was screened.")
        if self.widest < 1 or self.sample < 64 or not 0 <= self.tolerance <= 1:
            problem = f"widest={self.widest}, sample={self.sample}, tolerance={self.tolerance} makes no sense"
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
        signs: Sequence[float] = (),
        executor: Executor | None = None,
        progress: Progress | None = None,
    ) -> ScreenResult:
        """Choose n candidates; a run that was stopped goes on where it was, to the same result.

        Args:
            pool: what may be tested.
            n: how many are picked; fewer when fewer are left.
            select: how, among those that the teacher was shown.
            folder: where what was done is kept.
            seed: of the sample, of draws and ties.
            excluded: rows that must not be chosen.
            dataset: what was measured (oriented: larger is better).
            threshold: [A] from which value a candidate is a hit.
            signs: [A] -1 for assays whose values were turned because less is better; all 1 when empty.
            executor: that works on pieces; threads, one for each core, when None.
            progress: called with what is at work (`student` or `teacher`), how many it has seen, and of how many.

        Raises:
            InputError: a number makes no sense, a row of a file cannot be read, or the folder holds another screen.
            StateError: nothing is left to choose.
            StoreError: the folder cannot be written or is damaged.
            ModelError: what a model says is not finite.
        """
        if not 1 <= n <= self.keep:
            raise InputError(f"{n} picks of {self.keep:,} kept makes no sense. Nothing was screened.")
        eligible = CandidateFilter.of(pool, excluded)
        probe = some_rows(eligible, PROBED, seed)
        if not len(probe):
            raise StateError("Nothing is left to choose: all candidates are measured, on a plate or not allowed.")
        evaluation = AcquisitionEvaluation(self.teacher, pool, seed, select.draws, dataset, threshold)
        prediction = evaluation.prediction(probe, False)
        context = evaluation.context(prediction.mean.shape[1], False)
        worth = ScreenObjective(stand_in(select, len(prediction.classes), prediction.mean.shape[1]), context, seed)
        scorer = self._scorer(ScreenObjective(self.score or worth.score, context, seed))
        said = scorer.opened()(pool, probe)
        bound = self._bound(eligible, scorer, worth.score, seed)
        journal = ScreenCheckpoint(Path(folder), bound, np.stack([said, worth(prediction)]))
        done, limits = self._streamed(eligible, scorer, journal, seed, executor, progress)
        judge = Rescorer(self.teacher, pool, worth, journal, seed)
        told = (lambda done, total: None) if progress is None else partial(progress, "teacher")
        found = self._judged(done.tally.sorted(), limits, judge, max(self.top, n), told)
        short = found.seen[ranked(found.seen, found.worths)[: max(SHORTLIST, EACH * n)]]
        picks = choose(
            self.teacher,
            pool,
            n=n,
            select=select,
            seed=seed,
            only=_each_once(pool, short),
            dataset=dataset,
            threshold=threshold,
            signs=signs,
        )
        names = tuple(pool.names([p.row for p in picks]))
        return replace(found, picks=tuple(picks), names=names, seconds=done.seconds)

    def _scorer(self, worth: ScreenObjective) -> Scorer:
        if isinstance(self.student, Path):
            return FileScorer(self.student.absolute(), digest_of(self.student), worth)
        return ModelScorer(self.student, worth)

    def _bound(
        self, eligible: CandidateFilter, scorer: Scorer, worth: AcquisitionFunction, seed: int
    ) -> dict[str, object]:
        own = self.student if isinstance(self.student, Predictor) else None
        return {
            "pool": fingerprint(eligible),
            "student": own.explain() if own else getattr(scorer, "digest", ""),
            "score": repr(self.score or worth),
            "number to keep": [self.keep, self.widest],
            "sample": self.sample,
            "seed": seed,
        }

    def _streamed(
        self,
        eligible: CandidateFilter,
        scorer: Scorer,
        journal: ScreenCheckpoint,
        seed: int,
        executor: Executor | None,
        progress: Progress | None,
    ) -> tuple[Progressed, Limits]:
        so_far, size = journal.begun(), len(eligible.pool)
        edges, pace = self._pilot(eligible, scorer, seed)
        if so_far is None:
            so_far = Progressed.fresh(size, edges)
            journal.keep(so_far)
        # four times the sample of a stratum, for part of it may turn out to be among the best
        limits = Limits(self.keep * self.widest, 4 * self._each, so_far.edges, seed)
        piece = self.piece or int(np.clip(PIECE_SECONDS / pace, BLOCK, LARGEST_PIECE))
        streaming = Streaming(scorer, eligible, limits, piece, self.every)
        if executor is not None:
            done = streaming.run(so_far, journal, executor, progress)
        else:
            with ThreadPoolExecutor() as threads:
                done = streaming.run(so_far, journal, threads, progress)
        return done, limits

    @property
    def _each(self) -> int:
        """Candidates drawn from one stratum."""
        return self.sample // (math.ceil(math.log2(self.widest)) + len(QUANTILES) + 1)

    def _pilot(self, eligible: CandidateFilter, scorer: Scorer, seed: int) -> tuple[np.ndarray, float]:
        """Scores between the strata, and seconds for one candidate."""
        rows = some_rows(eligible, min(PILOT, -(-len(eligible) // 4)), seed + 1)
        ready, begun = scorer.opened(), time.perf_counter()
        scores = np.concatenate([ready(eligible.pool, rows[i : i + BLOCK]) for i in range(0, len(rows), BLOCK)])
        pace = (time.perf_counter() - begun) / len(rows)
        return np.unique(np.quantile(scores, QUANTILES)), pace

    def _judged(
        self, tally: TopKSample, limits: Limits, judge: Rescorer, top: int, told: Callable[[int, int], None]
    ) -> ScreenResult:
        """What the teacher says of the best, and of a sample of the rest; wider while too much is missed."""
        order = ranked(tally.rows, tally.scores)
        kept, most, widened = min(self.keep, len(order)), len(order), 0
        sample = Sample.of(tally, order, self.keep, self._each, limits)
        judge.look(tally.rows[order[:kept]], told)
        judge.look(sample.rows, told)
        missed = sample.missed(judge, tally.rows[order[:kept]], top)
        while missed.share > self.tolerance and kept < most:
            kept, widened = min(2 * kept, most), widened + 1
            judge.look(tally.rows[order[:kept]], told)
            sample = sample.beyond(kept)
            missed = sample.missed(judge, tally.rows[order[:kept]], top)
        seen = judge.seen
        return ScreenResult(
            (),
            (),
            tally.looked,
            int(tally.counts.sum()),
            kept,
            widened,
            missed,
            self.tolerance,
            sample.agreement(judge),
            seen,
            judge.worths(seen),
            0.0,
        )


def _each_once(pool: Pool, rows: np.ndarray) -> np.ndarray:
    """The rows without those that hold the same candidate as an earlier one: long lists may repeat themselves."""
    first: dict[str, int] = {}
    for row in np.sort(rows).tolist():
        first.setdefault(pool.notation.key(pool.design(row)), row)
    return np.array(list(first.values()), np.int64)
