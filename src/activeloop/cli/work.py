"""`activeloop work`: fit and distil by itself whenever results come in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from activeloop.cli.terminal import many, say

FOLDERS = typer.Argument(metavar="DIR...", help="Folders of campaigns.")
ONCE = typer.Option("--once", help="End when nothing is due any more.")
QUIET = typer.Option(metavar="SECONDS", help="Wait this long after the last result, for plates that arrive in pieces.")
SECONDS = typer.Option(metavar="N", help="Seconds that a fit or a student may take.")
MEMORY = typer.Option(metavar="MIB", help="Memory that its process may take, in MiB (default: any).")


def work(
    directories: Annotated[list[Path], FOLDERS],
    once: Annotated[bool, ONCE] = False,
    quiet: Annotated[float, QUIET] = 5.0,
    max_seconds: Annotated[float, SECONDS] = 4 * 3600.0,
    max_memory: Annotated[int | None, MEMORY] = None,
) -> None:
    """Fit a new version whenever results come in, and train its student where `[student] auto` is set.

    Runs until it is stopped. Several may work at once, also on several machines: each piece of work is done once.
    """
    from activeloop.errors import InputError
    from activeloop.work import Timing, Worker
    from activeloop.work.worker import stop_on_signals

    if quiet < 0 or max_seconds <= 0 or (max_memory is not None and max_memory <= 0):
        raise InputError(
            "--quiet must not be below 0, --max-seconds and --max-memory must be above. Nothing was begun."
        )
    worker = Worker(directories, Timing(quiet=quiet, longest=max(60.0, quiet)), max_seconds, max_memory)
    stop_on_signals(worker)
    if not once:
        say("Waiting for results; Ctrl-C ends it, and what is being done is done anew by the next.")
    done = worker.run(say, once=once)
    say(f"Done: {many(done, 'piece')} of work.")
