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
    before = loop.state().latest
    with fitting():
        version = loop.fit(again=again)
    state = loop.state()
    is_current = not state.current or state.current.number == version.number
    if before and before.number == version.number:
        say(f"Nothing changed since version {version.number}{': it is still current' if is_current else ''}.")
    else:
        say(f"Fitted version {version.number} ({version.learner}).")
    if state.current and not is_current:
        say(current_words(state.current.number, version.number, state.held_back.get(version.number, ""), directory))
    say(version.explanation)
    for name, value in version.metrics.items():
        say(f"  {name.replace('_', ' ')}: {value:.3g}")
    start_distillation(found)
    next_step(f"`activeloop propose {directory}` or `activeloop predict {directory}`.")


def current_words(current: int, latest: int, held_back: str, directory: object) -> str:
    """Why the version that was fitted last is not the one that predicts, in words.

    >>> print(current_words(1, 2, "it ranks 40 results less well", "my"))
    Version 1 stays current, not 2: it ranks 40 results less well. To overrule: `activeloop promote my 2 --reason TEXT`.
    """
    why = held_back or f"version {current} was promoted since"
    return (
        f"Version {current} stays current, not {latest}: {why}. "
        f"To overrule: `activeloop promote {directory} {latest} --reason TEXT`."
    )


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
