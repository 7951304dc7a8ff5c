"""Does the second plate of a scan lose by not being one position? The rule of the default against the plain best.

Writes summary.csv, rounds.csv (every seed), README.md and machine.json. Needs the public sets (`ACTIVELOOP_DATA`, or a
connection). Single campaigns are kept, so that a stopped suite goes on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from activeloop.acquisition import TopK, choose, default_recommender
from activeloop.candidates import position_of_single
from activeloop.cli.terminal import Jobs
from activeloop.errors import ActiveLoopError
from activeloop.executor import available_cores
from activeloop.measurements import Dataset
from activeloop.models.default import default_learner
from activeloop.replay.campaign import cached_landscape, derived_seed
from activeloop.replay.metrics import Truth
from activeloop.replay.sources import Source, registry
from activeloop.replay.summary import number
from benchmarks.options import OUT, WORK, names_of, working
from benchmarks.results import Result, markdown_table, mean_se, not_done, of_seeds, run_kept, section

PLATES = (8, 16, 48)
RULES = ("top", "top-per-position")
#: second, third and fourth plate
LAST = 4
#: share of a scan that a seed leaves out, so that seeds differ though the first plate is chosen by the prior
LEFT_OUT = 0.2
METRICS = {
    "share": "share of the plate at its most frequent position",
    "best_fraction": "best found so far / best there is",
    "top1pct_found": "of the best 1 %, found so far",
    "top10pct_found": "of the best 10 %, found so far",
}


def scans() -> tuple[str, ...]:
    """Every sixth domain of the registry, by name: scans that the rule was not chosen on."""
    known = sorted(name for name, entry in registry().items() if entry.file.startswith("protein/stability/"))
    return tuple(known[::6])


@dataclass(frozen=True)
class Campaign:
    """One replayed campaign: plates of one size, the first one chosen by the prior."""

    scan: str
    plate: int
    seed: int

    @property
    def file(self) -> str:
        """Where what came of it is kept."""
        return f"{self.scan}+{self.plate}+{self.seed}.json"


#: rule -> metrics after the second, third and fourth plate
Found = dict[str, list[dict[str, float]]]


def run(task: Campaign) -> Found | str:
    """What each rule found, or why there is nothing."""
    try:
        landscape = cached_landscape(Source(task.scan))
    except ActiveLoopError as error:
        return f"{task.scan}: {error}"
    pool, truth, n = landscape.pool, Truth(landscape.oriented, landscape.fit), task.plate
    left_out = np.random.default_rng([task.seed, 9]).permutation(len(landscape))[: int(LEFT_OUT * len(landscape))]
    if LAST * n > (len(landscape) - len(left_out)) // 2:
        return ""
    learner, select = default_learner(pool, "find"), default_recommender("find", [landscape.assay], pool)
    seed = derived_seed(task.seed, n)
    first = choose(learner.prior(pool), pool, n=n, seed=seed, select=select, excluded=left_out)
    found: Found = {}
    for rule in RULES:
        rows, found[rule] = np.array([pick.row for pick in first]), []
        chosen = replace(select, batch=TopK()) if rule == "top" else select
        for plate in range(2, LAST + 1):
            dataset = Dataset.of(pool, rows, landscape.values[rows].astype(float), landscape.assay).oriented()
            model = learner.fit(dataset, derived_seed(task.seed, n, plate))
            taken = np.union1d(rows, left_out)
            picks = choose(model, pool, n=n, seed=seed, select=chosen, excluded=taken, dataset=dataset)
            new = np.array([pick.row for pick in picks])
            rows = np.concatenate([rows, new])
            position = position_of_single(pool, new)
            assert position is not None
            share = np.unique(position, return_counts=True)[1].max() / n
            found[rule].append({"share": float(share)} | {name: truth.found(rows)[name] for name in [*METRICS][1:]})
    return found


def diversity_result(results: Mapping[Campaign, Found], failures: Mapping[Campaign, str], seeds: int) -> Result:
    """What both rules found."""
    columns = ("scan", "plate", "seed", "rule", "after", *METRICS)
    rows = [
        (task.scan, task.plate, task.seed, rule, after, *each.values())
        for task in sorted(results, key=lambda t: (t.scan, t.plate, t.seed))
        for rule, plates in results[task].items()
        for after, each in enumerate(plates, 2)
    ]
    sections, summary = [], []
    for n in PLATES:
        lines = []
        for after in range(2, LAST + 1):
            for metric, told in METRICS.items():
                by_rule = [_means(results, n, rule, after, metric) for rule in RULES]
                if not len(by_rule[0]):
                    continue
                less = by_rule[1] - by_rule[0]
                lines.append([f"plate {after}: {told}", *(number(each.mean()) for each in by_rule), mean_se(less)])
                summary.append(
                    (n, after, metric, *(float(each.mean()) for each in by_rule), *_mean_se(less), len(less))
                )
        sections.append(section(f"Plates of {n}", markdown_table(["", *RULES, "difference"], lines)))
    how = (
        "Campaigns on single-mutant scans; the first plate is chosen by the prior, later ones by the default learner: "
        "the best predictions (`top`), or at most half of them at one position (`top-per-position`, the default). "
        f"Each seed leaves out another fifth of the scan. {of_seeds(seeds)}; mean over scans, and mean ± standard "
        "error over scans of the paired difference. The rule was chosen on every single-mutant assay of 400 to 2,000 "
        "variants; these are every sixth of the domains whose stability was scanned, by name."
    )
    told = not_done("Not replayed", failures.values())
    question = "Does a plate lose hits when at most half of it is at one position?"
    named = ("plate", "after", "metric", *RULES, "difference", "se", "scans")
    return Result(question, how, [*sections, told], {"summary": (named, summary), "rounds": (columns, rows)})


def _means(results: Mapping[Campaign, Found], n: int, rule: str, after: int, metric: str) -> np.ndarray:
    """[scans] mean over seeds."""
    of_scan: dict[str, list[float]] = {}
    for task in sorted(results, key=lambda t: (t.scan, t.seed)):
        if task.plate == n:
            of_scan.setdefault(task.scan, []).append(results[task][rule][after - 2][metric])
    return np.array([np.mean(values) for values in of_scan.values()])


def _mean_se(values: np.ndarray) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def command(
    sets: Annotated[str, typer.Option(metavar="NAMES", help="Only these scans, joined by commas.")] = "",
    seeds: Annotated[int, typer.Option(help="Number of seeds.")] = 10,
    jobs: Jobs = None,
    work: Annotated[Path, WORK] = Path("replays"),
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """Does a plate lose hits when at most half of it is at one position?"""
    chosen: Sequence[str] = names_of(sets) or scans()
    tasks = [Campaign(scan, n, seed) for scan in chosen for n in PLATES for seed in range(seeds)]
    told = "".join(f" --{name} {value}" for name, value in (("sets", sets), ("seeds", seeds)) if value not in ("", 10))
    with working(work / "diversity", {"plates": len(tasks)}, "campaigns") as finished:
        results, failures = run_kept(
            tasks,
            run,
            work / "diversity",
            json.loads,
            available_cores() if jobs is None else jobs,
            lambda task: finished("plates"),
            json.dumps,
        )
    diversity_result(results, failures, seeds).write(out / "diversity", f"python -m benchmarks diversity{told}")
