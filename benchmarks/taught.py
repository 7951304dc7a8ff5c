"""The suites of students and of screens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.options import working

if TYPE_CHECKING:
    from benchmarks.screens_suite import ScreenSuite
    from benchmarks.students_suite import StudentSuite


def student_suite(
    tasks: tuple[str, ...], labels: tuple[int, ...], arms: tuple[str, ...], seeds: int | None
) -> StudentSuite:
    """The suite of students, narrowed; teachers alone have nothing to be compared with, so baselines stay."""
    from benchmarks.students_arms import ALONE, PLAIN
    from benchmarks.students_suite import StudentSuite

    return StudentSuite().narrowed(tasks, labels, tuple(dict.fromkeys((PLAIN, ALONE, *arms))) if arms else (), seeds)


def screen_suite(teachers: tuple[str, ...], seeds: int | None, limit: int | None) -> ScreenSuite:
    """The suite of screens, narrowed."""
    from benchmarks.screens_suite import ScreenSuite

    return ScreenSuite().narrowed(teachers, seeds, limit)


def students(suite: StudentSuite, jobs: int | None, work: Path, out: Path, command: str) -> None:
    """Teach and judge what the folder of single cells does not hold yet, time the files, and write the page."""
    from activeloop.files import write_whole
    from activeloop.replay.machine import available_cores
    from benchmarks.students import run_cells
    from benchmarks.students_arms import Arm, teacher_parameters
    from benchmarks.students_latency import latency_csv, latency_sections, measured_latency
    from benchmarks.students_results import write_students

    cells = [*suite.cells, *suite.ablations]
    with working(work, {"students": len(suite.timed) + len(cells)}, "parts") as done:
        latency = measured_latency(suite.timed, work, lambda task: done("students"))  # first, while nothing else runs
        told, failures = run_cells(cells, work, jobs or available_cores(), lambda cell: done("students"))
    sizes = {arm: teacher_parameters(Arm.read(arm)) for arm in suite.arms}
    write_students(out, suite, told, failures, sizes, command, latency_sections(latency))
    write_whole(out / "latency.csv", latency_csv(latency))


def screens(suite: ScreenSuite, jobs: int | None, work: Path, out: Path, command: str) -> None:
    """Screen what the folder of single parts does not hold yet, and write the page."""
    from activeloop.replay.machine import available_cores
    from benchmarks.screens_results import write_screens
    from benchmarks.screens_suite import run_screens

    threads = jobs or available_cores()
    with working(work, {"screen": len(suite.teachers) + 1 + len(suite.tasks)}, "parts") as done:
        recalls, failures, huge, killed = run_screens(suite, work, threads, lambda: done("screen"))
    write_screens(out, recalls, failures, huge, killed, threads, command)
