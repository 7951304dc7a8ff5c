"""`activeloop record`: store results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from activeloop.cli.terminal import (
    Folder,
    Offset,
    SkipUnreadable,
    next_step,
    opened,
    progress_bar,
    say,
)
from activeloop.words import many, some

if TYPE_CHECKING:
    from activeloop.campaigns.recording import RecordSummary

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
INSTRUMENT = typer.Option(
    "--instrument",
    help="FILE is an export of an instrument's own program (`activeloop readers list` names them); found by itself "
    "where FILE is no table.",
)
QUANTITY = typer.Option(metavar="NAME", help="Which of an instrument's quantities is the result, such as 450 nm.")
REDUCE = typer.Option(metavar="HOW", help="Of an instrument's spectra or courses: maximum, slope 0..600, area, at=450.")
SOFTWARE = typer.Option(metavar="NAME", help="The program that wrote an instrument's file, where it may be of several.")
ASSAY = typer.Option(metavar="NAME", help="The assay that an instrument's quantity is of, where there are several.")
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
    instrument: Annotated[bool, INSTRUMENT] = False,
    quantity: Annotated[str, QUANTITY] = "",
    reduce: Annotated[str, REDUCE] = "",
    software: Annotated[str, SOFTWARE] = "",
    assay: Annotated[str, ASSAY] = "",
) -> None:
    """Store results that came back: the whole file or, if anything is wrong with it, nothing.

    What was understood (columns, units, controls, values far beyond the rest) is said before anything is stored.

    A file that was recorded before is not stored twice; of a spreadsheet that grew, the new rows are.
    """
    from activeloop.desk.record import ReadingOptions, known_words, read_results, stored_words, understood
    from activeloop.desk.record import record as store

    loop = opened(directory, "" if dry_run else "Nothing was stored.")
    called = loop.campaign.pool.called
    how = ReadingOptions(
        columns_of(column or []), sheet, plate, offset, skip_unreadable, instrument, quantity, reduce, software, assay
    )
    with progress_bar("reading") as progress:
        results = read_results(loop, file, how, progress=progress)
    say(understood(results))
    for sentence in results.checks:
        say(f"  {sentence}")
    for sentence in results.notes:
        say(f"Note: {sentence}")
    summary = store(loop, results, replaces=replaces or (), repeats=repeats, dry_run=dry_run)
    if summary.known:
        say(f"Note: {known_words(summary, called)}")
    if summary.replaced:
        say(f"Note: {many(summary.replaced, 'result')} that this file corrects no longer count.")
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
            say(f"Note: {repeated_words(summary, called, str(directory))}")
    elif summary.known:
        say(f"All {many(summary.duplicates, 'row')} of {file} are stored already: nothing was stored.")
    next_step(
        f"`activeloop propose {directory}` fits the model and makes the next plate; `activeloop status {directory}`."
    )


def wanted_words(summary: RecordSummary) -> str:
    """What would be stored."""
    if summary.read_before or not summary.stored:
        return "Nothing of it is new."
    return f"It would store {many(summary.stored, 'result')} of {many(summary.candidates, 'candidate')}."


def repeated_words(summary: RecordSummary, called: Callable[[str], str], directory: str) -> str:
    """Which candidates had a value already, how both count, and what to do where the file is a correction."""
    several = len(summary.repeated) > 1
    events = ", ".join(map(str, summary.repeated_from))
    fixes = ", ".join(f"`activeloop void {directory} {event}`" for event in summary.repeated_from)
    return (
        f"{many(len(summary.repeated), 'candidate')} already had a value (event{'s' * (', ' in events)} {events}): "
        f"{some([called(name) for name in summary.repeated])}. The new ones were stored as repeats, and "
        f"{'their' if several else 'its'} mean counts. If this file corrects the former, take that out: {fixes}."
    )


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
