"""Growing the pool: single mutants first, then two plates of combinations, against an additive sum and chance.

Writes rounds.csv (every seed), summary.csv, calibration.csv, README.md and machine.json. Needs the public sets
(`ACTIVELOOP_DATA`, or a connection). Single campaigns are kept, so that a stopped suite goes on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from activeloop.acquisition import choose, default_recommender
from activeloop.acquisition.combining import (
    MUTATIONS,
    PLATE,
    SELECTION,
    Outlook,
    corrected,
    mutation_counts,
    selection_shift,
)
from activeloop.candidates import Mutation, Pool, Variant, grown
from activeloop.cli.terminal import Jobs
from activeloop.errors import ActiveLoopError, ConfigError
from activeloop.executor import available_cores
from activeloop.measurements import Assay, Dataset
from activeloop.models.calibration import calibrated
from activeloop.models.default import default_calibration, default_learner
from activeloop.replay.campaign import derived_seed
from activeloop.replay.sources import Source, load_landscape
from activeloop.replay.summary import number
from benchmarks.options import OUT, WORK, names_of, working
from benchmarks.proteins import DOMAINS
from benchmarks.results import Result, crossed, markdown_table, mean_se, not_done, of_seeds, run_kept, section

#: scans with several mutations a variant, whose values are told against the wild type's, 0
SCANS = ("dlg4-2022-abundance", "dlg4-2022-binding", "avgfp", "pab1", "ube4b")
#: complete libraries held to their single mutants first: the wild type's residues at the sites
LIBRARIES = {"gb1": "VDGV", "phoq": "AVST", "t7": "NRQ"}
SETS = (*LIBRARIES, *SCANS)
START, BATCH, ROUNDS = 96, 48, 2
TOP = 10
POLICIES = ("default", "additive sum", "ridge on ranks", "random")
STARTS = ("96 singles", "all singles")
#: seeds of the second start, which differ little: all measure the same single mutants
ALL_SEEDS = 1
METRICS = {
    "best": "best found (0: the wild type, 1: the best there is)",
    "top_ten": "mean of the first ten picks of the plate, on the same scale",
    "above": "share of the plate above the wild type",
    "found": "of the best 1 % of combinations: how many on the plate",
}


@dataclass(frozen=True)
class Campaign:
    """One replayed campaign."""

    set: str
    start: str
    policy: str
    seed: int

    @property
    def file(self) -> str:
        """Where what came of it is kept."""
        return f"{self.set}-{self.start}-{self.policy}-{self.seed}.json".replace(" ", "-")


@dataclass(frozen=True)
class Truth:
    """A wild type, its single mutants and their combinations, all with a value.

    Args:
        pool: single mutants, the wild type, and combinations of at most three mutations.
        values: [N], larger is better.
        counts: [N] mutations.
    """

    pool: Pool
    values: np.ndarray
    counts: np.ndarray

    @property
    def wild_type(self) -> float:
        """Its value."""
        return float(self.values[self.counts == 0][0])

    @property
    def best(self) -> float:
        """The best value there is."""
        return float(self.values.max())

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """0: the wild type or worse, 1: the best."""
        return np.maximum(values - self.wild_type, 0) / (self.best - self.wild_type)


@lru_cache(maxsize=1)
def truth_of(name: str) -> Truth:
    """All that was recorded with at most three mutations."""
    known = load_landscape(Source(name))
    if name in LIBRARIES:
        designs, values = of_library(name, known.pool, known.oriented)
    else:
        parent = known.pool.sites.parent_sequence  # type: ignore[union-attr]
        counts = mutation_counts(known.pool, np.arange(len(known)))
        rows = np.flatnonzero((counts > 0) & (counts <= MUTATIONS))
        designs = [Variant(parent, ()), *(known.pool.design(int(r)) for r in rows)]
        values = np.concatenate([[0.0], known.oriented[rows]])
    many = np.array([len(d.mutations) for d in designs])  # type: ignore[union-attr]
    order = np.concatenate([np.flatnonzero(many == k) for k in (1, 0, *range(2, MUTATIONS + 1))])
    first = int((many == 1).sum())
    listed = [designs[i] for i in order]
    base = Pool.of(listed[:first], origin="single mutants")
    return Truth(grown(base, listed[first:], "combinations"), values[order], many[order])


def of_library(name: str, pool: Pool, values: np.ndarray) -> tuple[list[Variant], np.ndarray]:
    """Members of a library as variants of its wild type, in its domain where that is known."""
    residues, names = LIBRARIES[name], pool.names(np.arange(len(pool)))
    chain, positions = residues, list(range(1, len(residues) + 1))
    if name in DOMAINS:
        chain, positions = DOMAINS[name].chain, [int(site[1:]) for site in DOMAINS[name].sites]
    designs, kept = [], []
    for row, letters in enumerate(names):
        pairs = zip(positions, residues, letters, strict=True)
        mutations = tuple(Mutation(p, old, new) for p, old, new in pairs if old != new)
        if len(mutations) <= MUTATIONS:
            designs.append(Variant(chain, mutations))
            kept.append(row)
    return designs, values[kept]


def run(task: Campaign) -> list[dict[str, Any]] | str:
    """Metrics after each plate of combinations, or why there are none."""
    try:
        return replayed(truth_of(task.set), task)
    except ActiveLoopError as error:
        return f"{task.set}, {task.policy}: {error}"


def replayed(truth: Truth, task: Campaign) -> list[dict[str, Any]]:
    """One campaign: single mutants, the same for all policies of a seed, then two plates that a policy chooses."""
    seed, singles = task.seed, np.flatnonzero(truth.counts == 1)
    drawn = np.random.default_rng([seed, 0]).permutation(singles)
    start = drawn if task.start == "all singles" else drawn[:START]
    rows = np.append(np.flatnonzero(truth.counts == 0), start)
    top = np.sort(truth.values[truth.counts > 1])[-max(1, round(0.01 * (truth.counts > 1).sum()))]
    found = []
    for plate in range(1, ROUNDS + 1):
        policy = POLICIES_BY_NAME[task.policy]
        new, stated = policy(truth, np.sort(rows), derived_seed(seed, plate, 1))
        rows = np.concatenate([rows, new])
        values = truth.values[new]
        combined = truth.counts[new] > 1
        found.append(
            {
                "plate": plate,
                "best": float(truth.scaled(truth.values[rows]).max()),
                "top_ten": float(truth.scaled(values[:TOP]).mean()),
                "above": float((values > truth.wild_type).mean()),
                "found": float(((values >= top) & combined).sum()),
                "combined": float(combined.sum()),
                "stated": stated,
            }
        )
    return found


Stated = list[dict[str, float]]


def by_default(truth: Truth, rows: np.ndarray, seed: int) -> tuple[np.ndarray, Stated]:
    """What `propose` does after `extend`, and what it states of the combinations that it picks."""
    base = Pool.of([truth.pool.design(int(r)) for r in np.flatnonzero(truth.counts == 1)])
    learner = calibrated(default_learner(base, "find"), default_calibration(base))
    dataset = Dataset.of(truth.pool, rows, truth.values[rows], Assay("value"))
    model = learner.fit(dataset, seed)
    free = np.setdiff1d(np.arange(len(truth.pool)), rows)
    select = default_recommender("find", dataset.assays, base)
    picks = choose(model, truth.pool, n=BATCH, select=select, seed=seed, dataset=dataset, only=free)
    new = np.array([pick.row for pick in picks], np.int64)
    several = new[truth.counts[new] > 1]
    if not len(several):
        return new, []
    wild = Outlook.of(model, dataset, seed).wild_type
    prediction = model.predict(truth.pool, several, seed, draws=0)
    stated = []
    raw, above_raw = corrected(prediction, 0.0, wild)
    told, above = corrected(prediction, selection_shift(dataset), wild)
    spread = np.sqrt(prediction.sd**2 + prediction.noise**2)[:, 0]
    for i, row in enumerate(several.tolist()):
        value = float(truth.values[row])
        inside = [bool(low[i, 0] <= value <= high[i, 0]) for low, high in (raw.interval(0.9), told.interval(0.9))]
        too_high = float((prediction.mean[i, 0] - value) / spread[i])
        stated.append(
            {
                "true": float(value > wild),
                "raw": float(above_raw[i]),
                "told": float(above[i]),
                "inside_raw": float(inside[0]),
                "inside_told": float(inside[1]),
                "too_high": too_high,
            }
        )
    return new, stated


def effects_of(truth: Truth, rows: np.ndarray) -> tuple[dict[Mutation, float], float]:
    """Effects of the measured single mutants, and their mean."""
    single = rows[truth.counts[rows] == 1]
    effects = {truth.pool.design(int(r)).mutations[0]: float(truth.values[r]) - truth.wild_type for r in single}  # type: ignore[union-attr]
    return effects, float(np.mean(list(effects.values())))


def by_sum(truth: Truth, rows: np.ndarray, seed: int) -> tuple[np.ndarray, Stated]:
    """The largest sums of measured effects; a mutation that was not measured counts as the mean of those that were."""
    effects, usual = effects_of(truth, rows)
    free = combinations_left(truth, rows)
    sums = np.array([sum(effects.get(m, usual) for m in truth.pool.design(int(r)).mutations) for r in free])  # type: ignore[union-attr]
    ties = np.random.default_rng(seed).random(len(free))
    return free[np.lexsort((ties, -sums))[:BATCH]], []


def by_chance(truth: Truth, rows: np.ndarray, seed: int) -> tuple[np.ndarray, Stated]:
    """Drawn from the tenth of the combinations whose weakest mutation is best."""
    effects, usual = effects_of(truth, rows)
    free = combinations_left(truth, rows)
    weakest = np.array([min(effects.get(m, usual) for m in truth.pool.design(int(r)).mutations) for r in free])  # type: ignore[union-attr]
    rng = np.random.default_rng(seed)
    tenth = free[np.lexsort((rng.random(len(free)), -weakest))[: max(2 * BATCH, len(free) // 10)]]
    return rng.choice(tenth, min(BATCH, len(tenth)), replace=False), []


def by_ridge(truth: Truth, rows: np.ndarray, seed: int) -> tuple[np.ndarray, Stated]:
    """Ridge regression of normal scores on the mutations, its penalty by leave-one-out; the largest first."""
    from sklearn.linear_model import RidgeCV

    from activeloop.models.transforms import QuantileTransform

    model = RidgeCV(alphas=np.logspace(-2, 3, 11))
    values = truth.values[rows]
    features = one_hot(truth.pool, rows)
    used = np.flatnonzero(features.any(0))
    model.fit(features[:, used], QuantileTransform.of(values).to_target(values))
    free = combinations_left(truth, rows)
    predicted = np.concatenate([model.predict(one_hot(truth.pool, part)[:, used]) for part in np.array_split(free, 20)])
    ties = np.random.default_rng(seed).random(len(free))
    return free[np.lexsort((ties, -predicted))[:BATCH]], []


def one_hot(pool: Pool, rows: np.ndarray) -> np.ndarray:
    """[n, L * K] which mutations each of some rows carries."""
    sites, codes = pool.sites, pool.codes(rows)
    assert sites is not None
    assert sites.parent is not None
    owner, column = np.nonzero(codes != sites.parent)
    features = np.zeros((len(rows), codes.shape[1] * len(sites.alphabet)), np.float32)
    features[owner, column * len(sites.alphabet) + codes[owner, column]] = 1
    return features


def combinations_left(truth: Truth, rows: np.ndarray) -> np.ndarray:
    """Those that were not measured."""
    return np.setdiff1d(np.flatnonzero(truth.counts > 1), rows)


POLICIES_BY_NAME = {"default": by_default, "additive sum": by_sum, "ridge on ranks": by_ridge, "random": by_chance}


def extend_result(done: Mapping[Campaign, Sequence[Mapping[str, Any]]], failures: Sequence[str]) -> Result:
    """What was found."""
    rounds = [
        (t.set, t.start, t.policy, t.seed, int(one["plate"]), name, number(float(one[name])))
        for t, course in done.items()
        for one in course
        for name in (*METRICS, "combined")
    ]
    values: dict[tuple[str, str, int, str, str], list[float]] = {}
    for name, start, policy, _, plate, metric, value in rounds:
        values.setdefault((metric, start, plate, name, policy), []).append(float(value))
    sections = [
        _section(values, start, plate, metric)
        for start in STARTS
        for plate in range(1, ROUNDS + 1)
        for metric in METRICS
        if any(key[:3] == (metric, start, plate) for key in values)
    ]
    stated = _stated(done)
    seeds = {start: len({t.seed for t in done if t.start == start}) for start in STARTS}
    how = (
        f"Public sets with several mutations a variant. First {START} single mutants drawn at random (all where "
        f"there are fewer), or all single mutants, and the wild type; then {ROUNDS} plates of {BATCH}, from all that "
        f"was recorded with 2 to {MUTATIONS} mutations. `default`: what `propose` does after `extend`, where single "
        "mutants that were not measured compete for the plate; `additive sum`: the largest sums of measured effects, a "
        "mutation that was not measured counting as the mean of those that were; `ridge on ranks`: on the mutations, "
        "its penalty by leave-one-out; `random`: drawn from the tenth of the combinations whose weakest mutation is "
        "best. Complete libraries (" + ", ".join(LIBRARIES) + ") are held to their single mutants first. The scan "
        "tem-1 has doubles alone, without the single mutants of which they are made, so nothing could come first. "
        f"Before P(above) is stated, a prediction is lowered by {SELECTION[0]:g} standard deviations of a measurement, "
        f"and by {SELECTION[1]:g} once {PLATE} combinations were measured. "
        f"{of_seeds(max(seeds.values(), default=0))} from {START} single mutants, "
        f"{seeds[STARTS[1]]} from all of them; mean ± standard error over seeds, over sets for their mean."
    )
    if missing := [name for name in SETS if name not in {task.set for task in done}]:
        how += f" Left out of this run: {', '.join(missing)}."
    summary = [(*key, mean_se(found), len(found)) for key, found in values.items()]
    tables = {
        "rounds": (("set", "start", "policy", "seed", "plate", "metric", "value"), rounds),
        "summary": (("metric", "start", "plate", "set", "policy", "mean ± se", "seeds"), summary),
        "calibration": (("set", "start", "seed", "plate", *STATED), stated),
    }
    parts = [_bars(values), *sections, _calibration(stated), not_done("Not done", failures)]
    return Result("Does it pay to combine hits, and by what?", how, parts, tables)


Values = Mapping[tuple[str, str, int, str, str], Sequence[float]]


def set_means(values: Values, start: str, plate: int, metric: str, policy: str) -> np.ndarray:
    """The mean over seeds of each set."""
    keys = [(metric, start, plate, name, policy) for name in SETS]
    return np.array([np.mean(values[key]) for key in keys if key in values])


def _section(values: Values, start: str, plate: int, metric: str) -> str:
    """One metric of one plate: a row a set, and their mean."""
    cells = {
        (name, policy): mean_se(values[metric, start, plate, name, policy])
        for name in SETS
        for policy in POLICIES
        if (metric, start, plate, name, policy) in values
    }
    for policy in POLICIES:
        means = set_means(values, start, plate, metric, policy)
        if len(means) > 1:
            cells["**mean of the sets**", policy] = mean_se(means)
            cells["**default less this**", policy] = mean_se(set_means(values, start, plate, metric, "default") - means)
    words = METRICS[metric]
    return section(f"{start.capitalize()}, plate {plate} of combinations: {words}", crossed(cells))


def _bars(values: Values) -> str:
    """The default against the sum in the plate that counts, over all sets."""
    rows = []
    for start, plate in ((STARTS[0], 2), (STARTS[0], 1), (STARTS[1], 1), (STARTS[1], 2)):
        for metric in METRICS:
            default = set_means(values, start, plate, metric, "default")
            others = [set_means(values, start, plate, metric, policy) for policy in POLICIES[1:]]
            if len(default) and all(len(other) == len(default) for other in others):
                gaps = [mean_se(default - other) for other in others]
                rows.append([f"{start}, plate {plate}: {METRICS[metric]}", mean_se(default), *gaps])
    return section("In short", markdown_table(["", "default", *(f"less {p}" for p in POLICIES[1:])], rows))


#: what is kept of each combination on a plate of `default`
STATED = {
    "true": "was above the wild type",
    "raw": "P(above) without a correction",
    "told": "P(above) as stated",
    "inside_raw": "in its 90 % interval, without a correction",
    "inside_told": "in its 90 % interval, as stated",
    "too_high": "standard deviations by which the model's prediction was too high",
}


def _stated(done: Mapping[Campaign, Sequence[Mapping[str, Any]]]) -> list[tuple[object, ...]]:
    return [
        (t.set, t.start, t.seed, one["plate"], *(number(row[name]) for name in STATED))
        for t, course in done.items()
        if t.policy == "default"
        for one in course
        for row in one["stated"]
    ]


def _calibration(stated: Sequence[Sequence[Any]]) -> str:
    """Stated probabilities against what came true, by start and plate and over their size."""
    if not stated:
        return ""
    table = np.array([[float(x) for x in row[4:]] for row in stated])
    starts = np.array([f"{row[1]}, plate {row[3]}" for row in stated])
    sets = np.array([row[0] for row in stated])
    at = {name: i for i, name in enumerate(STATED)}
    rows = []
    for start in dict.fromkeys(starts.tolist()):
        mine = starts == start
        # every set counts the same, however many picks it has
        means = np.array([table[mine & (sets == name)].mean(0) for name in dict.fromkeys(sets[mine].tolist())])
        brier = [((table[mine, at[name]] - table[mine, at["true"]]) ** 2).mean() for name in ("raw", "told")]
        mean = means.mean(0)
        columns = ("true", "raw", "told", "inside_raw", "inside_told", "too_high")
        rows.append([start, *(f"{mean[at[name]]:.2f}" for name in columns), *(f"{b:.3f}" for b in brier)])
    header = ["", *STATED.values(), "Brier score without", "Brier score as stated"]
    edges = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0001])
    bins = np.digitize(table[:, at["told"]], edges) - 1
    by_size = [
        [f"{edges[k]:.1f} to {min(edges[k + 1], 1):.1f}", f"{(bins == k).sum():,}"]
        + [f"{table[bins == k, at[name]].mean():.2f}" for name in ("told", "true")]
        for k in range(5)
        if (bins == k).any()
    ]
    return section(
        "P(above the wild type), prospectively",
        markdown_table(header, rows),
        markdown_table(["stated", "combinations", "mean stated", "came true"], by_size),
    )


def command(
    sets: Annotated[str, typer.Option(metavar="NAMES", help="Only these sets, joined by commas.")] = "",
    seeds: Annotated[int, typer.Option(help="Campaigns of each set and policy.")] = 10,
    jobs: Jobs = None,
    work: Annotated[Path, WORK] = Path("replays"),
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """Does it pay to combine hits, and by what: the model, a sum, or chance?"""
    named = names_of(sets) or SETS
    if unknown := [name for name in named if name not in SETS]:
        raise ConfigError(f'"{unknown[0]}" is no set of this suite. Known: {", ".join(SETS)}. Nothing was computed.')
    tasks = [
        Campaign(name, start, policy, seed)
        for name in named
        for start in STARTS
        if start != STARTS[1] or name not in LIBRARIES  # these have fewer than a plate of them
        for policy in POLICIES
        for seed in range(seeds if start == STARTS[0] else min(seeds, ALL_SEEDS))
    ]
    totals = {name: sum(task.set == name for task in tasks) for name in named}
    with working(work / "extend", totals, "campaigns") as finished:
        place, cores = work / "extend", jobs or available_cores()
        done, failures = run_kept(tasks, run, place, json.loads, cores, lambda t: finished(t.set), json.dumps)
    options = f"{f' --sets {sets}' if sets else ''} --seeds {seeds}"
    extend_result(done, sorted(set(failures.values()))).write(out / "extend", f"python -m benchmarks extend{options}")
