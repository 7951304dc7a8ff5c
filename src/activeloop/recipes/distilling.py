"""Teaching the student of a campaign in a folder, here or in a process of its own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from activeloop.campaigns import Campaign, StudentRecord, Teaching
from activeloop.errors import ActiveLoopError, StateError
from activeloop.recipes.building import Opened, open_campaign
from activeloop.recipes.recipe import StudentRecipe
from activeloop.store import Job

NICE = 10
"""How far a process in the background steps back behind others."""


def distilling(folder: Path) -> Job:
    """The job of a campaign's folder."""
    return Job(folder, "distil")


def distil_here(
    loop: Opened,
    settings: StudentRecipe,
    seed: int | None = None,
    *,
    again: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> StudentRecord:
    """Teach a student of the current version; nobody else can meanwhile.

    Args:
        loop: the campaign.
        settings: of the teaching.
        seed: of it; the campaign's own when None.
        again: teach anew also when nothing changed.
        progress: called with (steps done, steps in all).

    Raises:
        StateError: a student is being taught already, or there is no version yet.
        ModelError: no student comes of it.
    """
    teaching = _teaching(loop, settings)
    if not loop.campaign.state().versions:
        return loop.campaign.distil(teaching, seed)  # says what is missing, and is no failed job
    with distilling(loop.folder.path).working(_what(loop.campaign)) as work:

        def tell(done: int, total: int) -> None:
            work.progress(done, total)
            if progress:
                progress(done, total)

        student = loop.campaign.distil(teaching, seed, again=again, progress=tell)
        work.tell(f"student {student.number} of version {student.version}")
        return student


def distil_in_background(
    loop: Opened, settings: StudentRecipe, seed: int | None = None, *, again: bool = False
) -> int | None:
    """Start a process that teaches a student of the current version, and of those that come meanwhile.

    It outlives this process. When it is killed, nothing is lost but what it had taught.

    Args:
        loop: the campaign.
        settings: of the teaching.
        seed: of it; the campaign's own when None.
        again: teach anew also when nothing changed.

    Returns:
        The number of the process; None when there is nothing to teach.

    Raises:
        StateError: a student is being taught already, or there is no version yet.
        RecipeError: the settings are wrong.
        StoreError: the process could not be started; its log says why.
    """
    teaching = _teaching(loop, settings)
    if not again and loop.campaign.has_student(teaching, seed):
        return None
    folder = loop.folder.path.absolute()
    order = {"settings": settings.model_dump(), "seed": seed, "again": again}
    return distilling(folder).start(["-m", "activeloop.recipes.distilling", str(folder), json.dumps(order)])


def follow(folder: Path, settings: StudentRecipe, seed: int | None, again: bool) -> None:
    """Teach until the current version has its student; what the process in the background does."""
    student = distil_here(open_campaign(folder), settings, seed, again=again)
    # Whoever fitted a version meanwhile found somebody at work and left the rest to us.
    while (version := open_campaign(folder).campaign.state().version) and version.number > student.version:
        try:
            student = distil_here(open_campaign(folder), settings, seed)
        except StateError:  # somebody else is at it by now
            return


def _teaching(loop: Opened, settings: StudentRecipe) -> Teaching:
    # imported here: whoever only asks how the work stands needs none of it
    from activeloop.recipes.students import teaching_of

    return teaching_of(settings, loop.campaign.pool, str(loop.folder.recipe))


def _what(campaign: Campaign) -> str:
    version = campaign.state().version
    return f"a student of version {version.number if version else 0}"


def main(arguments: Sequence[str]) -> int:
    """Exit status of `python -m activeloop.recipes.distilling DIR ORDER`."""
    if hasattr(os, "nice"):
        os.nice(NICE)
    folder, order = Path(arguments[0]), json.loads(arguments[1])
    try:
        follow(folder, StudentRecipe.model_validate(order["settings"]), order["seed"], order["again"])
    except ActiveLoopError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
