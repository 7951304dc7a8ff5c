"""`activeloop evaluate`: five-fold prediction of recorded data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from activeloop.cli.terminal import (
    CandidateColumn,
    ClusterAddress,
    Dataset,
    DetectedKind,
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
    located,
    names_of,
    progress_bars,
    say,
    waiting,
)

if TYPE_CHECKING:
    from activeloop.replay import Source
    from activeloop.replay.evaluation import Evaluation


FOLDS = typer.Option(
    help="How to split: at random, by mutated position (modulo 5; five contiguous stretches), by compound (drug), "
    "cells (line) or scaffold, or by donor or another column, which are then new (default: random; with --fold-column: "
    "column)."
)
FOLD_COLUMN = typer.Option(
    metavar="NAME", help="Measurements with the same entry in this column, such as a donor or batch, stay together."
)
FoldRule = Literal["random", "modulo", "contiguous", "compound", "drug", "cells", "line", "scaffold", "donor", "column"]
#: another word for a rule -> the rule
SAME_RULE = {"drug": "compound", "line": "cells"}
LEARNERS = typer.Option(
    metavar="NAMES", help="Learners, joined by commas (default: the default and ALDE's, of treatments the baselines)."
)
SEED = typer.Option(help="Seed of random folds and of every fit.")
LIMIT = typer.Option(metavar="N", help="Maximum number of candidates, drawn at random (default: all).")


def evaluate(
    dataset: Dataset,
    kind: DetectedKind = None,
    wild_type: WildType = None,
    candidate_column: CandidateColumn = None,
    target_column: TargetColumn = None,
    minimise: Minimise = None,
    folds: Annotated[FoldRule | None, FOLDS] = None,
    learners: Annotated[str | None, LEARNERS] = None,
    seed: Annotated[int, SEED] = 0,
    limit: Annotated[int | None, LIMIT] = None,
    jobs: Jobs = None,
    out: ResultsFolder = None,
    offset: Offset = None,
    cluster: ClusterAddress = None,
    shared: SharedPlace = None,
    panel: Panels = None,
    history: History = None,
    fold_column: Annotated[str | None, FOLD_COLUMN] = None,
    model: PretrainedModel = None,
) -> None:
    """Predict each fifth of recorded data from the other four.

    By donor or column each group counts for itself: a new one's values are predicted from those of the others, and
    `same-candidate`, the mean that these measured for the same candidate, stands beside the learners.

    Writes summary.csv, folds.csv, spearman.png and report.html; published results are added where there are any.
    """
    from activeloop.replay import Source
    from activeloop.replay.evaluation import Evaluation

    rule, groups = rule_of(folds, fold_column)
    source = Source(
        *(dataset, kind, wild_type, candidate_column, target_column, minimise, offset),
        history=history,
        panels=tuple(panel or ()),
        groups=groups,
    )
    place = out or Path("evaluations") / f"{Path(dataset).name.split('.')[0]}-{fold_column or rule}"
    names = None if learners is None else names_of(learners)
    run(source, Evaluation(rule, seed, limit, located(model)), names, jobs, place, cluster=cluster, shared=shared)


def rule_of(folds: str | None, column: str | None) -> tuple[Any, str | None]:
    """The rule of the folds, and the column of its groups.

    Raises:
        ConfigError: a column is named and not used, or needed and not named.

    >>> rule_of(None, None), rule_of("drug", None), rule_of("donor", None), rule_of(None, "batch")
    (('random', None), ('compound', None), ('donor', 'donor'), ('column', 'batch'))
    """
    from activeloop.errors import ConfigError

    rule = SAME_RULE.get(folds or "", folds) or ("column" if column else "random")
    if column and rule not in ("donor", "column"):
        raise ConfigError(f"--folds {folds} does not look at --fold-column {column}: leave one of them out.")
    if rule == "column" and not column:
        raise ConfigError("--folds column: name the column with --fold-column NAME. Nothing was evaluated.")
    return rule, column or ("donor" if rule == "donor" else None)


def run(
    source: Source,
    evaluation: Evaluation,
    learners: tuple[str, ...] | None,
    jobs: int | None,
    out: Path,
    *,
    cluster: str | None = None,
    shared: str | None = None,
) -> None:
    """Evaluate with progress bars, write the results and print where they are; arguments as for `replay.run`.

    Raises:
        ActiveLoopError: as `replay.evaluation.evaluate_all`.
        typer.Exit: with status 1 when a fold could not be predicted.
    """
    from activeloop.executor import available_cores, executor_at
    from activeloop.replay.campaign import cached_landscape
    from activeloop.replay.evaluation import BY_COLUMN, SAME, evaluate_all, folds_present, told_over
    from activeloop.replay.evaluation_report import write_evaluation
    from activeloop.replay.policies import BASELINES

    with waiting(f"Reading {source.name}"):
        landscape = cached_landscape(source)
    if learners is None:
        learners = ("default", *BASELINES) if landscape.kind == "treatments" else ("default", "alde")
        learners = (*learners, *([SAME] if evaluation.folds in BY_COLUMN else []))
    done, total = dict.fromkeys(learners, 0), len(folds_present(landscape, evaluation))
    cores = available_cores() if jobs is None else jobs
    with (
        executor_at(cluster, shared or out / "shared", cores) as executor,
        progress_bars({name: name for name in learners}, keep=True) as show,
    ):

        def count(learner: str) -> None:
            done[learner] += 1
            for name, folds in done.items():
                show(name, folds, total)

        folds, failures = evaluate_all(landscape, evaluation, learners, executor, count)
    if folds:
        points = write_evaluation(out, landscape, evaluation, folds, failures)
        headline = evaluation.headline_of(landscape)
        over = told_over(headline)
        what = f"Spearman of predicted and measured values, {over} (1: the same order, 0: chance):"
        if headline == "auroc":
            what = f"AUROC of hits, {over} (1: all hits before all others, 0.5: chance):"
        say(what, error=True)
        for point in points:
            if point.metric == headline:
                say(f"{point.policy:40} {point.mean:6.3f}", error=True)
        say(f"Written: {out / 'report.html'} (also summary.csv, folds.csv, spearman.png)", error=True)
    for (learner, fold), why in failures.items():
        say(f"Not predicted: {learner}, fold {fold}: {why}", error=True)
    if failures:
        raise typer.Exit(1)
