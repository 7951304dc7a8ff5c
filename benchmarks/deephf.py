"""CRISPR guides with many labels: five folds of whole screens, and from how many labels on networks pay."""

from __future__ import annotations

import csv
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from activeloop.measurements import Dataset
from activeloop.metrics import spearman
from activeloop.models import GuideGP
from activeloop.models.gp.sister_guides import SisterGuideGP, with_networks
from activeloop.prediction import Learner, mean_of
from activeloop.replay import Landscape, Source, load_landscape
from benchmarks.options import OUT, WORK, names_of
from benchmarks.results import Result, markdown_table, mean_se, not_done, section

#: sets, and how many of the five folds are computed of each
SETS, FOLDS = {"crispr-hf": 5, "crispr-wt": 1, "crispr-esp": 1}, 5
#: numbers of labels of the second table, seeds, and candidates on which it is evaluated
FEWER, SEEDS, EVALUATED = (1000, 2000, 4000), 2, 4000
PUBLISHED = (
    "Published for HF1, five folds or a held-out part of the same screen, Spearman: gradient-boosted trees .818 and a "
    "recurrent network .851 (Wang et al. 2019, Nat Commun 10:4284), EnAC .862; for WT and eSP the latter .868 and .859."
)
COLUMNS = ("set", "part", "labels", "default", "process", "cpu_s")


@dataclass(frozen=True)
class Row:
    """One fold, or one draw of labels.

    Args:
        name: of the set.
        part: `fold 1` ..., or `seed 0` ...
        labels: trained on.
        default: Spearman of what the product does with as many labels (second table: of the stack).
        process: of the process alone.
        seconds: CPU seconds of fit and prediction of the former.
    """

    name: str
    part: str
    labels: int
    default: float
    process: float
    seconds: float

    @property
    def line(self) -> tuple[str, ...]:
        """Under `COLUMNS`."""
        figures = (f"{self.default:.4f}", f"{self.process:.4f}", f"{self.seconds:.1f}")
        return (self.name, self.part, str(self.labels), *figures)

    @classmethod
    def of_line(cls, line: list[str]) -> Row:
        """The counterpart of `line`."""
        return cls(line[0], line[1], int(line[2]), float(line[3]), float(line[4]), float(line[5]))


def row_of(screen: Landscape, part: str, train: np.ndarray, test: np.ndarray, learners: tuple[Learner, Learner]) -> Row:
    """Both learners on the same labels and candidates."""
    data = Dataset.of(screen.pool, train, screen.oriented[train])
    found, seconds = [], []
    for learner in learners:
        start = time.process_time()
        predicted = mean_of(learner.fit(data, 0), screen.pool, test)[:, 0]
        seconds.append(time.process_time() - start)
        found.append(spearman(predicted, screen.oriented[test]))
    return Row(screen.name, part, len(train), found[0], found[1], seconds[0])


def command(
    folds: Annotated[int, typer.Option(help="How many of the five folds, at most.")] = FOLDS,
    sets: Annotated[str, typer.Option(metavar="NAMES", help="Only these sets, joined by commas.")] = "",
    few: Annotated[bool, typer.Option(help="Whether fewer labels are looked at, too.")] = True,
    work: Annotated[Path, WORK] = Path("replays"),
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """How well are guides of whole screens predicted, and from how many labels on do networks pay?"""
    kept = work / "deephf.csv"
    kept.parent.mkdir(parents=True, exist_ok=True)
    rows = [Row.of_line(line) for line in csv.reader(kept.open(encoding="utf-8"))] if kept.exists() else []
    done = {(row.name, row.part, row.labels) for row in rows}
    process = SisterGuideGP(networks=False)
    asked = f" --folds {folds}{f' --sets {sets}' if sets else ''}{'' if few else ' --no-few'}"
    for name, most in SETS.items():
        if sets and name not in names_of(sets):
            continue
        screen = load_landscape(Source(name))
        order = np.random.default_rng(0).permutation(len(screen))
        parts = np.array_split(order, FOLDS)
        tasks = [
            (f"fold {k + 1}", np.concatenate(parts[:k] + parts[k + 1 :]), parts[k], (GuideGP(), process))
            for k in range(min(folds, most))
        ]
        for seed in range(SEEDS if few else 0):
            drawn = np.random.default_rng([seed, 5]).permutation(len(screen))
            tasks += [
                (f"seed {seed}", drawn[:n], drawn[-EVALUATED:], (with_networks(process, n), process)) for n in FEWER
            ]
        for part, train, test, learners in tasks:
            if (name, part, len(train)) not in done:
                rows.append(row_of(screen, part, train, test, learners))
                with kept.open("a", encoding="utf-8", newline="") as file:
                    csv.writer(file).writerow(rows[-1].line)
        # after each set, so that a long suite can be looked at
        deephf_result(rows).write(out / "deephf", f"python -m benchmarks deephf{asked}")


def deephf_result(rows: list[Row]) -> Result:
    """The page."""
    whole, few = [], []
    for name, labels in dict.fromkeys((row.name, row.labels if row.part[:4] == "seed" else 0) for row in rows):
        some = [r for r in rows if r.name == name and (r.labels == labels if labels else r.part[:4] == "fold")]
        cells = [mean_se(getattr(row, what) for row in some) for what in ("default", "process")]
        gain = mean_se((row.default - row.process for row in some), 2)
        seconds = f"{np.mean([row.seconds for row in some]):.0f}"
        if labels:
            few.append([name, f"{labels:,}", *cells, gain])
        else:
            whole.append([name, f"{np.mean([r.labels for r in some]):,.0f}", str(len(some)), *cells, gain, seconds])
    how = (
        "Spearman on guides that were not seen; folds at random, all screens from the guides' own letters (20 and the "
        f"PAM). The process: `sister-guides` without networks. {PUBLISHED}"
    )
    head = ["set", "labels", "folds", "default", "process alone", "gain, paired", "CPU s a fold, one thread"]
    less = ["set", "labels", "process and networks", "process alone", "gain, paired"]
    return Result(
        "Guides: how well are whole screens predicted?",
        how,
        [
            section("Five folds", markdown_table(head, whole)),
            section(
                "From how many labels on do networks pay?",
                markdown_table(less, few),
                f"Labels at random, {SEEDS} seeds, {EVALUATED:,} other guides; the default stacks networks from 2,000.",
            )
            if few
            else "",
            not_done("Not computed", (f"`{name}`" for name in SETS if name not in {row.name for row in rows})),
        ],
        {"summary": (COLUMNS, [row.line for row in rows])},
    )
