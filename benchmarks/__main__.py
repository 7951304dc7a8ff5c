"""`python -m benchmarks SUITE`: compute the figures of docs/results anew."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NoReturn

import click
import typer
from typer.core import TyperGroup

from activeloop.cli.replay import JOBS
from activeloop.errors import ActiveLoopError, ConfigError, InputError
from benchmarks.options import OUT, WORK, names_of, working
from benchmarks.suites import AnySuite, BudgetSuite, FoldSuite, Suite, find_suites, suites

#: suites with options of their own; each is the function `command` of its module
OWN = ("calibration", "compute", "cost", "draws", "kill", "parameters", "prior")
#: suites of students, which take the options of the others
TAUGHT = ("students", "screen")

SETS = typer.Option(metavar="NAMES", help="Only these sets, joined by commas.")
SEEDS = typer.Option(help="Another number of seeds than the suite's.")
LABELS = typer.Option(metavar="NUMBERS", help="Where labels are few: only so many, joined by commas.")
LEARNERS = typer.Option(metavar="NAMES", help="Only these learners (of students and screen: teachers).")
LIMIT = typer.Option(
    metavar="N", help="Folds: at most so many candidates of a set, drawn at random; screen: of the large screen."
)


class Suites(TyperGroup):
    """The group of all suites."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All names."""
        return [*suites(), "defaults", *TAUGHT, *OWN, "all"]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A suite as a command; imports what it needs."""
        if cmd_name not in OWN:
            return _command(cmd_name, suite, _question(cmd_name))
        function = import_module(f"benchmarks.{cmd_name}").command
        return function if isinstance(function, click.Command) else _command(cmd_name, function)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The list in `--help`."""
        with formatter.section("Suites"):
            formatter.write_dl([(name, self.get_command(ctx, name).help) for name in self.list_commands(ctx)])


def _command(name: str, function: Callable[..., None], told: str | None = None) -> Any:
    single = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    single.command(name, help=told)(function)
    command = typer.main.get_command(single)
    command.name = name
    return command


def _question(name: str) -> str:
    told = {
        "all": "Every suite that takes the same options, one after the other.",
        "defaults": "The comparisons behind the product's defaults.",
        "students": "What does a small student keep of its teacher?",
        "screen": "What does a cascade miss, and what does it cost?",
    }
    return told.get(name) or (suites()[name].question if name in suites() else "")


app = typer.Typer(
    name="benchmarks", cls=Suites, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)


@app.callback()
def benchmarks() -> None:
    """Compute the figures of docs/results anew: replay or predict the sets of a suite, write tables and a page."""


def suite(
    ctx: typer.Context,
    sets: Annotated[str, SETS] = "",
    seeds: Annotated[int | None, SEEDS] = None,
    labels: Annotated[str, LABELS] = "",
    learners: Annotated[str, LEARNERS] = "",
    limit: Annotated[int | None, LIMIT] = None,
    jobs: Annotated[int | None, JOBS] = None,
    work: Annotated[Path, WORK] = Path("replays"),
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """Replay or predict all sets of a suite and write one table and one page about them."""
    name, chosen, who = str(ctx.info_name), names_of(sets), names_of(learners)
    if not all(part.isdigit() and int(part) for part in names_of(labels)):
        raise ConfigError(f'--labels "{labels}": give whole numbers joined by commas. Nothing was computed.')
    budgets = tuple(int(part) for part in names_of(labels))
    options = {"sets": sets, "seeds": seeds, "labels": labels, "learners": learners, "limit": limit}
    told = "".join(f" --{key} {value}" for key, value in options.items() if value)
    for each in find_suites(name, chosen, seeds, budgets, who) if name not in TAUGHT else ():
        run(each, limit, jobs, work / each.name, out / each.name, f"python -m benchmarks {each.name}{told}")
    if name in ("students", "all"):
        from benchmarks import taught

        asked = taught.student_suite(chosen, budgets, who, seeds)
        taught.students(asked, jobs, work / "students", out / "students", f"python -m benchmarks students{told}")
    if name in ("screen", "all"):
        from benchmarks import taught

        asked = taught.screen_suite(who, seeds, limit)
        taught.screens(asked, jobs, work / "screen", out / "screen", f"python -m benchmarks screen{told}")


def run(suite: AnySuite, limit: int | None, jobs: int | None, work: Path, out: Path, command: str) -> None:
    """One suite: what `work` does not hold yet is computed, and the page is written."""
    if isinstance(suite, Suite):
        _replays(suite, jobs, work, out, command)
    elif isinstance(suite, FoldSuite):
        _folds(suite, limit, jobs, work, out, command)
    else:
        _budgets(suite, jobs, work, out, command)


def _replays(suite: Suite, jobs: int | None, work: Path, out: Path, command: str) -> None:
    from activeloop.cli.replay import run as replay
    from activeloop.replay import Source
    from benchmarks.learners import policy_of
    from benchmarks.suite_results import write_suite

    places = {}
    for name in suite.sets:
        places[name] = work / name
        replay(Source(name), suite.protocol, suite.policies, suite.seeds, jobs, places[name], policy_of)
        write_suite(out, suite, places, command)  # After each set, so that a long suite can be looked at.


def _folds(suite: FoldSuite, limit: int | None, jobs: int | None, work: Path, out: Path, command: str) -> None:
    from activeloop.cli.evaluate import run as evaluate
    from activeloop.replay import Source
    from activeloop.replay.evaluation import Evaluation
    from benchmarks.suite_results import write_fold_suite

    places = {}
    for name in suite.sets:
        for rule in suite.rules:
            place = places[name, rule] = work / f"{name}-{rule}-{limit or 'all'}"
            if not (place / "report.html").exists():
                evaluate(Source(name), Evaluation(rule, limit=limit), suite.learners, jobs, place)
    write_fold_suite(out, suite, places, command)


def _budgets(suite: BudgetSuite, jobs: int | None, work: Path, out: Path, command: str) -> None:
    from collections import Counter

    from activeloop.replay.machine import available_cores
    from benchmarks.budget_results import write_budgets
    from benchmarks.budgets import all_tasks, run_budgets

    tasks = all_tasks(suite)
    with working(work, Counter(task.learner for task in tasks), "fits") as done:
        results, failures = run_budgets(tasks, work, jobs or available_cores(), lambda task: done(task.learner))
    write_budgets(out, suite, results, failures, command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one suite and end the process, with the exit statuses of `activeloop`.

    Args:
        arguments: those of the command line when None.
    """
    command = typer.main.get_command(app)
    try:
        command.main(args=list(arguments) if arguments is not None else None, prog_name="python -m benchmarks")
    except ActiveLoopError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(2 if isinstance(error, InputError) else 1)
    sys.exit(0)


if __name__ == "__main__":
    main()
