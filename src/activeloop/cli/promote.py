"""`activeloop promote`: make a version current."""

from __future__ import annotations

from typing import Annotated

import typer

from activeloop.cli.terminal import Folder, Reason, next_step, opened, say

VERSION = typer.Argument(metavar="[VERSION]", help="Number of the version; all are listed without.")


def promote(directory: Folder, version: Annotated[int | None, VERSION] = None, reason: Reason = "") -> None:
    """Make a version current: one that was held back, or an earlier one. It predicts and proposes from then on."""
    from activeloop.desk.versions import promote as promoted
    from activeloop.desk.versions import versions

    loop = opened(directory, "" if version is None else "Nothing was changed.")
    if version is None:
        listed = versions(loop)
        say("Versions:" if listed else "No version was fitted yet.")
        for one in listed:
            words = " (current)" if one.current else f" (held back: {one.held_back})" if one.held_back else ""
            v = one.version
            say(f"  {v.number}: {v.learner}, {v.created_at[:16].replace('T', ' ')} UTC{words}")
        next_step(f"`activeloop promote {directory} VERSION --reason TEXT`.")
        return
    found = promoted(loop, version, reason)
    if found.changed:
        say(f"Version {found.version.number} is current now ({found.version.learner}).")
    else:
        say(f"Version {found.version.number} is current already: nothing changed.")
    next_step(f"`activeloop propose {directory}` or `activeloop predict {directory}`.")
