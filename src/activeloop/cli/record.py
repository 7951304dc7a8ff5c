"""`activeloop record`: store results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from activeloop.cli.terminal import Folder, known_plates, many, next_step, opened, say

FILE = typer.Argument(metavar="FILE", help="CSV, TSV or XLSX with the results: by candidate, by well, or plate-shaped.")
SHEET = typer.Option(help="The sheet of a workbook (default: the first).")
COLUMN = typer.Option(
    metavar="ROLE=NAME",
    help="The column of a role that its name does not show: candidate, well, value ... or an assay.",
)


def record(
    directory: Folder,
    file: Annotated[Path, FILE],
    sheet: Annotated[str | None, SHEET] = None,
    column: Annotated[list[str] | None, COLUMN] = None,
) -> None:
    """Store results that came back: the whole file or, if anything is wrong with it, nothing.

    A file, or a row, that was recorded before is not stored twice.
    """
    from activeloop.measurements import read_measurements

    loop = opened(directory)
    reading = read_measurements(
        file,
        pool=loop.campaign.pool,
        assays=tuple(loop.campaign.assays),
        plates=known_plates(loop.folder.path) or None,
        columns=columns_of(column or []),
        controls=(loop.config.plate.control, "WT"),
        sheet=sheet,
    )
    summary = loop.campaign.record(reading)
    for note in reading.notes:
        say(f"Note: {note}")
    if summary.read_before:
        say(f"{file} was recorded before (event {summary.event}): nothing was stored.")
    elif not summary.stored:
        say(f"All {many(summary.duplicates, 'row')} of {file} are stored already: nothing was stored.")
    else:
        known = f"; {many(summary.duplicates, 'row')} known already" if summary.duplicates else ""
        what = f"{many(summary.stored, 'result')} of {many(summary.candidates, 'candidate')}"
        say(f"Stored {what} from {file} as event {summary.event}{known}.")
    next_step(
        f"`activeloop propose {directory}` fits the model and makes the next plate; `activeloop status {directory}`."
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
