"""`activeloop void`: declare results wrong."""

from __future__ import annotations

from typing import Annotated

import typer

from activeloop.cli.terminal import Folder, Reason, next_proposal, next_step, opened, say
from activeloop.words import many

EVENT = typer.Argument(metavar="[EVENT]", help="Number of the event, as `record` named it; all are listed without.")
ROWS = typer.Option("--row", metavar="N", help="A row of its file, as a spreadsheet counts (default: all).")


AFTER = "fits the model anew without them"
"""What `propose` does then."""


def void(
    directory: Folder,
    event: Annotated[int | None, EVENT] = None,
    row: Annotated[list[int] | None, ROWS] = None,
    reason: Reason = "",
) -> None:
    """Declare results wrong: they stay on record and no longer count. Their candidates may be proposed again."""
    from activeloop.desk.history import recorded_files
    from activeloop.desk.steer import void as voided

    loop = opened(directory, "" if event is None else "Nothing was voided.")
    if event is None:
        say("Results came in with these events:")
        for one in recorded_files(loop):
            say(f"  {one.event}: {many(one.results, 'result')} from {one.source or 'no file'}, {one.voided} voided")
        next_step(f"`activeloop void {directory} EVENT [--row N] --reason TEXT`.")
        return
    found = voided(loop, event, row or (), reason)
    show(found.count, event)
    next_proposal(found.outstanding, f"activeloop propose {directory}", AFTER)


def show(count: int, event: int) -> None:
    """Say how many results of an event were voided."""
    say(
        f"Voided {many(count, 'result')} of event {event}."
        if count
        else "All of them were voided before: nothing changed."
    )
