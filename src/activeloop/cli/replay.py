"""`activeloop replay`: a campaign on recorded data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from activeloop.cli.terminal import (
    CandidateColumn,
    ClusterAddress,
    Dataset,
    DetectedKind,
    Goal,
    History,
    Jobs,
    Minimise,
    Offset,
    Panels,
    PretrainedModel,
    ResultsFolder,
    SharedPlace,
    TargetColumn,
    WildType,
    console,
    located,
    names_of,
    new_table,
    progress_bars,
    say,
    waiting,
)
from activeloop.words import many

if TYPE_CHECKING:
    from rich.table import Table

    from activeloop.replay import Point, Protocol, Source
    from activeloop.replay.campaign import MakePolicy

POLICIES = typer.Option(
    metavar="NAMES",
    help="Policies, joined by commas; LEARNER:RECOMMENDER is one, too (default: the default, random and baselines).",
)
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
    policies: Annotated[str | None, POLICIES] = None,
    first: Annotated[Literal["random", "own"], FIRST] = "random",
    jobs: Jobs = None,
    out: ResultsFolder = None,
    offset: Offset = None,
    cluster: ClusterAddress = None,
    shared: SharedPlace = None,
    history: History = None,
    panel: Panels = None,
    model: PretrainedModel = None,
) -> None:
    """Replay a campaign on recorded data, against a random baseline and named baselines.

    Writes summary.csv, rounds.csv, curve.png and report.html. The same command continues where it stopped.
    """
    from activeloop.replay import Protocol, Source

    source = Source(
        dataset, kind, wild_type, candidate_column, target_column, minimise, offset, history, tuple(panel or ())
    )
    protocol = Protocol(goal, start, batch, rounds, first, located(model))
    place = out or Path("replays") / Path(dataset).name.split(".")[0]
    names = None if policies is None else names_of(policies)
    run(source, protocol, names, seeds, jobs, place, cluster=cluster, shared=shared)


def run(
    source: Source,
    protocol: Protocol,
    policies: tuple[str, ...] | None,
    seeds: int,
    jobs: int | None,
    out: Path,
    make: MakePolicy | None = None,
    *,
    cluster: str | None = None,
    shared: str | None = None,
) -> None:
    """Replay with a progress bar a policy, write the results and print where they are.

    Args:
        source: what is replayed.
        protocol: the rules.
        policies: names; None for those that apply.
        seeds: campaigns of each.
        jobs: processes; None = one for each core.
        out: folder of the results.
        make: makes a policy of its name; None = `replay.policies.policy_of`.
        cluster: address of a Dask scheduler; this machine when there is none.
        shared: folder or bucket that all its machines reach; in the folder of the results when None.

    Raises:
        ActiveLoopError: as `replay.replay_all`.
        typer.Exit: with status 1 when a campaign could not be finished, 130 when it was stopped.
    """
    from activeloop.executor import available_cores, executor_at
    from activeloop.renamed import current_name
    from activeloop.replay import load_landscape, replay_all, write_results
    from activeloop.replay.policies import default_policies, policy_of, title_of

    with waiting(f"Reading {source.name}"):
        landscape = load_landscape(source)
    if policies is None:
        policies = default_policies(landscape.kind, landscape.history is not None)
    policies = tuple(dict.fromkeys(current_name("policy", name) for name in policies))
    say(f"{landscape.name}: {len(landscape):,} {landscape.kind}. {landscape.origin}", error=True)
    titles = {name: title_of(name, landscape.kind) for name in policies}
    with progress_bars(titles, keep=True) as show:

        def finished(policy: str, count: int) -> None:
            show(policy, count, seeds)

        try:
            with executor_at(
                cluster, shared or out / "shared", available_cores() if jobs is None else jobs
            ) as executor:
                outcome = replay_all(landscape, protocol, policies, seeds, out, executor, finished, make or policy_of)
        except KeyboardInterrupt:
            count = len(list((out / "parts").glob("*.json")))
            where = f"{many(count, 'campaign')} {'is' if count == 1 else 'are'} stored in {out / 'parts'}"
            say(f"Stopped. {where}; the same command continues from there.", error=True)
            raise typer.Exit(130) from None
    points = write_results(out, landscape, protocol, outcome)
    console(error=True).print(result_table(points, protocol.labels[-1], landscape.kind, landscape.is_two))
    say(f"Written: {out / 'report.html'} (also summary.csv, rounds.csv, curve.png)", error=True)
    for (policy, seed), why in outcome.failures.items():
        say(f"Not finished: {policy}, seed {seed}: {why}", error=True)
    if outcome.failures:
        raise typer.Exit(1)


def result_table(points: Sequence[Point], labels: int, kind: str, two: bool = False) -> Table:
    """The last round's figures as a table for the terminal; of two values those that say something of them."""
    from activeloop.replay.metrics import OF_VALUES
    from activeloop.replay.policies import title_of

    by_key = {(p.metric, p.policy): p for p in points if p.labels == labels or p.policy == "full"}
    policies = list(dict.fromkeys(policy for _, policy in by_key))
    table = new_table(
        ["", *(title_of(p, kind) for p in policies)], f"after {labels} measured candidates (mean ± standard error)"
    )
    for metric in dict.fromkeys(metric for metric, _ in by_key if not (two and metric in OF_VALUES)):
        found = [by_key.get((metric, policy)) for policy in policies]
        cells = [f"{p.mean:.3g} ± {p.se:.2g}".removesuffix(" ± nan") if p else "" for p in found]
        table.add_row(metric, *cells)
    return table
