"""Treatments without a history: is the default better than averages of drugs and cells, and does choosing pay?

Reads files under `$ACTIVELOOP_DATA`: `drug/gdsc/response.csv.gz` (Iorio et al. 2016, Cell 166:740),
`scrna/sciplex3_conditions.csv.gz` (Srivatsan et al. 2020, Science 367:45) and
`drug/screens/panc1_combinations.csv.gz` (Zakharov et al. 2025, Nat Commun 16). Writes folds.csv, campaigns.csv,
README.md and machine.json. Single results are kept, so that a stopped suite goes on.
"""

from __future__ import annotations

import csv
import gzip
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from activeloop.cli.evaluate import run as evaluate
from activeloop.cli.replay import run as replay
from activeloop.cli.terminal import Jobs
from activeloop.errors import ConfigError
from activeloop.files import csv_text, write_whole
from activeloop.replay import Source
from activeloop.replay.evaluation import Evaluation, FoldRule
from activeloop.replay.policies import Protocol
from activeloop.replay.summary import SUMMARY_COLUMNS, Point, point_row, read_summary
from benchmarks.options import OUT, WORK
from benchmarks.results import Result, markdown_table, mean_se, section

LEARNERS = ("default", "additive", "nearest-sister", "cell-mean", "drug-mean")
POLICIES = ("default", "random", "additive:greedy")
RULES: tuple[FoldRule, ...] = ("random", "compound", "cells")
#: treatments of which four fifths are learned from and a fifth is predicted; candidates of a campaign
LIMITS, PROTOCOL = (38, 75, 150), Protocol("find", 24, 24, 3)
#: seeds below were looked at when the kernel was chosen
FIRST = 100
HOW = (
    "Three public sets and one planted: ln IC50 of 25 drugs of GDSC on 40 lines; cells that were left of 40 compounds "
    "of sci-Plex 3 on three lines at four doses; synergy of 400 of the 496 pairs of 32 compounds on PANC-1; dose "
    "responses of 15 compounds on eight lines at eight doses. Each seed draws compounds, lines or pairs anew. No side "
    "tables, no history. Seeds from 100 on: others were looked at when the learner was chosen. Gains are paired "
    "by seed, ± standard error over seeds."
)
COLUMNS = ("set", "seed", "folds", *SUMMARY_COLUMNS)
Row = tuple[str, str, str, float]
#: set, seed, rule of the folds (None: a campaign) and figure
Told = tuple[str, int, FoldRule | None, Point]


def _read(name: str) -> Iterator[dict[str, str]]:
    if "ACTIVELOOP_DATA" not in os.environ:
        raise ConfigError(f"{name}: set ACTIVELOOP_DATA to the folder of public sets. Nothing was computed.")
    with gzip.open(Path(os.environ["ACTIVELOOP_DATA"]) / name, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _some(names: Iterable[str], count: int, rng: np.random.Generator) -> set[str]:
    return set(rng.choice(sorted(set(names)), count, replace=False).tolist())


def gdsc(rng: np.random.Generator) -> list[Row]:
    """Cells, drug, no dose, -ln IC50."""
    rows = list(_read("drug/gdsc/response.csv.gz"))
    drugs, lines = (_some((row[key] for row in rows), n, rng) for key, n in (("drug_id", 25), ("cell_id", 40)))
    return [
        (r["cell_id"], r["drug_id"], "", -float(r["ln_ic50"]))
        for r in rows
        if r["drug_id"] in drugs and r["cell_id"] in lines
    ]


def sciplex(rng: np.random.Generator) -> list[Row]:
    """Cells, drug, dose, logarithm of the cells counted."""
    rows = [r for r in _read("scrna/sciplex3_conditions.csv.gz") if float(r["dose_value"]) > 0]
    drugs = _some((row["drug_name"] for row in rows), 40, rng)
    return [
        (r["cell_line"], r["drug_name"], f"{r['dose_value']} nM", math.log(float(r["n_cells"])))
        for r in rows
        if r["drug_name"] in drugs
    ]


def panc1(rng: np.random.Generator) -> list[Row]:
    """Cells, pair, no dose, -gamma: larger is more synergy."""
    rows = list(_read("drug/screens/panc1_combinations.csv.gz"))
    some = [rows[i] for i in sorted(rng.choice(len(rows), 400, replace=False))]
    return [("PANC-1", f"{r['compound_a']};{r['compound_b']}", "", -float(r["gamma"])) for r in some]


def planted(rng: np.random.Generator) -> list[Row]:
    """Cells, compound, dose, effect of Hill curves whose potency shifts with the line and with both."""
    line, rows = rng.normal(0, 0.4, 8), []
    for d in range(15):
        log_ec50, slope, end, shift = rng.normal(0, 1), rng.uniform(0.7, 2), rng.uniform(0, 0.6), rng.normal(0, 0.3, 8)
        for c, dose in ((c, dose) for c in range(8) for dose in (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)):
            left = 1 / (1 + (dose / 10 ** (log_ec50 + line[c] + shift[c])) ** slope)
            rows.append((f"c{c}", f"d{d}", f"{dose} uM", -(end + (1 - end) * left) + rng.normal(0, 0.06)))
    return rows


SETS: dict[str, Callable[[np.random.Generator], list[Row]]] = {
    "gdsc": gdsc,
    "sciplex": sciplex,
    "panc1": panc1,
    "planted": planted,
}


def table_of(rows: Sequence[Row]) -> str:
    """A table as laboratories have it: a column for each part.

    >>> table_of([("A375", "a;b", "1 uM", 0.5)]).splitlines()
    ['cells,compound,second compound,dose,response', 'A375,a,b,1 uM,0.5']
    """
    pairs, doses = any(";" in drug for _, drug, _, _ in rows), any(dose for _, _, dose, _ in rows)
    head = ["cells", "compound", *["second compound"] * pairs, *["dose"] * doses, "response"]
    lines = ([cells, *drug.split(";"), *[dose] * doses, f"{value:.6g}"] for cells, drug, dose, value in rows)
    return csv_text(head, lines)


def command(
    seeds: Annotated[int, typer.Option(help="Draws of each set.")] = 10,
    jobs: Jobs = None,
    work: Annotated[Path, WORK] = Path("replays"),
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """Treatments without a history: is the default better than averages, and does choosing pay?"""
    told: list[Told] = []
    for name, make in SETS.items():
        for seed in range(FIRST, FIRST + seeds):
            place = work / "treatments" / name / str(seed)
            place.mkdir(parents=True, exist_ok=True)
            write_whole(place / f"{name}.csv", table_of(make(np.random.default_rng(seed))))
            source = Source(str(place / f"{name}.csv"), kind="treatments", target_column="response")
            for rule in RULES if name != "panc1" else RULES[:1]:
                for limit in LIMITS:
                    folder = place / f"{rule}-{limit}"
                    if not (folder / "summary.csv").exists():
                        evaluate(source, Evaluation(rule, seed, limit), LEARNERS, jobs, folder)
                    told.extend((name, seed, rule, point) for point in _points(folder))
            replay(source, PROTOCOL, POLICIES, 1, jobs, place / "campaign")
            told.extend((name, seed, None, point) for point in _points(place / "campaign"))
    treatments_result(told).write(out / "treatments", f"python -m benchmarks treatments --seeds {seeds}")


def _points(folder: Path) -> list[Point]:
    text = (folder / "summary.csv").read_text("utf-8")
    lines = [line.split(",")[: len(SUMMARY_COLUMNS)] for line in text.splitlines()]
    return read_summary("\n".join(map(",".join, lines)) + "\n")


def treatments_result(told: Sequence[Told]) -> Result:
    """The page.

    Args:
        told: set, seed, rule of the folds (None: a campaign), and figure.
    """
    kept: list[Told] = [
        (name, seed, rule, p)
        for name, seed, rule, p in told
        if p.metric == ("top10pct_found" if rule is None else Evaluation(rule).headline)
    ]
    found: dict[tuple[str, str, int, str], dict[int, float]] = {}
    for name, seed, rule, p in kept:
        # of folds, the labels differ a little by the sizes of groups: the limits stand for them
        labels = p.labels if not rule else min(LIMITS, key=lambda limit: abs(0.8 * limit - p.labels))
        found.setdefault((name, rule or "", labels, p.policy), {})[seed] = p.mean
    keys = list(dict.fromkeys(key[:3] for key in found))
    folds = [
        [name, rule, f"{0.8 * limit:.0f}", *_cells(found, (name, rule, limit), LEARNERS)]
        for name, rule, limit in keys
        if rule
    ]
    campaigns = [
        [name, f"{labels}", *_cells(found, (name, "", labels), POLICIES)]
        for name, rule, labels in keys
        if not rule and labels == PROTOCOL.labels[-1]
    ]
    return Result(
        "Treatments without a history: is the default better than averages, and does choosing pay?",
        HOW,
        [
            section(
                "Five folds",
                "Spearman (of held-out compounds or cells the mean of folds), mean over seeds.",
                markdown_table(["set", "folds", "labels", *LEARNERS, "default less additive"], folds),
            ),
            section(
                "Campaigns",
                f"How many of the best 10 % are found; {PROTOCOL.start} + {PROTOCOL.rounds} x {PROTOCOL.batch}.",
                markdown_table(["set", "labels", *POLICIES, "default less additive"], campaigns),
            ),
        ],
        {"figures": (COLUMNS, [(name, seed, rule or "", *point_row(p)) for name, seed, rule, p in kept])},
    )


def _cells(
    found: dict[tuple[str, str, int, str], dict[int, float]], key: tuple[str, str, int], who: Sequence[str]
) -> list[str]:
    """Means of learners or policies, and the paired gain of the first over the additive model."""
    other = next(name for name in who if name.startswith("additive"))
    own, theirs = found[*key, who[0]], found[*key, other]
    means = [mean_se(list(found[*key, name].values())) if (*key, name) in found else "" for name in who]
    return [*means, mean_se([own[seed] - theirs[seed] for seed in own if seed in theirs], 2)]
