"""`activeloop assess`: whether to go on or to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from activeloop.cli.status import front_words, validation_words
from activeloop.cli.terminal import Folder, next_step, opened, say
from activeloop.words import many

if TYPE_CHECKING:
    from activeloop.campaigns import RoundReport

N = typer.Option("-n", "--number", help="Size of the next round (default: that of the last proposal).")


def assess(directory: Folder, number: Annotated[int | None, N] = None) -> None:
    """Assess stopping: the gain of the last round, the expected gain of the next, and whether to go on."""
    from activeloop.desk.versions import assess as assessed

    loop = opened(directory)
    found = assessed(loop, number)
    show(found, loop.campaign.pool.called(found.best_name) if found.best_name else "", len(loop.config.assays) > 1)


def show(found: RoundReport, called: str, several: bool) -> None:
    """Print an assessment.

    Args:
        found: it.
        called: what people call the best candidate.
        several: whether the campaign has several assays.
    """
    rounds = f"after {many(found.round, 'round')}" if found.round else "before the first round"
    if found.front:
        say(f"Front of {found.measured:,} {rounds}: {front_words(found.front)}")
        if found.front.volumes:
            counted = f" ({found.front.counted})" if found.front.counted else ""
            say(f"Volume below it, by round{counted}: {'  '.join(f'{v:.1%}' for v in found.front.volumes)}")
    elif found.assay.goal == "classify":
        say(f"Of {many(found.measured, 'candidate')} {rounds} {found.met or 0:,} are fit.")
    elif found.assay.binary and not several:
        new = f", {found.gained:.0f} of them of the last round" if found.round else ""
        say(f"Of {many(found.measured, 'candidate')} {rounds} {found.met or 0:,} are hits{new}.")
    elif found.best_name:
        gained = f", {found.gained:+.3g} in the last round" if found.gained == found.gained else ""
        within = f", {found.met:,} within the thresholds" if found.met is not None else ""
        value = f"{found.best:.4g} {found.assay.unit}".rstrip()
        name = found.best_name if called == found.best_name else f"{called}, {found.best_name}"
        say(f"Best of {found.measured:,}{within} {rounds}: {name}, {value}{gained}")
    else:
        say(f"Of {many(found.measured, 'candidate')} {rounds} none is known to meet all thresholds.")
    if found.gain and found.gain.extending:
        picks = ", ".join(f"{name} ({chance:.0%})" for name, chance in found.gain.extending)
        say(f"Most likely to extend the front among the next {found.next_size:,}: {picks}.")
    for validation in found.validations or (None,):
        of = f" of {validation.assay}" if validation and several else ""
        say(f"Prospective validation{of}: {validation_words(validation)}.")
    for skill in found.skills:
        say(f"Skill{f' in {skill.assay}' if len(found.skills) > 1 else ''}: {skill}.")
    if found.cost is not None:
        say(f"Cost so far: {found.cost:,.2f} for {found.wells:,} wells; {found.next_cost:,.2f} for the next round.")
    next_step(found.sentence)
