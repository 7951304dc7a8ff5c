"""`activeloop screen`: a student scores a huge pool, its teacher predicts the best."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from activeloop.cli.terminal import (
    Folder,
    Offset,
    SkipUnreadable,
    check_file,
    interval_title,
    next_step,
    opened,
    progress_bars,
    say,
    show_table,
)
from activeloop.words import many, shown_number

if TYPE_CHECKING:
    import numpy as np

    from activeloop.campaigns import Campaign
    from activeloop.campaigns.proposing import ProposalBuilder
    from activeloop.campaigns.state import CampaignState
    from activeloop.candidates import Pool
    from activeloop.measurements import Assay
    from activeloop.prediction import Predictor
    from activeloop.screening import Screen, ScreenResult

FILE = typer.Argument(metavar="[FILE]", help="Candidates in a CSV, FASTA or .smi file of any length, not the pool.")
NUMBER = typer.Option("-n", "--number", "--n", help="How many candidates to pick.")
STUDENT = typer.Option(metavar="FILE.onnx", help="The student that scores (default: the campaign's own).")
SHORTLIST = typer.Option(metavar="N", help="Size of the shortlist: the student's best, which the model predicts.")
TOP = typer.Option(metavar="N", help="How many of the model's best should be on the shortlist.")
TOLERANCE = typer.Option(metavar="SHARE", help="Accepted miss rate among them; the shortlist grows while it is higher.")
SAMPLE = typer.Option(metavar="N", help="Size of the random sample off the shortlist that estimates the miss rate.")
GROWTH = typer.Option(metavar="X", help="Maximum growth of the shortlist, as a multiple of --shortlist.")
WORKERS = typer.Option(metavar="N", help="Threads (default: one for each core).")
OUT = typer.Option(metavar="FILE.csv", help="Write the picks here, and a report beside them (.txt).")
COLUMN = typer.Option(help="The column of candidates in a table (default: found by name and content).")
SEED = typer.Option(metavar="N", help="Seed of the sample and of the choice (default: the campaign's own).")
WORK = typer.Option("--folder", metavar="DIR", help="Folder of the checkpoint (default: in the campaign).")
SHOWN = 10


def screen(
    directory: Folder,
    file: Annotated[Path | None, FILE] = None,
    number: Annotated[int, NUMBER] = 96,
    student: Annotated[Path | None, STUDENT] = None,
    shortlist: Annotated[int, SHORTLIST] = 20_000,
    top: Annotated[int, TOP] = 1_000,
    tolerance: Annotated[float, TOLERANCE] = 0.02,
    sample: Annotated[int, SAMPLE] = 4_096,
    max_growth: Annotated[int, GROWTH] = 8,
    workers: Annotated[int | None, WORKERS] = None,
    out: Annotated[Path | None, OUT] = None,
    column: Annotated[str | None, COLUMN] = None,
    skip_unreadable: SkipUnreadable = False,
    offset: Offset = None,
    seed: Annotated[int | None, SEED] = None,
    folder: Annotated[Path | None, WORK] = None,
) -> None:
    """Screen a huge pool: a student scores every candidate, its teacher predicts the best, a plate is picked.

    The campaign is not changed. The same command continues a screen that was stopped or killed, to the same picks.
    """
    from activeloop.errors import InputError
    from activeloop.replay.machine import available_cores
    from activeloop.screening import Screen

    if workers is not None and workers < 1:
        raise InputError(f"--workers {workers}: give at least 1. Nothing was screened.")
    check_file(out, (".csv",), "Nothing was screened.")
    campaign = opened(directory, "" if folder else "Nothing was screened; --folder names another place.")
    campaign.check_available()
    loop = campaign.campaign
    plan = ScreenOptions.of(loop, file, column, skip_unreadable, seed, offset)
    place = folder or directory / "screens" / plan.key(student, (shortlist, max_growth, sample))
    found_student = student or own_student(loop, place)
    cascade = Screen(found_student, plan.teacher, shortlist, top, tolerance, sample, max_growth)
    try:
        with ThreadPoolExecutor(workers or available_cores()) as threads, progress_bars(BARS, "candidates") as progress:
            found = plan.run(cascade, number, place, threads, progress)
    except KeyboardInterrupt:
        say(f"Stopped. The checkpoint is in {place}; the same command continues from there.")
        raise typer.Exit(130) from None
    show(plan, found)
    if out:
        write(out, plan, found)
        say(f"Written: {out}, {out.with_suffix('.txt')}")
    next_step(
        f"`activeloop pin {directory} NAME` puts a pick on the next plate."
        if file is None
        else "order the picks, or make a campaign of them (`activeloop new`)."
    )


def own_student(loop: Campaign, place: Path) -> Path:
    """The campaign's student as a file.

    Raises:
        StateError: it has none.
    """
    from activeloop.errors import StateError
    from activeloop.files import write_whole

    state = loop.state()
    if not state.students:
        raise StateError("this campaign has no student yet: train one (`activeloop distil DIR`), or give --student.")
    record = loop.student_record()
    if state.current and record.version != state.current.number:
        say(f"The student is of version {record.version}; its teacher here is version {state.current.number}.")
    path = place / "student.onnx"
    if not path.exists():
        content = loop.student_file()
        place.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    return path


@dataclass(frozen=True)
class ScreenOptions:
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
    def of(
        cls,
        loop: Campaign,
        file: Path | None,
        column: str | None,
        skip: bool,
        seed: int | None,
        offset: int | None = None,
    ) -> ScreenOptions:
        """From the options of the command.

        Raises:
            StateError: the campaign has no model yet.
            InputError: the file cannot be read.
        """
        import numpy as np

        from activeloop.campaigns.proposing import ProposalBuilder
        from activeloop.campaigns.versions import derive
        from activeloop.candidates import StreamedPool
        from activeloop.errors import StateError

        state, teacher = loop.state(), loop.model()
        if teacher is None:
            raise StateError("there is no model yet that could be the teacher: record results and fit first.")
        assert loop.select is not None  # set on construction
        builder = ProposalBuilder(loop.pool, loop.assays, loop.select, loop.hit, loop.controls)
        taken = np.array(builder.taken(state, loop.dataset(), np.zeros(0, np.int64), False), np.int64)
        number = state.current.number if state.current else 0
        seed = derive(loop.seed, "screen", number) if seed is None else seed
        if file is None:
            return cls(loop, state, builder, loop.pool, teacher, seed, taken)
        measured = [loop.pool.design(row) for row in taken.tolist()]
        pool = StreamedPool(file, loop.pool, column, without=measured, skip_unreadable=skip, offset=offset)
        return cls(loop, state, builder, pool, teacher, seed, np.zeros(0, np.int64))

    def run(
        self,
        cascade: Screen,
        n: int,
        place: Path,
        threads: ThreadPoolExecutor,
        progress: Callable[[str, int, int], None],
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
            executor=threads,
            progress=progress,
        )

    @property
    def shown(self) -> tuple[Assay, ...]:
        """The assays that the teacher predicts; before any result its score stands for one."""
        from activeloop.measurements import Assay
        from activeloop.prediction import PRIOR_SCORE

        return self.loop.predicted_assays() or (Assay(PRIOR_SCORE),)

    @property
    def classes(self) -> bool:
        """Whether the teacher predicts probabilities."""
        return [a.goal for a in self.shown] == ["classify"]

    def key(self, student: Path | None, settings: tuple[int, ...]) -> str:
        """Name of the checkpoint's folder: the same for the same command only."""
        from activeloop.screening.scorer import digest_of

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


BARS = {"student": "The student scores", "teacher": "The teacher predicts the shortlist"}


def show(plan: ScreenOptions, found: ScreenResult) -> None:
    """Print the result and the first picks."""
    say(str(found))
    if found.seconds:
        say(f"The student scored {many(round(found.speed), 'candidate')} a second.")
    rows = []
    for rank, name, *numbers, reason in lines(plan, found)[:SHOWN]:
        each = [numbers[i : i + 4] for i in range(0, len(numbers), 4)]
        cells = [
            cell
            for mean, _, low, high in each
            for cell in (shown_number(mean, 4), f"{shown_number(low)} to {shown_number(high)}")
        ]
        rows.append((str(rank), name, *cells, reason))
    names = [a.name for a in plan.shown]
    intervals = [f"{name} 90 % interval" if len(names) > 1 else interval_title(plan.classes) for name in names]
    predicted = [header for pair in zip(names, intervals, strict=True) for header in (f"{pair[0]} predicted", pair[1])]
    title = f"the first {len(rows)} of {many(len(found.picks), 'pick')}"
    show_table(title, ("rank", "candidate", *predicted, "why"), rows)


def lines(plan: ScreenOptions, found: ScreenResult) -> list[tuple[Any, ...]]:
    """Rank, name, mean, standard deviation and interval in each assay's unit, and reason of each pick."""
    rows = []
    for rank, (name, pick) in enumerate(zip(found.names, found.picks, strict=True), 1):
        numbers = []
        for assay, (mean, sd, low, high) in zip(plan.shown, pick.each, strict=True):
            numbers += [assay.sign * mean, sd, *sorted((assay.sign * low, assay.sign * high))]
        rows.append((rank, name, *numbers, pick.reason))
    return rows


def write(out: Path, plan: ScreenOptions, found: ScreenResult) -> None:
    """Write the picks as a table, and a report beside it."""
    from activeloop.files import csv_text, write_whole
    from activeloop.prediction import column_names

    header = ("rank", "candidate", *(name for a in plan.shown for name in column_names(a.name, plan.classes)), "reason")
    write_whole(out, csv_text(header, lines(plan, found)))
    agreed = f"Spearman of student and teacher on the random sample off the shortlist: {found.fidelity:.3f}"
    report = [
        f"Screened: {plan.pool.describe()}",
        str(found),
        f"The student scored {found.speed:,.0f} candidates a second.",
        *([agreed] if found.fidelity == found.fidelity else []),
        "",
        "left out, by the student\tcandidates\trescored by its teacher\tamong its best",
        *(f"{s.name}\t{s.size}\t{s.sampled}\t{s.above}" for s in found.misses.strata),
    ]
    write_whole(out.with_suffix(".txt"), "\n".join(report) + "\n")
