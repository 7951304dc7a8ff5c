"""`activeloop promote`: make a version current."""

from __future__ import annotations

from typing import Annotated

import typer

from activeloop.cli.terminal import Folder, Reason, next_step, opened, say

VERSION = typer.Argument(metavar="[VERSION]", help="Number of the version; all are listed without.")


def promote(directory: Folder, version: Annotated[int | None, VERSION] = None, reason: Reason = "") -> None:
    """Make a version current: one that was held back, or an earlier one. It predicts and proposes from then on."""
    loop = opened(directory, "" if version is None else "Nothing was changed.").campaign
    state = loop.state()
    if version is None:
        current = state.current.number if state.current else 0
        say("Versions:" if state.versions else "No version was fitted yet.")
        for one in state.versions:
            kept = state.held_back.get(one.number, "")
            words = " (current)" if one.number == current else f" (held back: {kept})" if kept else ""
            say(f"  {one.number}: {one.learner}, {one.created_at[:16].replace('T', ' ')} UTC{words}")
        next_step(f"`activeloop promote {directory} VERSION --reason TEXT`.")
        return
    before = state.current
    chosen = loop.promote(version, reason)
    if before == chosen:
        say(f"Version {chosen.number} is current already: nothing changed.")
    else:
        say(f"Version {chosen.number} is current now ({chosen.learner}).")
    next_step(f"`activeloop propose {directory}` or `activeloop predict {directory}`.")
