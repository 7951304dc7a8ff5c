"""Screening a huge pool: a student scores every candidate, its teacher predicts the best, some are picked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from activeloop.campaigns import Campaign
from activeloop.campaigns.proposing import ProposalBuilder
from activeloop.campaigns.state import CampaignState
from activeloop.campaigns.versions import derive
from activeloop.candidates import Pool, StreamedPool
from activeloop.config import OpenCampaign
from activeloop.desk.predict import CandidatePrediction
from activeloop.errors import InputError, StateError
from activeloop.executor import Cluster, available_cores
from activeloop.files import csv_text, write_whole
from activeloop.measurements import Assay
from activeloop.prediction import PRIOR_SCORE, Predictor, column_names
from activeloop.screening import Screen, ScreenResult
from activeloop.screening.estimate import Stratum
from activeloop.screening.scorer import digest_of


@dataclass(frozen=True)
class ScreenOptions:
    """How a pool is screened.

    Args:
        file: candidates in a CSV, FASTA or .smi file of any length; the campaign's pool when None.
        student: an exported student; the campaign's own when None.
        shortlist: how many of the student's best the model predicts.
        top: how many of the model's best should be on the shortlist.
        tolerance: accepted miss rate among them; the shortlist grows while it is higher.
        sample: size of the random sample off the shortlist that estimates the miss rate.
        max_growth: of the shortlist, as a multiple of `shortlist`.
        workers: threads; one for each core when None. Without meaning on a cluster.
        column: of the candidates in a table; found by name and content when "".
        offset: added to positions in names.
        skip_unreadable: leave out rows that cannot be read.
        seed: of the sample and of the choice; the campaign's own when None.
        folder: of the checkpoint; one in the campaign's folder when None.
        cluster: address of a Dask scheduler whose workers scan; this machine when None.
        shared: folder or bucket that all machines of the cluster reach; the campaign's bucket, or the folder of the
            checkpoint, when None.
    """

    file: Path | None = None
    student: Path | None = None
    shortlist: int = 20_000
    top: int = 1_000
    tolerance: float = 0.02
    sample: int = 4_096
    max_growth: int = 8
    workers: int | None = None
    column: str | None = None
    offset: int | None = None
    skip_unreadable: bool = False
    seed: int | None = None
    folder: Path | None = None
    cluster: str | None = None
    shared: str | None = None


@dataclass(frozen=True)
class ScreenPick:
    """A candidate that a screen picked.

    Args:
        rank: from 1, best first.
        name: standard notation.
        predictions: by the model, in each assay.
        reason: why it was picked.
    """

    rank: int
    name: str
    predictions: tuple[CandidatePrediction, ...]
    reason: str


@dataclass(frozen=True)
class Screened:
    """What a screen found.

    Args:
        picks: best first.
        assays: that the model predicts; before any result its score stands for one.
        classes: whether it predicts probabilities.
        pool: what was screened, in a sentence.
        words: how many were visited, scored and missed, in words.
        visited: candidates that were gone through; `scored` of them by the student.
        shortlist: how many of the student's best the model predicted.
        seconds: that the student took.
        speed: candidates that it scored in a second.
        misses: of what it left out, how many of the model's best may be there, by range of its scores.
        holds: whether that is tolerated.
        fidelity: Spearman of student and model off the shortlist; NaN where it is not known.
        files: that were written.
        notes: what a person should know, in sentences.
    """

    picks: tuple[ScreenPick, ...]
    assays: tuple[Assay, ...]
    classes: bool
    pool: str
    words: str
    visited: int
    scored: int
    shortlist: int
    seconds: float
    speed: float
    misses: tuple[Stratum, ...]
    holds: bool
    fidelity: float
    files: tuple[Path, ...]
    notes: tuple[str, ...]


def screen(
    loop: OpenCampaign,
    number: int = 96,
    options: ScreenOptions | None = None,
    *,
    out: Path | None = None,
    begun: Callable[[Path], None] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Screened:
    """Screen a huge pool; the campaign is not changed.

    The same call continues a screen that was stopped or killed, to the same picks.

    Args:
        loop: the campaign.
        number: how many candidates to pick.
        options: how.
        out: a CSV file of the picks; a report is written beside it (.txt).
        begun: called with the folder of the checkpoint, before anything is scored.
        progress: called with (part, candidates done, candidates in all); a part is `student` or `teacher`.

    Raises:
        StateError: the campaign has no model or no student yet.
        InputError: a file cannot be read, or a number makes no sense.
    """
    options = options or ScreenOptions()
    if options.workers is not None and options.workers < 1:
        raise InputError(f"--workers {options.workers}: give at least 1. Nothing was screened.")
    loop.check_available()
    plan = _Plan.of(loop.campaign, options)
    settings = (options.shortlist, options.max_growth, options.sample)
    place = options.folder or loop.folder.path / "screens" / plan.key(options.student, settings)
    if begun:
        begun(place)
    student, note = (options.student, "") if options.student else _own_student(loop.campaign, place)
    cascade = Screen(
        student, plan.teacher, options.shortlist, options.top, options.tolerance, options.sample, options.max_growth
    )
    with _executor(loop, options, place) as executor:
        found = plan.run(cascade, number, place, executor, progress)
    picks = tuple(plan.picks(found))
    screened = Screened(
        picks,
        plan.shown,
        plan.classes,
        plan.pool.describe(),
        str(found),
        found.visited,
        found.scored,
        found.shortlist,
        found.seconds,
        found.speed,
        tuple(found.misses.strata),
        found.holds,
        found.fidelity,
        (out, out.with_suffix(".txt")) if out else (),
        (note,) * bool(note),
    )
    if out:
        _write(out, screened)
    return screened


def _executor(loop: OpenCampaign, options: ScreenOptions, place: Path) -> Executor:
    """Threads, which share the student, or the workers of a cluster."""
    if options.cluster is None:
        return ThreadPoolExecutor(options.workers or available_cores())
    bucket = loop.folder.artifacts.objects.where
    return Cluster(options.cluster, options.shared or (f"{bucket}/shared" if "://" in bucket else place / "shared"))


def _own_student(loop: Campaign, place: Path) -> tuple[Path, str]:
    """The campaign's student as a file, and what is to be known of it.

    Raises:
        StateError: it has none.
    """
    state = loop.state()
    if not state.students:
        raise StateError("this campaign has no student yet: train one (`activeloop distil DIR`), or give --student.")
    record, note = loop.student_record(), ""
    if state.current and record.version != state.current.number:
        note = f"The student is of version {record.version}; its teacher here is version {state.current.number}."
    path = place / "student.onnx"
    if not path.exists():
        content = loop.student_file()
        place.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    return path, note


@dataclass(frozen=True)
class _Plan:
    """What is screened, for which campaign.

    Args:
        loop: the campaign.
        state: of it.
        builder: of its proposals, for what is taken and how candidates are chosen.
        pool: what is screened.
        teacher: its model.
        seed: of the screen.
        excluded: rows that must not be picked.
    """

    loop: Campaign
    state: CampaignState
    builder: ProposalBuilder
    pool: Pool
    teacher: Predictor
    seed: int
    excluded: np.ndarray

    @classmethod
    def of(cls, loop: Campaign, options: ScreenOptions) -> _Plan:
        state, teacher = loop.state(), loop.model()
        if teacher is None:
            raise StateError("there is no model yet that could be the teacher: record results and fit first.")
        assert loop.select is not None  # set on construction
        builder = ProposalBuilder(loop.pool, loop.assays, loop.select, loop.hit, loop.controls)
        taken = np.array(builder.taken(state, loop.dataset(), np.zeros(0, np.int64), False), np.int64)
        number = state.current.number if state.current else 0
        seed = derive(loop.seed, "screen", number) if options.seed is None else options.seed
        if options.file is None:
            return cls(loop, state, builder, loop.pool, teacher, seed, taken)
        measured = [loop.pool.design(row) for row in taken.tolist()]
        pool = StreamedPool(
            options.file if options.cluster is None else options.file.absolute(),  # workers read it where it stands
            loop.pool,
            options.column,
            without=measured,
            skip_unreadable=options.skip_unreadable,
            offset=options.offset,
        )
        return cls(loop, state, builder, pool, teacher, seed, np.zeros(0, np.int64))

    def run(
        self,
        cascade: Screen,
        n: int,
        place: Path,
        executor: Executor,
        progress: Callable[[str, int, int], None] | None,
    ) -> ScreenResult:
        """Screen."""
        known = [a.name for a in self.loop.predicted_assays() or self.loop.assays]
        return cascade.run(
            self.pool,
            n,
            self.builder.select,
            place,
            self.seed,
            excluded=self.excluded,
            dataset=self.loop.dataset().oriented().only(known),
            threshold=self.builder.threshold(known),
            executor=executor,
            progress=progress or (lambda part, done, total: None),
        )

    @property
    def shown(self) -> tuple[Assay, ...]:
        """The assays that the teacher predicts; before any result its score stands for one."""
        return self.loop.predicted_assays() or (Assay(PRIOR_SCORE),)

    @property
    def classes(self) -> bool:
        """Whether the teacher predicts probabilities."""
        return [a.goal for a in self.shown] == ["classify"]

    def key(self, student: Path | None, settings: tuple[int, ...]) -> str:
        """Name of the checkpoint's folder: the same for the same command only."""
        record = self.loop.student_record().number if student is None and self.state.students else 0
        parts = (
            digest_of(student) if student else record,
            getattr(self.pool, "digest", ""),
            self.state.current.number if self.state.current else 0,
            self.state.last,
            self.seed,
            settings,
        )
        return hashlib.blake2b(repr(parts).encode(), digest_size=6).hexdigest()

    def picks(self, found: ScreenResult) -> list[ScreenPick]:
        """The picks, with predictions in the units of the assays."""
        picks = []
        for rank, (name, pick) in enumerate(zip(found.names, found.picks, strict=True), 1):
            each = tuple(
                CandidatePrediction(
                    assay.name,
                    "" if self.classes else assay.unit,
                    assay.sign * mean,
                    sd,
                    *sorted((assay.sign * low, assay.sign * high)),
                )
                for assay, (mean, sd, low, high) in zip(self.shown, pick.each, strict=True)
            )
            picks.append(ScreenPick(rank, name, each, pick.reason))
        return picks


def _write(out: Path, found: Screened) -> None:
    """Write the picks as a table, and a report beside it."""
    names = (name for a in found.assays for name in column_names(a.name, a.is_two))
    rows = [
        (p.rank, p.name, *(x for one in p.predictions for x in (one.mean, one.sd, one.low, one.high)), p.reason)
        for p in found.picks
    ]
    write_whole(out, csv_text(("rank", "candidate", *names, "reason"), rows))
    agreed = f"Spearman of student and teacher on the random sample off the shortlist: {found.fidelity:.3f}"
    report = [
        f"Screened: {found.pool}",
        found.words,
        f"The student scored {found.speed:,.0f} candidates a second.",
        *([agreed] if found.fidelity == found.fidelity else []),
        "",
        "left out, by the student\tcandidates\trescored by its teacher\tamong its best",
        *(f"{s.name}\t{s.size}\t{s.sampled}\t{s.above}" for s in found.misses),
    ]
    write_whole(out.with_suffix(".txt"), "\n".join(report) + "\n")
