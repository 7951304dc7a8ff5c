"""`activeloop work`: fit and distil by itself whenever results come in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from activeloop import tracing
from activeloop.cli.terminal import note, say
from activeloop.words import many

if TYPE_CHECKING:
    from activeloop.work.kinds import WorkKind
    from activeloop.work.processes import Runner

PLACES = typer.Argument(
    metavar="DIR|URL...", envvar="DATABASE_URL", help="Folders of campaigns, or stores of many (postgresql://...)."
)
ONCE = typer.Option("--once", help="End when nothing is due any more.")
QUIET = typer.Option(metavar="SECONDS", help="Wait this long after the last result, for plates that arrive in pieces.")
SECONDS = typer.Option(metavar="N", help="Seconds that a fit or a student may take.")
MEMORY = typer.Option(metavar="MIB", help="Memory that its process may take, in MiB (default: any).")
RUNNER = typer.Option(
    metavar="process|kubernetes", help="What does the work: a child process, or a Job of the cluster this runs in."
)
JOBS = typer.Option(
    metavar="DIR", envvar="ACTIVELOOP_JOBS", help="With --runner kubernetes: a Job for each kind of work (fit.yaml)."
)
AT_ONCE = typer.Option(metavar="N", help="With --runner kubernetes: Jobs at a time.")
ONLY = typer.Option(
    metavar="KINDS",
    help="Only this work: fit, distil, robot, joined by commas (default: all; with --runner kubernetes all but robot, "
    "since Jobs reach no devices).",
)
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
    runner: Annotated[str, RUNNER] = "process",
    jobs: Annotated[Path | None, JOBS] = None,
    at_once: Annotated[int, AT_ONCE] = 10,
    only: Annotated[str, ONLY] = "",
) -> None:
    """Fit a new version whenever results come in, train its student where `[student] auto` is set, and run its robot.

    Runs until it is stopped. Several may work at once, also on several machines: each piece of work is done once.
    """
    from activeloop.errors import InputError
    from activeloop.work import Place, Timing, Worker
    from activeloop.work.worker import stop_on_signals

    if quiet < 0 or max_seconds <= 0 or at_once <= 0 or (max_memory is not None and max_memory <= 0):
        raise InputError(
            "--quiet must not be below 0, --max-seconds, --max-memory and --at-once must be above. Nothing was begun."
        )
    timing = Timing(quiet=quiet, longest=max(60.0, quiet))
    kinds = kinds_of(only, runner)
    chosen = runner_of(runner, places, jobs, at_once, max_seconds, max_memory)
    worker = Worker([Place(p, artifacts, str(cache or "")) for p in places], timing, chosen, kinds)
    stop_on_signals(worker)
    if problem := tracing.start("activeloop-worker"):
        note(problem)
    if not once:
        say("Waiting for results; Ctrl-C ends it, and what is being done is done anew by the next.")
    done = worker.run(say, once=once)
    say(f"Done: {many(done, 'piece')} of work.")


def kinds_of(only: str, runner: str) -> tuple[type[WorkKind], ...]:
    """The kinds of work that a worker does.

    Args:
        only: names of some, joined by commas; "" = all that its runner can do.
        runner: what does the work.

    Raises:
        InputError: there is no such kind, or the runner cannot do it.
    """
    from activeloop.errors import InputError
    from activeloop.work import KINDS
    from activeloop.work.kinds import RobotRounds

    # a Job takes a minute to begin, and reaches no device of a laboratory: robots are run by workers beside them
    can = {kind.name: kind for kind in KINDS if runner == "process" or kind is not RobotRounds}
    named = [name.strip() for name in only.split(",")] if only else list(can)
    for name in named:
        if name not in can:
            there = ", ".join(can)
            raise InputError(f'--only "{name}": a worker with --runner {runner} does {there}. Nothing was begun.')
    return tuple(can[name] for name in dict.fromkeys(named))


def runner_of(
    name: str, places: Sequence[str], jobs: Path | None, at_once: int, max_seconds: float, max_memory: int | None
) -> Runner:
    """What does the work.

    Raises:
        InputError: there is no such runner, or it does not go with the other options.
    """
    from activeloop.errors import InputError
    from activeloop.work.processes import ProcessRunner

    if name == "process":
        return ProcessRunner(max_seconds, max_memory)
    if name != "kubernetes":
        raise InputError(f'--runner "{name}": choose process or kubernetes. Nothing was begun.')
    from activeloop.work.jobs import JobRunner

    if len(places) != 1 or "://" not in places[0]:
        problem = "--runner kubernetes looks after one store, on a server that Jobs reach, too (postgresql://...)."
        raise InputError(f"{problem} Nothing was begun.")
    if jobs is None:
        raise InputError("--runner kubernetes needs --jobs DIR, with a Job for each kind of work. Nothing was begun.")
    if max_memory is not None:
        raise InputError("--max-memory is said by the Jobs (resources) with --runner kubernetes. Nothing was begun.")
    return JobRunner(jobs, None, at_once, max_seconds)
