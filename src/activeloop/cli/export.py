"""`activeloop export`: a campaign as tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from activeloop.cli.terminal import Folder, next_step, note, opened, say

OUT = typer.Option(metavar="FOLDER", help="Where to write them; made when it is missing.")
FORMAT = typer.Option("--format", help="csv, json, or parquet (needs pyarrow or polars).")


def export(
    directory: Folder,
    out: Annotated[Path, OUT],
    form: Annotated[Literal["csv", "parquet", "json"], FORMAT] = "csv",
) -> None:
    """Write everything of a campaign as tables: results, predictions, proposals, plates, versions, events.

    results.csv is read by `record` of another campaign to the same data.
    """
    from activeloop.desk.export import export as write

    found = write(opened(directory), out, form)
    for path, rows in found.files.items():
        say(f"Written: {path} ({rows:,} rows)")
    if found.note:
        note(found.note)
    taken = f"; `activeloop record OTHER {out / 'results.csv'}` takes the results into another campaign"
    next_step(f"read them anywhere{taken if form == 'csv' else ''}.")
