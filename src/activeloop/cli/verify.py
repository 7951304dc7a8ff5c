"""`activeloop verify`: whether a campaign is as it was written."""

from __future__ import annotations

import typer

from activeloop.cli.terminal import Folder, next_step, say
from activeloop.words import many


def verify(directory: Folder) -> None:
    """Check that no event was changed, lost or put in, and that every stored model is whole; ends with 1 otherwise."""
    from activeloop.desk.verify import verify as verified
    from activeloop.store import CampaignFolder

    found = verified(CampaignFolder.open(directory))
    for problem in found.problems:
        say(f"Wrong: {problem}")
    if found.problems:
        next_step("restore the folder from a backup; what was written since then can be recorded again.")
        raise typer.Exit(1)
    say(f"As it was written: {many(found.events, 'event')}, {many(found.artifacts, 'stored model')}.")
