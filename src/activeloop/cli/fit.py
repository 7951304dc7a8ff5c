"""`activeloop fit`: a new version of the model."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from activeloop.cli.terminal import Folder, fitting, next_step, opened, say

if TYPE_CHECKING:
    from activeloop.config import OpenCampaign

AGAIN = typer.Option("--again", help="Fit anew although nothing changed, for instance when the stored model is lost.")


def fit(directory: Folder, again: Annotated[bool, AGAIN] = False) -> None:
    """Fit a new version to all results that count. `propose` does so by itself.

    `torchrun ... --no-python activeloop fit DIR` shares the fit of a foundation model among cards or machines.
    """
    from activeloop.desk.versions import fit as fitted
    from activeloop.desk.versions import fit_together

    loop = opened(directory, "Nothing was fitted.")
    with fitting() as progress:
        together = int(os.environ.get("WORLD_SIZE", "1")) > 1
        found = (fit_together if together else fitted)(loop, again=again, progress=progress)
    if found is None:  # the first process tells
        return
    version = found.version
    is_current = found.current in (0, version.number)
    if found.fresh:
        say(f"Fitted version {version.number} ({version.learner}).")
    else:
        say(f"Nothing changed since version {version.number}{': it is still current' if is_current else ''}.")
    if not is_current:
        say(current_words(found.current, version.number, found.held_back, f"activeloop promote {directory}"))
    say(version.explanation)
    for name, value in version.metrics.items():
        say(f"  {name.replace('_', ' ')}: {value:.3g}")
    start_distillation(loop)
    next_step(f"`activeloop propose {directory}` or `activeloop predict {directory}`.")


def current_words(current: int, latest: int, held_back: str, promote: str) -> str:
    """Why the version that was fitted last is not the one that predicts, in words.

    >>> print(current_words(1, 2, "it ranks 40 results less well", "activeloop promote my"))
    Version 1 stays current, not 2: it ranks 40 results less well. To overrule: `activeloop promote my 2 --reason TEXT`.
    """
    why = held_back or f"version {current} was promoted since"
    return f"Version {current} stays current, not {latest}: {why}. To overrule: `{promote} {latest} --reason TEXT`."


def start_distillation(loop: OpenCampaign) -> None:
    """Start training the version's student where `[student] auto` is set; a failure leaves the fit as it is."""
    current = loop.campaign.state().current
    if not loop.config.student.auto or not current:
        return
    from activeloop.errors import ActiveLoopError
    from activeloop.work.students import distil_in_background, training

    if training(loop):
        say(f"A student is being trained; one of version {current.number} follows.")
        return
    try:
        process = distil_in_background(loop, loop.config.student)
    except ActiveLoopError as error:
        say(f"No student is trained: {error}")
        return
    if process:
        say(f"A student of version {current.number} is trained in the background (process {process}).")
