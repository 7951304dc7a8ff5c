"""CRISPR guides: does the screen of another enzyme pay as a history, and does it never mislead?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from activeloop.measurements import Dataset
from activeloop.metrics import spearman
from activeloop.models import GuideGP
from activeloop.models.gp.sister_guides import SisterGuideGP
from activeloop.prediction import Validated, mean_of
from activeloop.replay import Landscape, Source, load_landscape
from benchmarks.options import OUT
from benchmarks.results import Result, markdown_table, mean_se, section

#: the history, the sets, and numbers of labels
HISTORY = "crispr-wt"
SETS = (
    "crispr-doench2014-hs",
    "crispr-doench2014-mm",
    "crispr-doench2016",
    "crispr-hl60",
    "crispr-hela",
    "crispr-hct116",
    "crispr-xu2015-hl60",
)
LABELS = (30, 100, 300)
#: candidates on which a model is evaluated, at most
EVALUATED = 2000


@dataclass(frozen=True)
class Row:
    """One seed of one set.

    Args:
        name: of the set.
        labels: measured at random.
        seed: of which.
        zero: Spearman of the history alone, on what is not measured.
        sisters: with the history.
        alone: without it.
        weight: of the history after these labels.
    """

    name: str
    labels: int
    seed: int
    zero: float
    sisters: float
    alone: float
    weight: float


def history() -> Dataset:
    """The screen that is known."""
    screen = load_landscape(Source(HISTORY))
    known = Dataset.of(screen.pool, np.arange(len(screen)), screen.values, replace(screen.assay, name=HISTORY))
    return known.as_history()


def rows_of(screen: Landscape, known: Dataset, seeds: int) -> list[Row]:
    """All seeds and numbers of labels of one set; guides that the history holds, too, are left out."""
    held = {name[:20] for name in known.pool.names(known.rows)}
    fresh = np.flatnonzero([name[:20] not in held for name in screen.pool.names(np.arange(len(screen)))])
    learner, found = SisterGuideGP(known), []
    before = learner.prior(screen.pool)
    assert before is not None
    for seed in range(seeds):
        order = np.random.default_rng([seed, 3]).permutation(fresh)
        for labels in LABELS:
            test = order[labels : labels + EVALUATED]
            if len(test) < 100:
                continue
            data = Dataset.of(screen.pool, order[:labels], screen.oriented[order[:labels]])
            fitted, alone = learner.fit(data, seed), GuideGP().fit(data, seed)
            models = (before, fitted, alone)
            zero, sisters, plain = (
                spearman(mean_of(model, screen.pool, test)[:, 0], screen.oriented[test]) for model in models
            )
            weight = fitted.metrics()["history_weight"] if isinstance(fitted, Validated) else float("nan")
            found.append(Row(screen.name, labels, seed, zero, sisters, plain, weight))
    return found


def command(
    seeds: Annotated[int, typer.Option(help="Draws of the labels.")] = 10,
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """Does the screen of another enzyme pay as a history of guides?"""
    known = history()
    rows = [row for name in SETS for row in rows_of(load_landscape(Source(name)), known, seeds)]
    guides_result(rows, seeds).write(out / "guides", f"python -m benchmarks guides --seeds {seeds}")


def guides_result(rows: list[Row], seeds: int) -> Result:
    """The page."""
    table = []
    for name, labels in dict.fromkeys((row.name, row.labels) for row in rows):
        some = [row for row in rows if (row.name, row.labels) == (name, labels)]
        cells = [mean_se(getattr(row, what) for row in some) for what in ("zero", "sisters", "alone")]
        gain = mean_se((row.sisters - row.zero for row in some), 2)
        table.append([name, str(labels), *cells, gain, f"{np.mean([row.weight for row in some]):.2f}"])
    how = (
        f"The history is `{HISTORY}`; guides that it holds are left out of the other sets. Spearman on up to "
        f"{EVALUATED:,} guides that were not measured, labels at random, {seeds} seeds, mean ± standard error. "
        "Zero-shot: the history without a label. The weight is that of the history after the labels: the rest is the "
        "constant prior mean."
    )
    header = [
        "set",
        "labels",
        "zero-shot",
        "with history",
        "without",
        "gain over zero-shot, paired",
        "weight of history",
    ]
    columns = tuple(Row.__dataclass_fields__)
    lines = [
        tuple(getattr(row, c) if c in ("name", "labels", "seed") else f"{getattr(row, c):.4f}" for c in columns)
        for row in rows
    ]
    return Result(
        "Guides: does the screen of another enzyme pay as a history?",
        how,
        [section("Few labels of a new screen", markdown_table(header, table))],
        {"summary": (columns, lines)},
    )
