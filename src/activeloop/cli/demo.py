"""`activeloop demo`: a whole campaign against a simulated laboratory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from activeloop.cli.terminal import say

OUT = typer.Option(metavar="DIR", help="A new folder for the campaign and its report; an old demo there is replaced.")


def demo(
    out: Annotated[Path, OUT] = Path("demo-output"),
    seed: Annotated[int, typer.Option(help="Of the first plate, the noise and every choice.")] = 0,
) -> None:
    """Run three rounds on a planted landscape, whose best variant is known, and write a report.

    Every step is one of the verbs that you would type yourself.
    """
    from activeloop.cli.demonstration import demonstrate

    story = demonstrate(out, seed)
    say("")
    say(story.verdict)
    say(f"Report: {story.report}")
    raise typer.Exit(0 if story.found else 1)
