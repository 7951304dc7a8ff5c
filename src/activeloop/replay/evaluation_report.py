"""The results of an evaluation in its folder, with published results for comparison."""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from activeloop.drawing import BASELINE, FAINT, GRID, INK, OWN, inline, png, svg
from activeloop.files import csv_text, write_whole
from activeloop.replay.evaluation import METRICS, Evaluation, Fold, FoldRule, summarise_folds, told_over
from activeloop.replay.landscape import Landscape
from activeloop.replay.machine import describe_machine
from activeloop.replay.report import render, table_cell
from activeloop.replay.sources import DATA
from activeloop.replay.summary import SUMMARY_COLUMNS, Point, number, point_row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FILE = (
    "protein/proteingym_ref/benchmarks/DMS_supervised/substitutions/Spearman/"
    "DMS_substitutions_Spearman_DMS_level_fold_{}_5.csv.gz"
)


def published_spearman(assay: str, rule: FoldRule) -> dict[str, float]:
    """ProteinGym's supervised benchmark (Notin et al. 2023): Spearman by model, for an assay and a rule of folds.

    Read from `$ACTIVELOOP_DATA`; {} when that is not set, or does not list the assay.
    """
    folder = os.environ.get(DATA)
    path = Path(folder) / _FILE.format(rule) if folder else None
    if path is None or not path.is_file():
        return {}
    row = _table(path).get(assay, {})
    return {model: float(value) for model, value in row.items() if model != "DMS_id" and value}


@lru_cache(maxsize=3)
def _table(path: Path) -> dict[str, dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return {row["DMS_id"]: row for row in csv.DictReader(file)}


PUBLISHED = "published: "
WORDS = {
    "spearman": "Spearman, mean of folds",
    "spearman_pooled": "Spearman, folds together",
    "auroc": "area under the ROC curve",
    "rmse": "root mean squared error",
    "pearson_per_drug": "correlation of each drug on its own, mean of the drugs",
}


def write_evaluation(
    folder: Path,
    landscape: Landscape,
    evaluation: Evaluation,
    folds: list[Fold],
    failures: Mapping[tuple[str, int], str],
) -> list[Point]:
    """Write summary.csv, folds.csv, spearman.png, report.html and machine.json, each whole.

    Published figures, where the landscape has any, are rows of summary.csv whose policy begins with `published: `.

    Returns:
        The rows of summary.csv.
    """
    folder.mkdir(parents=True, exist_ok=True)
    own = summarise_folds(landscape, folds)
    published = [
        Point(landscape.name, PUBLISHED + model, 0, "spearman_pooled", value, float("nan"), 5)
        for model, value in published_spearman(landscape.name, evaluation.folds).items()
    ]
    points = own + published
    machine = describe_machine()
    taking_part = sum(len(fold.rows) for fold in folds if fold.learner == folds[0].learner)
    headline = evaluation.headline_of(landscape)
    picture = draw_bars(points, headline, f"{landscape.name}: {evaluation.folds} folds")
    page = render(
        "evaluate.html",
        title=f"{landscape.name}: prediction of five {evaluation.folds} folds",
        lead=f"{landscape.origin} Each fold is predicted by a model of the other four.",
        picture=inline(
            svg(picture), "AUROC of each learner" if landscape.is_two else "Spearman correlation of each learner"
        ),
        metrics=_shown(points, headline),
        words=WORDS,
        rows=_rows(points, folds, headline),
        failures=failures,
        settings={
            "dataset": landscape.name,
            "candidates": f"{len(landscape):,}, of which {taking_part:,} take part",
            "assay": f"{landscape.assay.name} ({landscape.assay.goal})",
            "folds": evaluation.folds,
            "seed": evaluation.seed,
            "fingerprint of the data": landscape.fingerprint,
        },
        machine=machine,
    )
    write_whole(folder / "summary.csv", evaluation_csv(points, evaluation))
    write_whole(folder / "folds.csv", folds_csv(landscape.name, evaluation, folds))
    write_whole(folder / "spearman.png", png(picture))
    write_whole(folder / "machine.json", json.dumps(machine, indent=1) + "\n")
    write_whole(folder / "report.html", page)
    return points


def evaluation_csv(points: Sequence[Point], evaluation: Evaluation) -> str:
    """`summary.csv`: the columns of a replay's, and the rule of the folds; `seeds` counts folds."""
    return csv_text((*SUMMARY_COLUMNS, "folds"), ((*point_row(p), evaluation.folds) for p in points))


def folds_csv(dataset: str, evaluation: Evaluation, folds: Sequence[Fold]) -> str:
    """`folds.csv`: a row per learner and fold."""
    header = ("dataset", "policy", "folds", "fold", "trained", "predicted", *METRICS, "seconds")
    rows = (
        (
            *(dataset, f.learner, evaluation.folds, f.fold, f.trained, len(f.rows)),
            *(number(f.metrics[m]) for m in METRICS),
            f"{f.seconds:.3f}",
        )
        for f in folds
    )
    return csv_text(header, rows)


def draw_bars(points: Sequence[Point], headline: str, title: str) -> Figure:
    """The metric that is told first, a bar a learner; published ones in grey."""
    from matplotlib.figure import Figure

    found = sorted((p for p in points if p.metric == headline), key=lambda p: p.mean)
    figure = Figure(figsize=(9.6, 1.2 + 0.34 * len(found)), layout="constrained", facecolor="white")
    axis = figure.subplots()
    colours = [BASELINE if p.policy.startswith(PUBLISHED) else OWN for p in found]
    axis.barh([p.policy for p in found], [p.mean for p in found], color=colours, height=0.72)
    for i, point in enumerate(found):
        at, away = (max(point.mean, 0), i), (4, 0)  # points beyond the bar
        axis.annotate(f"{point.mean:.3f}", at, away, textcoords="offset points", va="center", fontsize=9.5, color=INK)
    axis.set_title(title, fontsize=13, fontweight="bold", color=INK, loc="left")
    what = "area under the ROC curve" if headline == "auroc" else "rank correlation of predicted and true values"
    axis.set_xlabel(f"{what}, {told_over(headline)}", color=FAINT, fontsize=10)
    axis.grid(axis="x", color=GRID, linewidth=0.8)
    axis.set_axisbelow(True)
    axis.tick_params(colors=INK, labelsize=9.5, length=0)
    axis.spines[:].set_visible(False)
    return figure


def _shown(points: Sequence[Point], headline: str) -> list[str]:
    """The metrics of the table; that of drugs where there are drugs, that of all folds where it is told first."""
    there = {point.metric for point in points}
    without = {"pearson_per_drug"} - there | {"spearman_pooled"} - {headline}
    return [m for m in WORDS if m not in without]


def _rows(points: Sequence[Point], folds: Sequence[Fold], headline: str) -> list[dict[str, object]]:
    by_key = {(p.policy, p.metric): p for p in points}
    own = [p for p in points if not p.policy.startswith(PUBLISHED)]
    shown = _shown(points, headline)
    best = {m: max((p.mean for p in own if p.metric == m), default=np.nan) for m in shown}
    best["rmse"] = np.inf  # A column in which less is better is not shaded.
    rows = []
    for policy in dict.fromkeys(p.policy for p in points):
        seconds = sum(f.seconds for f in folds if f.learner == policy)
        marks = best if any(p.policy == policy for p in own) else dict.fromkeys(WORDS, np.inf)
        cells = [table_cell(by_key.get((policy, m)), marks[m]) for m in shown]
        rows.append({"learner": policy, "cells": cells, "seconds": f"{seconds:.2f}" if seconds else "–"})
    return rows
