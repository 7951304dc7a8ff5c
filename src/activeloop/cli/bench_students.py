"""`activeloop bench students` and `activeloop bench screen`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from activeloop.benchmarks.screens_suite import ScreenSuite
    from activeloop.benchmarks.students_suite import StudentSuite

#: suites that are run here
NAMES = ("students", "screen")


def student_suite(
    tasks: tuple[str, ...], labels: tuple[int, ...], arms: tuple[str, ...], seeds: int | None
) -> StudentSuite:
    """The suite of students, narrowed; teachers alone have nothing to be compared with, so baselines stay."""
    from activeloop.benchmarks.students_arms import ALONE, PLAIN
    from activeloop.benchmarks.students_suite import StudentSuite

    return StudentSuite().narrowed(tasks, labels, tuple(dict.fromkeys((PLAIN, ALONE, *arms))) if arms else (), seeds)


def screen_suite(teachers: tuple[str, ...], seeds: int | None, limit: int | None) -> ScreenSuite:
    """The suite of screens, narrowed."""
    from activeloop.benchmarks.screens_suite import ScreenSuite

    return ScreenSuite().narrowed(teachers, seeds, limit)


def students(suite: StudentSuite, jobs: int | None, work: Path, out: Path, command: str) -> None:
    """Teach and judge what the folder of single cells does not hold yet, time the files, and write the page."""
    from activeloop.benchmarks.machine import available_cores
    from activeloop.benchmarks.parts import write_whole
    from activeloop.benchmarks.students import run_cells
    from activeloop.benchmarks.students_arms import Arm, teacher_parameters
    from activeloop.benchmarks.students_latency import latency_csv, latency_sections, measured_latency
    from activeloop.benchmarks.students_results import write_students

    cells = [*suite.cells, *suite.ablations]
    with _working(work, "students", len(suite.timed) + len(cells)) as done:
        latency = measured_latency(suite.timed, work, lambda task: done())  # first, while nothing else runs
        told, failures = run_cells(cells, work, jobs or available_cores(), lambda cell: done())
    sizes = {arm: teacher_parameters(Arm.read(arm)) for arm in suite.arms}
    write_students(out, suite, told, failures, sizes, command, latency_sections(latency))
    write_whole(out / "latency.csv", latency_csv(latency))


def screens(suite: ScreenSuite, jobs: int | None, work: Path, out: Path, command: str) -> None:
    """Screen what the folder of single parts does not hold yet, and write the page."""
    from activeloop.benchmarks.machine import available_cores
    from activeloop.benchmarks.screens_results import write_screens
    from activeloop.benchmarks.screens_suite import run_screens

    threads = jobs or available_cores()
    with _working(work, "screen", len(suite.teachers) + 1 + len(suite.tasks)) as done:
        recalls, failures, huge, killed = run_screens(suite, work, threads, done)
    write_screens(out, recalls, failures, huge, killed, threads, command)


@contextmanager
def _working(work: Path, name: str, total: int) -> Iterator[Callable[[], None]]:
    """A progress bar with the time that is left; Ctrl-C ends with a word on what is kept.

    Yields:
        What is to be called for every part that is done.
    """
    from rich.console import Console

    from activeloop.cli.replay import bars

    done = count(1)
    try:
        with bars(Console(stderr=True), {name: total}, "parts") as show:
            yield lambda: show(name, next(done))
    except KeyboardInterrupt:
        typer.echo(f"Stopped. What is finished is kept in {work}; the same command goes on from there.", err=True)
        raise typer.Exit(130) from None
