"""`activeloop assess`: whether to go on or to stop."""

from __future__ import annotations

from typing import Annotated

import typer

from activeloop.cli.status import validation_words
from activeloop.cli.terminal import Folder, next_step, opened, say

N = typer.Option("-n", "--number", help="Size of the next round (default: that of the last proposal).")


def assess(directory: Folder, number: Annotated[int | None, N] = None) -> None:
    """Assess stopping: the gain of the last round, the expected gain of the next, and whether to go on."""
    loop = opened(directory)
    loop.check_available()
    found = loop.campaign.assess(number)
    unit = loop.config.assays[0].unit
    gained = f", {found.gained:+.3g} in the last round" if found.gained == found.gained else ""
    say(
        f"Best of {found.measured:,} after {found.round} rounds: {found.best_name}, {found.best:.4g} {unit}".rstrip()
        + gained
    )
    say(f"Prospective validation: {validation_words(found.validation)}.")
    if found.cost is not None:
        say(f"Cost so far: {found.cost:,.2f} for {found.wells:,} wells; {found.next_cost:,.2f} for the next round.")
    next_step(found.sentence)
