"""`activeloop fit`: a new version of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from activeloop.cli.terminal import Folder, fitting, next_step, opened, say

if TYPE_CHECKING:
    from activeloop.config import OpenCampaign

AGAIN = typer.Option("--again", help="Fit anew although nothing changed, for instance when the stored model is lost.")


def fit(directory: Folder, again: Annotated[bool, AGAIN] = False) -> None:
    """Fit a new version to all results that count. `propose` does so by itself."""
    found = opened(directory, "Nothing was fitted.")
    loop = found.campaign
    before = loop.state().version
    with fitting():
        version = loop.fit(again=again)
    if before and before.number == version.number:
        say(f"Nothing changed since version {version.number}: it is still current.")
    else:
        say(f"Fitted version {version.number} ({version.learner}).")
    say(version.explanation)
    for name, value in version.metrics.items():
        say(f"  {name.replace('_', ' ')}: {value:.3g}")
    start_distillation(found)
    next_step(f"`activeloop propose {directory}` or `activeloop predict {directory}`.")


def start_distillation(loop: OpenCampaign) -> None:
    """Start training the version's student where `[student] auto` is set; a failure leaves the fit as it is."""
    version = len(loop.campaign.state().versions)
    if not loop.config.student.auto or not version:
        return
    from activeloop.errors import ActiveLoopError
    from activeloop.work.students import distil_in_background, training

    if training(loop):
        say(f"A student is being trained; one of version {version} follows.")
        return
    try:
        process = distil_in_background(loop, loop.config.student)
    except ActiveLoopError as error:
        say(f"No student is trained: {error}")
        return
    if process:
        say(f"A student of version {version} is trained in the background (process {process}).")
