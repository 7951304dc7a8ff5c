"""Campaigns of two assays: the best within a threshold, and the front of both, against one assay alone and chance.

Writes summary.csv, rounds.csv (every seed), README.md and machine.json. Needs the public sets (`ACTIVELOOP_DATA`, or a
connection). Single campaigns are kept, so that a stopped suite goes on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import typer

from activeloop.acquisition import Recommender, choose, default_recommender
from activeloop.acquisition.multiobjective import hypervolume
from activeloop.candidates import Pool
from activeloop.cli.terminal import Jobs
from activeloop.errors import ActiveLoopError, ConfigError
from activeloop.executor import available_cores
from activeloop.measurements import Assay, Dataset
from activeloop.models.default import default_learner
from activeloop.replay.campaign import derived_seed
from activeloop.replay.sources import Source, load_landscape
from activeloop.replay.summary import number
from benchmarks.options import OUT, WORK, names_of, working
from benchmarks.results import Result, crossed, mean_se, not_done, of_seeds, run_kept, section

#: name -> two public sets of one library, and whether less of the second is better
PAIRS: dict[str, tuple[str, str, Literal["maximise", "minimise"]]] = {
    "vkor1": ("VKOR1_HUMAN_Chiasson_2020_activity", "VKOR1_HUMAN_Chiasson_2020_abundance", "maximise"),
    "pard": ("pard2", "pard3", "minimise"),
    "cr6261": ("cr6261-h1", "cr6261-h9", "maximise"),
    "dlg4": ("dlg4-2022-binding", "dlg4-2022-abundance", "maximise"),
    "pten": ("pten-activity", "pten-abundance", "maximise"),
    "cp2c9": ("CP2C9_HUMAN_Amorosi_2021_activity", "CP2C9_HUMAN_Amorosi_2021_abundance", "maximise"),
}
GOALS = ("threshold", "front")
POLICIES = ("default", "first alone", "random")
START, BATCH, ROUNDS = 48, 48, 3
#: quantile of the second assay, from its better end, that is good enough
QUARTER = 0.25
#: of the candidates within the threshold
TOP = 0.01
METRICS = {
    "best_within": "best of the first assay within the threshold (0: their median, 1: the best there is)",
    "top1pct_within": "share of the best 1 % within the threshold that was found",
    "volume": "volume below the front, above the medians, as a share of that of all candidates",
}


@dataclass(frozen=True)
class Campaign:
    """One replayed campaign of two assays."""

    pair: str
    goal: str
    policy: str
    seed: int

    @property
    def file(self) -> str:
        """Where what came of it is kept."""
        return f"{self.pair}-{self.goal}-{self.policy.replace(' ', '-')}-{self.seed}.json"


@dataclass(frozen=True)
class Truth:
    """Two properties of every candidate.

    Args:
        pool: N candidates.
        values: [N, 2] in the units of the assays, NaN where one was not recorded.
        assays: both.
    """

    pool: Pool
    values: np.ndarray
    assays: tuple[Assay, Assay]

    @property
    def rows(self) -> np.ndarray:
        """Those of which both are known."""
        return np.flatnonzero(~np.isnan(self.values).any(1))

    @property
    def oriented(self) -> np.ndarray:
        """[N, 2] larger is better."""
        return self.values * [a.sign for a in self.assays]


@lru_cache(maxsize=1)
def truth_of(pair: str, goal: str) -> Truth:
    """Both properties of a pair; for the goal `threshold` the better quarter of the second is good enough."""
    first, second, aim = PAIRS[pair]
    one, other = load_landscape(Source(first)), load_landscape(Source(second))
    at = other.pool.rows_of(one.pool.names(np.arange(len(one))))
    beside = np.where(at >= 0, other.values[np.maximum(at, 0)], np.nan)
    level = np.nanquantile(beside[~np.isnan(beside)], QUARTER if aim == "minimise" else 1 - QUARTER)
    limit = float(level) if goal == "threshold" else None
    assays = Assay(first), Assay(second, goal=aim, threshold=limit)
    return Truth(one.pool, np.column_stack([one.values, beside]), assays)


def run(task: Campaign) -> list[dict[str, float]] | str:
    """Metrics after each plate, or why there are none."""
    try:
        truth = truth_of(task.pair, task.goal)
        return replayed(truth, task.policy, task.seed)
    except ActiveLoopError as error:
        return f"{task.pair}, {task.policy}: {error}"


def replayed(truth: Truth, policy: str, seed: int) -> list[dict[str, float]]:
    """One campaign: the first plate is the same for all policies of a seed."""
    pool, rows = truth.pool, np.random.default_rng([seed, 0]).permutation(truth.rows)[:START]
    learner, judge, found = default_learner(pool, "find"), Judge.of(truth), []
    assays = truth.assays if policy == "default" else truth.assays[:1]
    select: Recommender = default_recommender("find", assays, pool)
    for plate in range(ROUNDS + 1):
        found.append({"labels": float(len(rows)), **judge(rows)})
        if plate == ROUNDS:
            return found
        free = np.setdiff1d(truth.rows, rows)
        if policy == "random":
            new = np.random.default_rng([seed, plate, 1]).choice(free, BATCH, replace=False)
        else:
            dataset = measured(truth, np.sort(rows)).only([a.name for a in assays])
            model = learner.fit(dataset, derived_seed(seed, plate, 1))
            options = {"n": BATCH, "select": select, "seed": derived_seed(seed, plate, 2), "only": free}
            new = np.array([pick.row for pick in choose(model, pool, dataset=dataset, **options)], np.int64)
        rows = np.concatenate([rows, new])
    return found


def measured(truth: Truth, rows: np.ndarray) -> Dataset:
    """What a laboratory would know of these candidates."""
    values = truth.values[rows]
    nothing = np.zeros(values.shape)
    flat = np.zeros(len(rows), np.int64)
    return Dataset(truth.pool, rows, values, nothing, truth.assays, flat, nothing.astype(np.int8)).oriented()


@dataclass(frozen=True)
class Judge:
    """How good what was measured is, by what all candidates are.

    Args:
        oriented: [N, 2] larger is better.
        within: [N] whether the second assay is good enough (bool); all where there is no threshold.
        middle, best: of the first assay within the threshold.
        top: from which value on a candidate is among the best 1 % within it.
        corner: [2] medians.
        whole: volume below the front of all.
        limited: whether there is a threshold.
    """

    oriented: np.ndarray
    within: np.ndarray
    middle: float
    best: float
    top: float
    corner: np.ndarray
    whole: float
    limited: bool

    @classmethod
    def of(cls, truth: Truth) -> Judge:
        """From all candidates of which both properties are known."""
        oriented, limit = truth.oriented, truth.assays[1].threshold
        known = np.zeros(len(oriented), bool)
        known[truth.rows] = True
        within = known if limit is None else known & (oriented[:, 1] >= limit * truth.assays[1].sign)
        first = np.sort(oriented[within, 0])
        corner = np.median(oriented[known], 0)
        top = float(first[-max(1, round(TOP * len(first)))])
        whole = hypervolume(oriented[known], corner)
        return cls(oriented, within, float(np.median(first)), float(first[-1]), top, corner, whole, limit is not None)

    def __call__(self, rows: np.ndarray) -> dict[str, float]:
        """The metrics of what was measured."""
        if not self.limited:
            return {"volume": hypervolume(self.oriented[rows], self.corner) / self.whole}
        mine = self.oriented[rows][self.within[rows], 0]
        reached = max(0.0, (float(mine.max(initial=self.middle)) - self.middle) / (self.best - self.middle))
        all_top = (self.within & (self.oriented[:, 0] >= self.top)).sum()
        return {"best_within": reached, "top1pct_within": float((mine >= self.top).sum() / all_top)}


def assays_result(done: Mapping[Campaign, Sequence[Mapping[str, float]]], failures: Sequence[str]) -> Result:
    """What was found."""
    rounds = [
        (*(t.pair, t.goal, t.policy, t.seed, int(one["labels"])), name, number(value))
        for t, course in done.items()
        for one in course
        for name, value in one.items()
        if name != "labels"
    ]
    last: dict[tuple[str, str, str], list[float]] = {}
    for pair, _, policy, _, labels, name, value in rounds:
        if labels == START + ROUNDS * BATCH:
            last.setdefault((name, str(pair), str(policy)), []).append(float(value))
    sections = []
    for name, words in METRICS.items():
        cells = {(pair, policy): mean_se(values) for (n, pair, policy), values in last.items() if n == name}
        sets = dict.fromkeys(pair for pair, _ in cells)
        for policy in POLICIES if len(sets) > 1 else ():
            means = [float(np.mean(last[name, pair, policy])) for pair in sets if (name, pair, policy) in last]
            cells["**mean**", policy] = mean_se(means)
        sections.append(section(f"{words[0].upper()}{words[1:]}", crossed(cells)))
    seeds = len({task.seed for task in done})
    summary = [(n, pair, policy, mean_se(values), len(values)) for (n, pair, policy), values in last.items()]
    how = (
        f"Two public sets of one library each; {START} candidates drawn at random, then {ROUNDS} plates of {BATCH}; "
        f"{of_seeds(seeds)}, mean ± standard error. `default`: what `propose` does with both assays; `first alone`: "
        "what it does with the first assay, both being measured; `random`: by chance. Threshold: the second in its "
        f"better {QUARTER:.0%}. In pard less of the second assay is better (an antitoxin of one toxin alone), in "
        "all others more. Sets: every pair of properties of one library in the registry with at most 10,000 candidates."
        " That `default` counts the first assay from the median within the threshold on was chosen on vkor1 and dlg4."
    )
    if missing := [pair for pair in PAIRS if pair not in {task.pair for task in done}]:
        how += f" Left out of this run: {', '.join(missing)}."
    tables = {
        "rounds": (("pair", "goal", "policy", "seed", "labels", "metric", "value"), rounds),
        "summary": (("metric", "pair", "policy", "mean ± se", "seeds"), summary),
    }
    return Result("Do several assays and thresholds pay?", how, [*sections, not_done("Not done", failures)], tables)


def command(
    sets: Annotated[str, typer.Option(metavar="NAMES", help="Only these pairs, joined by commas.")] = "",
    seeds: Annotated[int, typer.Option(help="Campaigns of each pair, goal and policy.")] = 10,
    jobs: Jobs = None,
    work: Annotated[Path, WORK] = Path("replays"),
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """Do several assays and thresholds pay, against one assay alone and chance?"""
    pairs = names_of(sets) or tuple(PAIRS)
    if unknown := [name for name in pairs if name not in PAIRS]:
        raise ConfigError(f'"{unknown[0]}" is no pair of sets. Known: {", ".join(PAIRS)}. Nothing was computed.')
    tasks = [Campaign(*parts, s) for parts in _product(pairs) for s in range(seeds)]
    totals = {pair: sum(task.pair == pair for task in tasks) for pair in pairs}
    with working(work / "assays", totals, "campaigns") as finished:
        place, cores = work / "assays", jobs or available_cores()
        done, failures = run_kept(tasks, run, place, json.loads, cores, lambda t: finished(t.pair), json.dumps)
    options = f"{f' --sets {sets}' if sets else ''} --seeds {seeds}"
    assays_result(done, sorted(set(failures.values()))).write(out / "assays", f"python -m benchmarks assays{options}")


def _product(pairs: Sequence[str]) -> list[tuple[str, str, str]]:
    return [(pair, goal, policy) for pair in pairs for goal in GOALS for policy in POLICIES]
