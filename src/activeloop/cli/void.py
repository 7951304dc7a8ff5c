"""`activeloop void`: declare results wrong."""

from __future__ import annotations

from typing import Annotated

import typer

from activeloop.cli.terminal import Folder, Reason, next_proposal, next_step, opened, say
from activeloop.words import many

EVENT = typer.Argument(metavar="[EVENT]", help="Number of the event, as `record` named it; all are listed without.")
ROWS = typer.Option("--row", metavar="N", help="A row of its file, as a spreadsheet counts (default: all).")


def void(
    directory: Folder,
    event: Annotated[int | None, EVENT] = None,
    row: Annotated[list[int] | None, ROWS] = None,
    reason: Reason = "",
) -> None:
    """Declare results wrong: they stay on record and no longer count. Their candidates may be proposed again."""
    from activeloop.campaigns import Measured

    found = opened(directory, "" if event is None else "Nothing was voided.")
    loop = found.campaign
    if event is None:
        say("Results came in with these events:")
        files = {r.sequence: r.event.source for r in loop.log if isinstance(r.event, Measured)}
        results = loop.state().results
        for number, source in files.items():
            rows = [r for r in results if r.event == number]
            voided = sum(r.void is not None for r in rows)
            say(f"  {number}: {many(len(rows), 'result')} from {source or 'no file'}, {voided} voided")
        next_step(f"`activeloop void {directory} EVENT [--row N] --reason TEXT`.")
        return
    count = loop.void(event, row or (), reason)
    say(
        f"Voided {many(count, 'result')} of event {event}."
        if count
        else "All of them were voided before: nothing changed."
    )
    next_proposal(found, directory, "fits the model anew without them")
