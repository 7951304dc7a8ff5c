"""`activeloop fit`: a new version of the model."""

from __future__ import annotations

from typing import Annotated

import typer

from activeloop.cli.terminal import Folder, next_step, opened, say

AGAIN = typer.Option("--again", help="Fit anew although nothing changed, for instance when the stored model is lost.")


def fit(directory: Folder, again: Annotated[bool, AGAIN] = False) -> None:
    """Fit a new version to all results that count. `propose` does so by itself."""
    loop = opened(directory).campaign
    before = loop.state().version
    version = loop.fit(again=again)
    if before and before.number == version.number:
        say(f"Nothing changed since version {version.number}: it stands.")
    else:
        say(f"Fitted version {version.number} ({version.recipe}).")
    say(version.explanation)
    for name, value in version.metrics.items():
        say(f"  {name.replace('_', ' ')}: {value:.3g}")
    next_step(f"`activeloop propose {directory}` or `activeloop predict {directory}`.")
