"""`activeloop screen`: a student scores a huge pool, its teacher predicts the best."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from activeloop.cli.terminal import (
    ClusterAddress,
    Folder,
    Offset,
    SharedPlace,
    SkipUnreadable,
    check_file,
    next_step,
    opened,
    prediction_titles,
    progress_bars,
    say,
    show_table,
)
from activeloop.words import many, shown_number

if TYPE_CHECKING:
    from activeloop.desk.screen import Screened

FILE = typer.Argument(metavar="[FILE]", help="Candidates in a CSV, FASTA or .smi file of any length, not the pool.")
NUMBER = typer.Option("-n", "--number", "--n", help="How many candidates to pick.")
STUDENT = typer.Option(metavar="FILE.onnx", help="The student that scores (default: the campaign's own).")
SHORTLIST = typer.Option(metavar="N", help="Size of the shortlist: the student's best, which the model predicts.")
TOP = typer.Option(metavar="N", help="How many of the model's best should be on the shortlist.")
TOLERANCE = typer.Option(metavar="SHARE", help="Accepted miss rate among them; the shortlist grows while it is higher.")
SAMPLE = typer.Option(metavar="N", help="Size of the random sample off the shortlist that estimates the miss rate.")
GROWTH = typer.Option(metavar="X", help="Maximum growth of the shortlist, as a multiple of --shortlist.")
WORKERS = typer.Option("--workers", "--jobs", metavar="N", help="Threads on this machine (default: one for each core).")
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
    cluster: ClusterAddress = None,
    shared: SharedPlace = None,
) -> None:
    """Screen a huge pool: a student scores every candidate, its teacher predicts the best, a plate is picked.

    The campaign is not changed. The same command continues a screen that was stopped or killed, to the same picks.
    """
    from activeloop.desk.screen import ScreenOptions
    from activeloop.desk.screen import screen as screened

    check_file(out, (".csv",), "Nothing was screened.")
    loop = opened(directory, "" if folder else "Nothing was screened; --folder names another place.")
    options = ScreenOptions(
        file,
        student,
        shortlist,
        top,
        tolerance,
        sample,
        max_growth,
        workers,
        column,
        offset,
        skip_unreadable,
        seed,
        folder,
        cluster,
        shared,
    )
    begun: list[Path] = []
    try:
        with progress_bars(BARS, "candidates") as progress:
            found = screened(loop, number, options, out=out, begun=begun.append, progress=progress)
    except KeyboardInterrupt:
        if not begun:
            raise
        say(f"Stopped. The checkpoint is in {begun[0]}; the same command continues from there.")
        raise typer.Exit(130) from None
    for sentence in found.notes:
        say(sentence)
    show(found)
    if found.files:
        say(f"Written: {', '.join(map(str, found.files))}")
    next_step(
        f"`activeloop pin {directory} NAME` puts a pick on the next plate."
        if file is None
        else "order the picks, or make a campaign of them (`activeloop new`)."
    )


BARS = {"student": "The student scores", "teacher": "The teacher predicts the shortlist"}


def show(found: Screened) -> None:
    """Print the result and the first picks."""
    say(found.words)
    if found.seconds:
        say(f"The student scored {many(round(found.speed), 'candidate')} a second.")
    rows = []
    for pick in found.picks[:SHOWN]:
        cells = [
            cell
            for p in pick.predictions
            for cell in (shown_number(p.mean, 4), f"{shown_number(p.low)} to {shown_number(p.high)}")
        ]
        rows.append((str(pick.rank), pick.name, *cells, pick.reason))
    predicted = []
    for a in found.assays:
        predicted += prediction_titles(a, len(found.assays) > 1)
    title = f"the first {len(rows)} of {many(len(found.picks), 'pick')}"
    show_table(title, ("rank", "candidate", *predicted, "why"), rows)
