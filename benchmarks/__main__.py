"""`python -m benchmarks SUITE`: compute the figures of docs/results anew."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Annotated, Any, NoReturn

import click
import typer
from typer.core import TyperGroup

from activeloop.cli.evaluate import run as evaluate
from activeloop.cli.replay import run as replay
from activeloop.cli.terminal import Jobs
from activeloop.errors import ActiveLoopError, ConfigError, InputError
from activeloop.executor import available_cores
from activeloop.replay import Source
from activeloop.replay.evaluation import Evaluation, FoldRule
from benchmarks.budgets import all_tasks, budget_result, read_result, run_budget_task
from benchmarks.folds import FoldSuite, fold_result
from benchmarks.learners import policy_of
from benchmarks.options import OUT, WORK, names_of, working
from benchmarks.replays import Suite, suite_result
from benchmarks.results import run_kept
from benchmarks.suites import AnySuite, find_suites, suites

#: suites with options of their own, and their questions; each is the function `command` of its module
OWN = {
    "assays": "Do several assays and thresholds pay?",
    "calibration": "Is stated uncertainty right?",
    "cluster": "Does a cluster find what one process finds, and what does it cost?",
    "compute": "What does fine-tuning cost, in seconds and memory?",
    "conditional": "Conditional adapters: new drugs and new lines",
    "cost": "What does a campaign cost: CPU seconds, start-up time, memory?",
    "diversity": "Does a plate lose hits when at most half of it is at one position?",
    "deephf": "Guides: how well are whole screens predicted?",
    "draws": "What do joint samples over a whole library cost beside one deterministic pass?",
    "dropout": "Does predictive entropy over passes with dropout of an adapted classifier pay?",
    "curves": "Dose response: do intervals hold what they say?",
    "fleet": "What do a thousand laboratories need? From measured unit costs.",
    "guides": "Guides: does the screen of another enzyme pay as a history?",
    "gdsc": "Drug response: does a history of other drugs pay?",
    "gpu": "What does a step cost on a graphics card?",
    "extend": "Does it pay to combine hits, and by what?",
    "hostile": "Is every hostile file refused at every entrance?",
    "images": "What is in the images, how large are they, and do they work without any rights?",
    "jobs": "Is work lost, or done twice, as Jobs of a cluster (in emulation) under faults?",
    "kill": "Is anything lost when a campaign is killed?",
    "large": "What do large campaigns cost: pools of a million, long proteins, a hundred thousand results?",
    "log": "What does a log of a hundred thousand results cost, with many who write at once?",
    "pages": "All pages again, from their tables; no figure is computed.",
    "parameters": "How many parameters does each adapter train?",
    "prior": "Zero-shot accuracy on deep mutational scans.",
    "readers": "Which instruments' files are read right, and are damaged ones refused?",
    "robot": "Does an unattended campaign end in order, whatever its devices do?",
    "scale": "On which scale should a model work, and what are bounds and limits worth?",
    "stokes": "How many of 120 growth inhibitors does a campaign find, and how well are they told apart?",
    "server": "Does a laboratory's server stay quick, small and whole?",
    "treatments": "Treatments without a history: is the default better than averages, and does choosing pay?",
    "work": "Is work lost, or done twice, when workers are killed?",
}
#: suites of students, which take the options of the others
TAUGHT = ("students", "students/values", "screen")

SETS = typer.Option(metavar="NAMES", help="Only these sets, joined by commas.")
SEEDS = typer.Option(help="Another number of seeds than the suite's.")
LABELS = typer.Option(metavar="NUMBERS", help="Numbers of labels, joined by commas, where a suite varies them.")
LEARNERS = typer.Option(
    metavar="NAMES", help="Only these learners (of replays: policies; of students and screen: teachers)."
)
LIMIT = typer.Option(
    metavar="N", help="Maximum number of candidates: of a set (folds, drawn at random), or of the large screen."
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
            formatter.write_dl([(name, _question(name)) for name in self.list_commands(ctx)])


def _command(name: str, function: Callable[..., None], told: str | None = None) -> Any:
    single = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    single.command(name, help=told)(function)
    command = typer.main.get_command(single)
    command.name = name
    return command


def _question(name: str) -> str:
    told = OWN | {
        "all": "Every suite that takes the same options, one after the other.",
        "defaults": "The comparisons behind the product's defaults.",
        "students": "How much of its teacher does a small student retain?",
        "students/values": "Are a student's values those of its teacher?",
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
    jobs: Jobs = None,
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
        from benchmarks.students import StudentSuite
        from benchmarks.students_page import run_students

        asked = StudentSuite().narrowed(chosen, budgets, who, seeds)
        run_students(asked, jobs, work / "students", out / "students", f"python -m benchmarks students{told}")
    if name in ("students/values", "all"):
        from benchmarks.students_values import ValueSuite, run_values

        asked = ValueSuite().narrowed(chosen, budgets, seeds)
        folder = "students/values"
        run_values(asked, jobs, work / folder, out / folder, f"python -m benchmarks {folder}{told}")
    if name in ("screen", "all"):
        from benchmarks.screens_suite import ScreenSuite, run_screen

        asked = ScreenSuite().narrowed(who, seeds, limit)
        run_screen(asked, jobs, work / "screen", out / "screen", f"python -m benchmarks screen{told}")


def run(suite: AnySuite, limit: int | None, jobs: int | None, work: Path, out: Path, command: str) -> None:
    """One suite: what `work` does not hold yet is computed, and the page is written."""
    if isinstance(suite, Suite):
        places: dict[str, Path] = {}
        for name in suite.sets:
            places[name] = work / name
            replay(Source(name), suite.protocol, suite.policies, suite.seeds, jobs, places[name], policy_of)
            suite_result(suite, places).write(out, command)  # After each set, so that a long suite can be looked at.
    elif isinstance(suite, FoldSuite):
        evaluations: dict[tuple[str, FoldRule], Path] = {}
        for name, rule in product(suite.sets, suite.rules):
            place = evaluations[name, rule] = work / f"{name}-{rule}-{limit or 'all'}"
            if not (place / "report.html").exists():
                evaluate(Source(name), Evaluation(rule, limit=limit), suite.learners, jobs, place)
        fold_result(suite, evaluations).write(out, command)
    else:
        tasks, cores = all_tasks(suite), jobs or available_cores()
        with working(work, Counter(task.learner for task in tasks), "fits") as done:
            found = run_kept(tasks, run_budget_task, work, read_result, cores, lambda task: done(task.learner))
        budget_result(suite, *found).write(out, command)


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
