"""`activeloop evaluate`: five-fold prediction of recorded data."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from activeloop.cli.replay import CANDIDATE, DATASET, JOBS, KIND, MINIMISE, OUT, TARGET, WILD_TYPE, Kind, bars

if TYPE_CHECKING:
    from activeloop.replay import Source
    from activeloop.replay.evaluation import Evaluation


class FoldOption(Enum):
    """How candidates are split."""

    RANDOM = "random"
    MODULO = "modulo"
    CONTIGUOUS = "contiguous"


FOLDS = typer.Option(help="How to split: at random, or by mutated position (modulo 5; five contiguous stretches).")
LEARNERS = typer.Option(metavar="NAMES", help="Learners, joined by commas.")
SEED = typer.Option(help="Seed of random folds and of every fit.")
LIMIT = typer.Option(metavar="N", help="Maximum number of candidates, drawn at random (default: all).")


def evaluate(
    dataset: Annotated[str, DATASET],
    kind: Annotated[Kind | None, KIND] = None,
    wild_type: Annotated[str | None, WILD_TYPE] = None,
    candidate_column: Annotated[str | None, CANDIDATE] = None,
    target_column: Annotated[str | None, TARGET] = None,
    minimise: Annotated[bool | None, MINIMISE] = None,
    folds: Annotated[FoldOption, FOLDS] = FoldOption.RANDOM,
    learners: Annotated[str, LEARNERS] = "default,alde",
    seed: Annotated[int, SEED] = 0,
    limit: Annotated[int | None, LIMIT] = None,
    jobs: Annotated[int | None, JOBS] = None,
    out: Annotated[Path | None, OUT] = None,
) -> None:
    """Predict each fifth of recorded data from the other four.

    Writes summary.csv, folds.csv, spearman.png and report.html; published figures stand beside where there are any.
    """
    from activeloop.replay import Source
    from activeloop.replay.evaluation import Evaluation

    source = Source(dataset, kind and kind.value, wild_type, candidate_column, target_column, minimise)
    names = tuple(dict.fromkeys(name.strip() for name in learners.split(",") if name.strip()))
    place = out or Path("evaluations") / f"{Path(dataset).name.split('.')[0]}-{folds.value}"
    run(source, Evaluation(folds.value, seed, limit), names, jobs, place)


def run(source: Source, evaluation: Evaluation, learners: tuple[str, ...], jobs: int | None, out: Path) -> None:
    """Evaluate with progress bars, write the results and say where they are.

    Raises:
        ActiveLoopError: as `replay.evaluation.evaluate_all`.
        typer.Exit: with status 1 when a fold could not be predicted.
    """
    from rich.console import Console

    from activeloop.replay.campaign import cached_landscape
    from activeloop.replay.evaluation import FOLDS as COUNT
    from activeloop.replay.evaluation import evaluate_all
    from activeloop.replay.evaluation_report import write_evaluation
    from activeloop.replay.machine import available_cores

    console = Console(stderr=True)
    with console.status(f"Reading {source.name}"):
        landscape = cached_landscape(source)
    done = dict.fromkeys(learners, 0)
    with bars(console, dict.fromkeys(learners, COUNT), "folds") as show:

        def count(learner: str) -> None:
            done[learner] += 1
            show(learner, done[learner])

        folds, failures = evaluate_all(source, evaluation, learners, jobs or available_cores(), count)
    if folds:
        points = write_evaluation(out, landscape, evaluation, folds, failures)
        for point in points:
            if point.metric == "spearman_pooled":
                console.print(f"{point.policy:40} {point.mean:6.3f}", highlight=False)
        console.print(f"Written: {out / 'report.html'} (also summary.csv, folds.csv, spearman.png)", highlight=False)
    for (learner, fold), why in failures.items():
        console.print(f"[red]Not predicted:[/] {learner}, fold {fold}: {why}", highlight=False)
    if failures:
        raise typer.Exit(1)
