"""`activeloop void`: results that were wrong."""

from __future__ import annotations

from typing import Annotated

import typer

from activeloop.cli.terminal import Folder, Reason, many, next_step, opened, say

EVENT = typer.Argument(metavar="[EVENT]", help="Number of the event, as `record` named it; all are listed without.")
ROWS = typer.Option("--row", metavar="N", help="A row of its file, as a spreadsheet counts (default: all).")


def void(
    directory: Folder,
    event: Annotated[int | None, EVENT] = None,
    row: Annotated[list[int] | None, ROWS] = None,
    reason: Reason = "",
) -> None:
    """Declare results wrong: they stay on record and no longer count. Their candidates may be proposed again."""
    loop = opened(directory).campaign
    if event is None:
        say("Results came in with these events:")
        files = {number: source for source, number in _files(loop.log)}
        for number, source in files.items():
            rows = [r for r in loop.state().results if r.event == number]
            voided = sum(r.void is not None for r in rows)
            say(f"  {number}: {many(len(rows), 'result')} from {source or 'no file'}, {voided} voided")
        next_step(f"`activeloop void {directory} EVENT [--row N] --reason TEXT`.")
        return
    count = loop.void(event, row or (), reason)
    say(f"Voided {many(count, 'result')} of event {event}." if count else "They were voided already: nothing changed.")
    next_step(f"`activeloop propose {directory}` fits the model anew without them.")


def _files(log: object) -> list[tuple[str, int]]:
    from activeloop.campaigns import EventLog, Measured

    assert isinstance(log, EventLog)
    return [(r.event.source, r.sequence) for r in log if isinstance(r.event, Measured)]
