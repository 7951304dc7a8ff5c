"""`activeloop verify`: whether a campaign is as it was written."""

from __future__ import annotations

from typing import Annotated

import typer

from activeloop.cli.terminal import Folder, next_step, say
from activeloop.words import many

REBUILD = typer.Option("--rebuild", help="First make the tables of results, picks, plates and versions anew.")
#: tables that follow from the events
DERIVED = ("results", "files", "picks", "plates", "versions")


def verify(directory: Folder, rebuild: Annotated[bool, REBUILD] = False) -> None:
    """Check that no event was changed, lost or put in, and that every stored model is whole; ends with 1 otherwise."""
    from activeloop.desk.verify import verify as verified
    from activeloop.store import CampaignFolder

    found = verified(CampaignFolder.open(directory), rebuild=rebuild)
    for problem in found.problems:
        say(f"Wrong: {problem}")
    if found.problems:
        derived = all(problem.partition(" ")[0].strip(",") in DERIVED for problem in found.problems)
        again = f"`activeloop verify {directory} --rebuild` makes these tables anew from the events, which are whole."
        next_step(
            again if derived else "restore the folder from a backup; what was written since then can be recorded again."
        )
        raise typer.Exit(1)
    say(f"As it was written: {many(found.events, 'event')}, {many(found.artifacts, 'stored model')}.")
