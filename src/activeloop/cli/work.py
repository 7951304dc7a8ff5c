"""`activeloop work`: fit and distil by itself whenever results come in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from activeloop.cli.terminal import say
from activeloop.words import many

PLACES = typer.Argument(
    metavar="DIR|URL...", envvar="DATABASE_URL", help="Folders of campaigns, or stores of many (postgresql://...)."
)
ONCE = typer.Option("--once", help="End when nothing is due any more.")
QUIET = typer.Option(metavar="SECONDS", help="Wait this long after the last result, for plates that arrive in pieces.")
SECONDS = typer.Option(metavar="N", help="Seconds that a fit or a student may take.")
MEMORY = typer.Option(metavar="MIB", help="Memory that its process may take, in MiB (default: any).")
ARTIFACTS = typer.Option(
    metavar="DIR|URL", envvar="ARTIFACTS", help="Of a store: where its models are (a folder, s3://, gs://, az://)."
)
CACHE = typer.Option(
    metavar="DIR", envvar="ACTIVELOOP_WORK", help="Of a store: folder for copies of what its campaigns need."
)


def work(
    places: Annotated[list[str], PLACES],
    once: Annotated[bool, ONCE] = False,
    quiet: Annotated[float, QUIET] = 5.0,
    max_seconds: Annotated[float, SECONDS] = 4 * 3600.0,
    max_memory: Annotated[int | None, MEMORY] = None,
    artifacts: Annotated[str, ARTIFACTS] = "",
    cache: Annotated[Path | None, CACHE] = None,
) -> None:
    """Fit a new version whenever results come in, and train its student where `[student] auto` is set.

    Runs until it is stopped. Several may work at once, also on several machines: each piece of work is done once.
    """
    from activeloop.errors import InputError
    from activeloop.work import Place, Timing, Worker
    from activeloop.work.worker import stop_on_signals

    if quiet < 0 or max_seconds <= 0 or (max_memory is not None and max_memory <= 0):
        raise InputError(
            "--quiet must not be below 0, --max-seconds and --max-memory must be above. Nothing was begun."
        )
    timing = Timing(quiet=quiet, longest=max(60.0, quiet))
    worker = Worker([Place(p, artifacts, str(cache or "")) for p in places], timing, max_seconds, max_memory)
    stop_on_signals(worker)
    if not once:
        say("Waiting for results; Ctrl-C ends it, and what is being done is done anew by the next.")
    done = worker.run(say, once=once)
    say(f"Done: {many(done, 'piece')} of work.")
