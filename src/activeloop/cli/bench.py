"""`activeloop bench`: the named suites whose results stand under docs/results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from activeloop.cli.replay import JOBS

if TYPE_CHECKING:
    from activeloop.benchmarks.suites import BudgetSuite, FoldSuite, Suite

NAME = typer.Argument(
    metavar="SUITE|all",
    help="gb1, landscapes, selection, mixing, singles, enamine, docking, learn, folds, layers, depths, guesses, gates, "
    "multiple, quality, informed, domains, students, screen, or all.",
)
SETS = typer.Option(metavar="NAMES", help="Only these sets, joined by commas.")
SEEDS = typer.Option(help="Another number of seeds than the suite's.")
WORK = typer.Option(metavar="DIR", help="Where single replays are kept, so that a stopped suite goes on.")
LABELS = typer.Option(
    metavar="NUMBERS",
    help="Layers, depths, guesses, gates, multiple, quality, informed, domains, students: only so many, joined by "
    "commas.",
)
LEARNERS = typer.Option(
    metavar="NAMES",
    help="Layers, depths, guesses, gates, multiple, quality, informed, domains: only these learners; students, screen: "
    "these teachers; joined by commas.",
)
LIMIT = typer.Option(
    metavar="N", help="Folds: at most so many candidates of a set, drawn at random; screen: of the large screen."
)


def bench(
    name: Annotated[str, NAME],
    sets: Annotated[str, SETS] = "",
    seeds: Annotated[int | None, SEEDS] = None,
    labels: Annotated[str, LABELS] = "",
    learners: Annotated[str, LEARNERS] = "",
    limit: Annotated[int | None, LIMIT] = None,
    jobs: Annotated[int | None, JOBS] = None,
    work: Annotated[Path, WORK] = Path("replays"),
    out: Annotated[Path, typer.Option(metavar="DIR", help="Results go to DIR/SUITE.")] = Path("docs/results"),
) -> None:
    """Replay or evaluate all sets of a suite and write one table and one page about them."""
    from activeloop.benchmarks.suites import FoldSuite, Suite, find_suite, suites
    from activeloop.cli import bench_students as taught
    from activeloop.errors import RecipeError

    chosen, who = parts(sets), parts(learners)
    if not all(part.isdigit() and int(part) for part in parts(labels)):
        raise RecipeError(f'--labels "{labels}": give whole numbers joined by commas. Nothing was computed.')
    budgets = tuple(int(part) for part in parts(labels))
    names = (*suites(), *taught.NAMES) if name == "all" else (name,)
    asked = [find_suite(each, chosen, seeds, budgets, who) for each in names if each not in taught.NAMES]
    options = {"sets": sets, "seeds": seeds, "labels": labels, "learners": learners, "limit": limit}
    told = "".join(f" --{key} {value}" for key, value in options.items() if value)
    for suite in asked:
        command = f"activeloop bench {suite.name}{told}"
        if isinstance(suite, Suite):
            _replays(suite, jobs, work / suite.name, out / suite.name, command)
        elif isinstance(suite, FoldSuite):
            _folds(suite, limit, jobs, work / suite.name, out / suite.name, command)
        else:
            _budgets(suite, jobs, work / suite.name, out / suite.name, command)
    if "students" in names:
        suite = taught.student_suite(chosen, budgets, who, seeds)
        taught.students(suite, jobs, work / "students", out / "students", f"activeloop bench students{told}")
    if "screen" in names:
        suite = taught.screen_suite(who, seeds, limit)
        taught.screens(suite, jobs, work / "screen", out / "screen", f"activeloop bench screen{told}")


def parts(text: str) -> tuple[str, ...]:
    """What commas part, without what is empty.

    >>> parts("a, b,")
    ('a', 'b')
    """
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _replays(suite: Suite, jobs: int | None, work: Path, out: Path, command: str) -> None:
    from activeloop.benchmarks import Source
    from activeloop.benchmarks.suite_results import write_suite
    from activeloop.cli.replay import run

    places = {}
    for name in suite.sets:
        places[name] = work / name
        run(Source(name), suite.protocol, suite.policies, suite.seeds, jobs, places[name])
        write_suite(out, suite, places, command)  # After each set, so that a long suite can be looked at.


def _folds(suite: FoldSuite, limit: int | None, jobs: int | None, work: Path, out: Path, command: str) -> None:
    from activeloop.benchmarks import Source
    from activeloop.benchmarks.evaluation import Evaluation
    from activeloop.benchmarks.suite_results import write_fold_suite
    from activeloop.cli.evaluate import run

    places = {}
    for name in suite.sets:
        for rule in suite.rules:
            place = places[name, rule] = work / f"{name}-{rule}-{limit or 'all'}"
            if not (place / "report.html").exists():
                run(Source(name), Evaluation(rule, limit=limit), suite.learners, jobs, place)
    write_fold_suite(out, suite, places, command)


def _budgets(suite: BudgetSuite, jobs: int | None, work: Path, out: Path, command: str) -> None:
    from collections import Counter

    from rich.console import Console

    from activeloop.benchmarks.budget_results import write_budgets
    from activeloop.benchmarks.budgets import all_tasks, run_budgets
    from activeloop.benchmarks.machine import available_cores
    from activeloop.cli.replay import bars

    tasks = all_tasks(suite)
    done = Counter()
    with bars(Console(stderr=True), Counter(task.learner for task in tasks), "fits") as show:

        def finished(task):
            done[task.learner] += 1
            show(task.learner, done[task.learner])

        try:
            results, failures = run_budgets(tasks, work, jobs or available_cores(), finished)
        except KeyboardInterrupt:
            typer.echo(f"Stopped. What is finished is kept in {work}; the same command goes on from there.", err=True)
            raise typer.Exit(130) from None
    write_budgets(out, suite, results, failures, command)
