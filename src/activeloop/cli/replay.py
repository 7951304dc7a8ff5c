"""`activeloop replay`: a campaign on recorded data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from activeloop.cli.terminal import (
    CandidateColumn,
    Dataset,
    DetectedKind,
    Goal,
    Jobs,
    Minimise,
    ResultsFolder,
    TargetColumn,
    WildType,
    names_of,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from activeloop.replay import Point, Protocol, Source
    from activeloop.replay.campaign import MakePolicy

DEFAULT_POLICIES = "default,random,evolvepro,alde"


POLICIES = typer.Option(metavar="NAMES", help="Policies, joined by commas; LEARNER:RECOMMENDER is one, too.")
FIRST = typer.Option(help="random: one first plate for all; own: policies with a prior choose theirs.")


def replay(
    dataset: Dataset,
    kind: DetectedKind = None,
    wild_type: WildType = None,
    candidate_column: CandidateColumn = None,
    target_column: TargetColumn = None,
    minimise: Minimise = None,
    goal: Annotated[Goal, typer.Option(help="find the best, or learn which are fit.")] = "find",
    start: Annotated[int, typer.Option(help="Candidates on the first plate.")] = 96,
    batch: Annotated[int, typer.Option(help="Candidates on each later plate.")] = 96,
    rounds: Annotated[int, typer.Option(help="Later plates.")] = 4,
    seeds: Annotated[int, typer.Option(help="Campaigns for each policy.")] = 50,
    policies: Annotated[str, POLICIES] = DEFAULT_POLICIES,
    first: Annotated[Literal["random", "own"], FIRST] = "random",
    jobs: Jobs = None,
    out: ResultsFolder = None,
) -> None:
    """Replay a campaign on recorded data, against a random baseline and named baselines.

    Writes summary.csv, rounds.csv, curve.png and report.html. The same command continues where it stopped.
    """
    from activeloop.replay import Protocol, Source

    source = Source(dataset, kind, wild_type, candidate_column, target_column, minimise)
    protocol = Protocol(goal, start, batch, rounds, first)
    run(source, protocol, names_of(policies), seeds, jobs, out or Path("replays") / Path(dataset).name.split(".")[0])


def run(
    source: Source,
    protocol: Protocol,
    policies: tuple[str, ...],
    seeds: int,
    jobs: int | None,
    out: Path,
    make: MakePolicy | None = None,
) -> None:
    """Replay with a progress bar a policy, write the results and print where they are.

    Args:
        source: what is replayed.
        protocol: the rules.
        policies: names.
        seeds: campaigns of each.
        jobs: processes; None = one for each core.
        out: folder of the results.
        make: makes a policy of its name; None = `replay.policies.policy_of`.

    Raises:
        ActiveLoopError: as `replay.replay_all`.
        typer.Exit: with status 1 when a campaign could not be finished, 130 when it was stopped.
    """
    from rich.console import Console

    from activeloop.replay import load_landscape, replay_all, write_results
    from activeloop.replay.machine import available_cores
    from activeloop.replay.policies import policy_of

    console = Console(stderr=True)
    if not console.is_terminal:
        console = Console(stderr=True, width=140)
    with console.status(f"Reading {source.name}"):
        landscape = load_landscape(source)
    console.print(
        f"[bold]{landscape.name}[/]: {len(landscape):,} {landscape.kind}. {landscape.origin}", highlight=False
    )
    with bars(console, dict.fromkeys(policies, seeds), "campaigns") as finished:
        try:
            cores = jobs or available_cores()
            outcome = replay_all(source, landscape, protocol, policies, seeds, out, cores, finished, make or policy_of)
        except KeyboardInterrupt:
            count = len(list((out / "parts").glob("*.json")))
            where = f"{count} campaigns are stored in {out / 'parts'}"
            console.print(f"Stopped. {where}; the same command continues from there.")
            raise typer.Exit(130) from None
    points = write_results(out, landscape, protocol, outcome)
    console.print(result_table(points, protocol.labels[-1]))
    console.print(f"Written: {out / 'report.html'} (also summary.csv, rounds.csv, curve.png)", highlight=False)
    for (policy, seed), why in outcome.failures.items():
        console.print(f"[red]Not finished:[/] {policy}, seed {seed}: {why}", highlight=False)
    if outcome.failures:
        raise typer.Exit(1)


@contextmanager
def bars(console: Console, totals: Mapping[str, int], of_what: str) -> Iterator[Callable[[str, int], None]]:
    """A progress bar for each name, with the time that is left.

    Yields:
        What is to be called with (name, how many of it are finished).
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(f"{of_what}; so far"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        tasks = {name: progress.add_task(name, total=total) for name, total in totals.items()}
        yield lambda name, done: progress.update(tasks[name], completed=done)


def result_table(points: Sequence[Point], labels: int) -> Table:
    """The last round's figures as a table for the terminal."""
    from rich.table import Table

    by_key = {(p.metric, p.policy): p for p in points if p.labels == labels or p.policy == "full"}
    policies = list(dict.fromkeys(policy for _, policy in by_key))
    table = Table(title=f"after {labels} measured candidates (mean ± standard error)")
    table.add_column("")
    for policy in policies:
        table.add_column(policy, justify="right")
    for metric in dict.fromkeys(metric for metric, _ in by_key):
        found = [by_key.get((metric, policy)) for policy in policies]
        cells = [f"{p.mean:.3g} ± {p.se:.2g}".removesuffix(" ± nan") if p else "" for p in found]
        table.add_row(metric, *cells)
    return table
