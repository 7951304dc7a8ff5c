"""`activeloop record`: store results."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from activeloop.cli.terminal import (
    Folder,
    Offset,
    SkipUnreadable,
    controls_named,
    known_plates,
    next_step,
    opened,
    progress_bar,
    say,
)
from activeloop.words import many, some

if TYPE_CHECKING:
    from activeloop.campaigns.recording import RecordSummary
    from activeloop.candidates import Pool
    from activeloop.measurements import ResultsFile

FILE = typer.Argument(metavar="FILE", help="CSV, TSV or XLSX with the results: by candidate, by well, or plate-shaped.")
SHEET = typer.Option(help="The sheet of a workbook (default: the first visible one).")
COLUMN = typer.Option(
    metavar="ROLE=NAME",
    help="The column of a role that its name does not show: candidate, well, value ... or an assay; also decimal=, for "
    "the decimal sign, and block=ROW for one of several plate-shaped blocks.",
)
PLATE = typer.Option(
    metavar="NAME", help="The plate of which the file is, where neither its name nor a cell in it says so (plate-2)."
)
REPLACES = typer.Option(
    metavar="EVENT|FILE", help="This file corrects that one, whose results no longer count; may be given several times."
)
DRY_RUN = typer.Option("--dry-run", help="Only say what was understood and what would be stored; store nothing.")
REPEATS = typer.Option("--repeats", help="All of it was measured again, also what equals or contradicts earlier rows.")


def record(
    directory: Folder,
    file: Annotated[Path, FILE],
    sheet: Annotated[str | None, SHEET] = None,
    column: Annotated[list[str] | None, COLUMN] = None,
    plate: Annotated[str | None, PLATE] = None,
    replaces: Annotated[list[str] | None, REPLACES] = None,
    repeats: Annotated[bool, REPEATS] = False,
    offset: Offset = None,
    skip_unreadable: SkipUnreadable = False,
    dry_run: Annotated[bool, DRY_RUN] = False,
) -> None:
    """Store results that came back: the whole file or, if anything is wrong with it, nothing.

    What was understood (columns, units, controls, values far beyond the rest) is said before anything is stored.

    A file that was recorded before is not stored twice; of a spreadsheet that grew, the new rows are.
    """
    from activeloop.measurements import read_measurements

    loop = opened(directory, "" if dry_run else "Nothing was stored.")
    with progress_bar("reading") as progress:
        reading = read_measurements(
            file,
            pool=loop.campaign.pool,
            assays=tuple(loop.campaign.assays),
            plates=known_plates(loop.folder.path) or None,
            columns=columns_of(column or []),
            controls=(loop.config.plate.control, "WT"),
            sheet=sheet,
            offset=offset,
            skip_unreadable=skip_unreadable,
            progress=progress,
            plate=plate,
        )
    say(understood(reading))
    for sentence in reading.checks:
        say(f"  {sentence}")
    for sentence in reading.notes:
        say(f"Note: {sentence}")
    said = partial(before_storing, pool=loop.campaign.pool)
    summary = loop.campaign.record(reading, replaces=replaces or (), repeats=repeats, dry_run=dry_run, prepare=said)
    if summary.read_before:
        name = loop.campaign.state().sources.get(summary.event or 0, "")
        other = "" if name == str(file) else f", {name}; if it was measured again, record it with --repeats"
        say(f"{file} was recorded before (event {summary.event}{other}): nothing was stored.")
    if dry_run:
        say(f"{wanted_words(summary)} Nothing was stored (--dry-run).")
        if summary.stored:
            next_step(f"`activeloop record {directory} {file}` stores it.")
        return
    if summary.stored:
        say(stored_words(summary, str(file)))
        if summary.repeated:
            say(f"Note: {repeated_words(summary, loop.campaign.pool, str(directory))}")
    elif summary.known:
        say(f"All {many(summary.duplicates, 'row')} of {file} are stored already: nothing was stored.")
    next_step(
        f"`activeloop propose {directory}` fits the model and makes the next plate; `activeloop status {directory}`."
    )


def understood(reading: ResultsFile) -> str:
    """How many values a file holds, and what each of its columns was read as."""
    candidates = len({m.candidate for m in reading.measurements if not m.control})
    head = f"{reading.file} holds {many(len(reading.measurements), 'value')} of {many(candidates, 'candidate')}"
    read = [name if name == role else f'"{name}" = {role}' for name, role in reading.columns if role]
    return f"{head}. Columns: {'; '.join(read)}."


def before_storing(summary: RecordSummary, pool: Pool) -> None:
    """What a file comes to beside the results on record."""
    if summary.known:
        say(f"Note: {known_words(summary, pool)}")
    if summary.replaced:
        say(f"Note: {many(summary.replaced, 'result')} that this file corrects no longer count.")


def wanted_words(summary: RecordSummary) -> str:
    """What would be stored."""
    if summary.read_before or not summary.stored:
        return "Nothing of it is new."
    return f"It would store {many(summary.stored, 'result')} of {many(summary.candidates, 'candidate')}."


def known_words(summary: RecordSummary, pool: Pool) -> str:
    """Which rows were stored before, and with which events."""
    events = f"event{'s' * (len(summary.known_from) > 1)} {', '.join(map(str, summary.known_from))}"
    named = [f"{f'row {m.row} ' if m.row else ''}{pool.called(m.candidate)}" for m in summary.known]
    loose = any(not m.well for m in summary.known)
    fix = " If they were measured again, record the file with --repeats." if loose else ""
    return f"{many(len(named), 'row')} known from {events}, not stored again: {some(named)}.{fix}"


def repeated_words(summary: RecordSummary, pool: Pool, directory: str) -> str:
    """Which candidates had a value already, how both count, and what to do where the file is a correction."""
    several = len(summary.repeated) > 1
    events = ", ".join(map(str, summary.repeated_from))
    fixes = ", ".join(f"`activeloop void {directory} {event}`" for event in summary.repeated_from)
    return (
        f"{many(len(summary.repeated), 'candidate')} already had a value (event{'s' * (', ' in events)} {events}): "
        f"{some([pool.called(name) for name in summary.repeated])}. The new ones were stored as repeats, and "
        f"{'their' if several else 'its'} mean counts. If this file corrects the former, take that out: {fixes}."
    )


def stored_words(summary: RecordSummary, file: str) -> str:
    """How much was stored, and what part of it is about controls or without a value.

    >>> from activeloop.campaigns.recording import RecordSummary
    >>> stored_words(RecordSummary("r.csv", 12, 0, 2, 10, False, (), ("WT",), 2, failed=1), "r.csv")
    'Stored 12 results of 10 candidates from r.csv as event 2. 2 of them of the control WT, 1 without value.'
    """
    parts = [f"{summary.control_rows:,} of them of {controls_named(summary.controls)}"] if summary.controls else []
    parts += [f"{summary.failed:,} without value"] if summary.failed else []
    beside = f" {', '.join(parts)}." if parts else ""
    what = f"{many(summary.stored, 'result')} of {many(summary.candidates, 'candidate')}"
    return f"Stored {what} from {file} as event {summary.event}.{beside}"


def columns_of(pairs: list[str]) -> dict[str, str] | None:
    """Roles and columns from `ROLE=NAME`.

    >>> columns_of(["value=OD600"])
    {'value': 'OD600'}
    """
    columns = {}
    for pair in pairs:
        role, equals, name = pair.partition("=")
        if not equals or not role.strip() or not name.strip():
            from activeloop.errors import ConfigError

            raise ConfigError(f'--column "{pair}" is not ROLE=NAME, such as value=OD600.')
        columns[role.strip()] = name.strip()
    return columns or None
