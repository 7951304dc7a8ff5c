"""Results that came back: what was understood of a file, and storing it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from activeloop.campaigns.recording import RecordSummary
from activeloop.config import OpenCampaign
from activeloop.desk.propose import known_plates
from activeloop.errors import InputError, MeasurementError
from activeloop.measurements import Measurement, ResultsFile
from activeloop.words import controls_named, many, some

#: names that count as the wild type's control in every campaign
WILD_TYPE = "WT"


@dataclass(frozen=True)
class ReadingOptions:
    """How a table of results is read, where it does not show it.

    Args:
        columns: role (`candidate`, `well`, `value` ...) or assay -> column; also `decimal` and `block`.
        sheet: of a workbook; the first visible one when None.
        plate: id of the plate of which the file is.
        offset: added to the positions in names; the campaign's when None.
        skip_unreadable: leave out rows whose candidate cannot be read.
    """

    columns: dict[str, str] | None = None
    sheet: str | None = None
    plate: str | None = None
    offset: int | None = None
    skip_unreadable: bool = False


@dataclass(frozen=True)
class RowProblem:
    """What is wrong with a row.

    Args:
        row: as a spreadsheet counts it; None where it is the file as a whole.
        problem: what is wrong and what to do.
    """

    row: int | None
    problem: str


@dataclass(frozen=True)
class ReadColumn:
    """A column of a file.

    Args:
        name: its header.
        role: what it was read as; "" where it was not read.
        unit: of the campaign's assay in which its values are stored; "" for other roles.
    """

    name: str
    role: str
    unit: str


@dataclass(frozen=True)
class ReadWell:
    """A value of a file, or a well without one.

    Args:
        candidate: its standard notation.
        called: what people call it.
        assay, unit: of the value.
        value: in that unit; NaN for a failed well.
        qualifier: `=`, `<` or `>`.
        plate, well, replicate, control: as in `Measurement`.
        row: as a spreadsheet counts it.
        failed: the text that stood in place of a value; "" where there is one.
    """

    candidate: str
    called: str
    assay: str
    unit: str
    value: float
    qualifier: str
    plate: str
    well: str
    replicate: int
    control: bool
    row: int
    failed: str


@dataclass(frozen=True)
class ResultsPreview:
    """What storing a file would do; nothing was stored.

    Args:
        file, content_hash: of it; the same content has the same hash.
        values, failed, candidates: how many were read, controls left out of the last.
        columns: what each was read as.
        wells: what was read, the first of many.
        checks: on controls, and on values far beyond the rest, in sentences.
        notes: what was converted, limited, numbered or not read, in sentences.
        problems: for which nothing can be stored; () when all is well.
        skippable: whether leaving out unreadable rows would help.
        summary: what would be stored; None where there are problems.
    """

    file: str
    content_hash: str
    values: int
    failed: int
    candidates: int
    columns: tuple[ReadColumn, ...]
    wells: tuple[ReadWell, ...]
    checks: tuple[str, ...]
    notes: tuple[str, ...]
    problems: tuple[RowProblem, ...]
    skippable: bool
    summary: RecordSummary | None

    @property
    def good(self) -> bool:
        """Whether it can be stored as it is."""
        return not self.problems


def read_results(
    loop: OpenCampaign,
    source: Any,
    how: ReadingOptions | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> ResultsFile:
    """Read a file of results for a campaign; nothing is stored.

    Args:
        loop: the campaign.
        source: a file, a DataFrame or a table.
        how: it is read.
        progress: called with (cells read, cells in all) from time to time in a long file.

    Raises:
        TableError: the file cannot be read as a table.
        MeasurementError: rows cannot be attached to what was tested; its `rows` name them all.
    """
    how = how or ReadingOptions()
    plates, notes = known_plates(loop)
    found = loop.campaign.read(
        source,
        plates=plates or None,
        columns=how.columns,
        controls=(loop.config.plate.control, WILD_TYPE),
        sheet=how.sheet,
        offset=how.offset,
        skip_unreadable=how.skip_unreadable,
        progress=progress,
        plate=how.plate,
    )
    return found if not notes else _noted(found, notes)


def preview_results(
    loop: OpenCampaign,
    source: Any,
    how: ReadingOptions | None = None,
    *,
    replaces: Sequence[int | str] = (),
    repeats: bool = False,
    most: int = 2_000,
    progress: Callable[[int, int], None] | None = None,
) -> ResultsPreview:
    """What storing a file would do, its wrong rows as data; nothing is stored.

    Args:
        loop: the campaign.
        source: a file, a DataFrame or a table.
        how: it is read.
        replaces: events or files that this one corrects.
        repeats: all of it was measured again.
        most: wells that are listed.
        progress: called with (cells read, cells in all) from time to time in a long file.
    """
    try:
        found = read_results(loop, source, how, progress=progress)
    except InputError as error:
        skippable = isinstance(error, MeasurementError) and "skip_unreadable" in error.problem
        name = error.file or (str(source) if isinstance(source, (str, Path)) else "")
        return ResultsPreview(name, "", 0, 0, 0, (), (), (), (), _problems(error), skippable, None)
    units = {a.name: a.unit for a in loop.campaign.assays}
    columns = tuple(ReadColumn(name, role, units.get(role, "")) for name, role in found.columns)
    read_only = (
        found.file,
        found.content_hash,
        len(found.measurements),
        len(found.failed_wells),
        candidates_in(found),
        columns,
        _wells(loop, found, units, most),
        found.checks,
        found.notes,
    )
    try:
        summary = loop.campaign.record(found, replaces=replaces, repeats=repeats, dry_run=True)
    except InputError as error:
        return ResultsPreview(*read_only, _problems(error), False, None)
    return ResultsPreview(*read_only, (), False, summary)


def record(
    loop: OpenCampaign,
    results: ResultsFile | Sequence[Measurement],
    source: str = "",
    *,
    replaces: Sequence[int | str] = (),
    repeats: bool = False,
    dry_run: bool = False,
) -> RecordSummary:
    """Store results, all or nothing; what is stored already is not stored again.

    Args:
        loop: the campaign.
        results: what `read_results` gave, or single measurements.
        source: the file's name, or what stands for it.
        replaces: events or files that this one corrects: their results no longer count.
        repeats: all of it was measured again, also what equals or contradicts earlier rows.
        dry_run: store nothing; the summary says what would be stored.

    Raises:
        MeasurementError: a row fits neither pool nor assays, contradicts a stored well, or may be a correction or a
            repeat; nothing was stored.
        InputError: there is nothing to replace; nothing was stored.
    """
    return loop.campaign.record(results, source, replaces=replaces, repeats=repeats, dry_run=dry_run)


def candidates_in(results: ResultsFile) -> int:
    """How many candidates a file has values of, controls left out."""
    return len({m.candidate for m in results.measurements if not m.control})


def understood(results: ResultsFile) -> str:
    """How many values a file holds, and what each of its columns was read as, in words."""
    head = f"{results.file} holds {many(len(results.measurements), 'value')} of "
    columns = [name if name == role else f'"{name}" = {role}' for name, role in results.columns if role]
    return f"{head}{many(candidates_in(results), 'candidate')}. Columns: {'; '.join(columns)}."


def known_words(summary: RecordSummary, called: Callable[[str], str]) -> str:
    """Which rows were stored before, and with which events."""
    events = f"event{'s' * (len(summary.known_from) > 1)} {', '.join(map(str, summary.known_from))}"
    named = [f"{f'row {m.row} ' if m.row else ''}{called(m.candidate)}" for m in summary.known]
    loose = any(not m.well for m in summary.known)
    fix = " If they were measured again, record the file with --repeats." if loose else ""
    return f"{many(len(named), 'row')} known from {events}, not stored again: {some(named)}.{fix}"


def stored_words(summary: RecordSummary, file: str) -> str:
    """How much was stored, and what part of it is about controls or without a value.

    >>> stored_words(RecordSummary("r.csv", 12, 0, 2, 10, False, (), ("WT",), 2, failed=1), "r.csv")
    'Stored 12 results of 10 candidates from r.csv as event 2. 2 of them of the control WT, 1 without value.'
    """
    parts = [f"{summary.control_rows:,} of them of {controls_named(summary.controls)}"] if summary.controls else []
    parts += [f"{summary.failed:,} without value"] if summary.failed else []
    beside = f" {', '.join(parts)}." if parts else ""
    what = f"{many(summary.stored, 'result')} of {many(summary.candidates, 'candidate')}"
    return f"Stored {what} from {file} as event {summary.event}.{beside}"


def _problems(error: InputError) -> tuple[RowProblem, ...]:
    rows = error.rows if isinstance(error, MeasurementError) else ()
    return tuple(RowProblem(row, problem) for row, problem in rows) or (RowProblem(error.row, error.problem),)


def _noted(results: ResultsFile, notes: Sequence[str]) -> ResultsFile:
    return replace(results, notes=(*notes, *results.notes))


def _wells(loop: OpenCampaign, found: ResultsFile, units: Mapping[str, str], most: int) -> tuple[ReadWell, ...]:
    called = loop.campaign.pool.called
    wells = [
        ReadWell(
            m.candidate,
            m.candidate if m.control else called(m.candidate),
            m.assay,
            units.get(m.assay, ""),
            m.value,
            m.qualifier,
            m.plate,
            m.well,
            m.replicate,
            m.control,
            m.row,
            "",
        )
        for m in found.measurements[:most]
    ]
    wells += [
        ReadWell(
            w.candidate,
            w.candidate if w.control else called(w.candidate),
            w.assay,
            units.get(w.assay, ""),
            float("nan"),
            "=",
            w.plate,
            w.well,
            w.replicate,
            w.control,
            w.row,
            w.reason,
        )
        for w in found.failed_wells[: most - len(wells)]
    ]
    return tuple(sorted(wells, key=lambda w: w.row))
