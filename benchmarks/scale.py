"""On which scale should a model work, and what are bounds and limits worth?

Three questions. *Scale*: small campaigns with the default learner and choice, with the values as they are published
and as the quantity behind them (an IC50 behind a pIC50), on a linear scale, on a logarithmic one and on the one that
`auto` takes. *Bounds*: one fit of assays that lie between 0 and 1, without bounds, with predictions cut off at them,
and on the logit. *Limits*: one fit where the lower 40 % of the values are known as `<` alone: taken as values, as
values with a standard error as large as the spread of all, and by their likelihood.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from activeloop.acquisition import choose, default_recommender
from activeloop.candidates import Pool
from activeloop.errors import ActiveLoopError, ConfigError
from activeloop.measurements import Assay, Dataset
from activeloop.metrics import spearman
from activeloop.models.base import widened
from activeloop.models.default import default_learner
from activeloop.models.scale import scale_of
from activeloop.prediction import Predictor
from activeloop.replay.sources import DATA, Source, load_landscape
from benchmarks.options import OUT, WORK, names_of, working
from benchmarks.results import Result, crossed, mean_se, not_done, of_seeds, run_kept, section

#: values that are logarithms of a quantity, by the quantity: the set, the sign and the power of ten of its unit
QUANTITIES = {
    "usp7 IC50": ("usp7", -1.0, 9.0),
    "d2r IC50": ("d2r", -1.0, 9.0),
    "bace IC50": ("bace", -1.0, 9.0),
    "esol mol/l": ("esol", 1.0, 0.0),
    "lipophilicity D": ("lipophilicity", 1.0, 0.0),
    "gfp brightness": ("GFP_AEQVI_Sarkisyan_2016", 1.0, 0.0),
}
#: the cell lines of GDSC with the most drugs, as IC50 in µM
LINES = 3
#: sets as they are published: those of the suites `docking`, `landscapes` and `singles` of which less than two in a
#: hundred values are at or below 0, so that there is a choice (of the others, such as GB1, there is none), without
#: `cr9114-h3`, a logarithm already; docking scores, all of which are below 0; and guides
PUBLISHED = (
    *("usp7", "d2r", "enamine10k", "eqfp611", "GFP_AEQVI_Sarkisyan_2016", "PABP_YEAST_Melamed_2013"),
    *("PA_I34A1_Wu_2015", "crispr-wt"),
)
SCALES = ("linear", "log", "auto", "random")
FRACTIONS = ("crispr-wt", "crispr-esp", "crispr-hf")
BOUNDS = ("no bounds", "cut off", "logit")
LIMITED = ("usp7", "eqfp611", "GFP_AEQVI_Sarkisyan_2016", "crispr-wt")
LIMITS = ("as values", "large error", "likelihood", "not censored")
#: candidates of a set, at most; first plate, later plates and how many; labels of a single fit; share that is censored
POOL, START, BATCH, ROUNDS, LABELS, CENSORED = 2000, 48, 48, 2, 96, 0.4


@dataclass(frozen=True)
class ScaleTask:
    """One campaign, or one fit.

    Args:
        question: `scale`, `bounds` or `limits`.
        dataset: its name.
        arm: how it is done.
        seed: of everything random.
    """

    question: str
    dataset: str
    arm: str
    seed: int

    @property
    def file(self) -> str:
        """Under which its result is kept."""
        return f"{self.question}+{self.dataset.replace('/', '-')}+{self.arm}+{self.seed}.json"


@dataclass(frozen=True)
class ScaleResult:
    """What came of it.

    Args:
        figures: name -> value.
        log: on how many plates the scale was logarithmic, as a share.
        seconds: CPU seconds.
    """

    figures: dict[str, float]
    log: float
    seconds: float


@lru_cache(maxsize=4)
def assay_set(name: str) -> tuple[Pool, np.ndarray, np.ndarray, Assay]:
    """The pool of a set, the rows that take part, the value of each candidate (NaN: none), and the assay."""
    if name.startswith("gdsc "):
        pool, values = _line(int(name.split()[-1]))
        assay = Assay("IC50", "µM", "minimise")
    else:
        source, sign, power = QUANTITIES.get(name, (name, 0.0, 0.0))
        landscape = load_landscape(Source(source))
        pool, values, assay = landscape.pool, landscape.values.astype(np.float64), landscape.assay
        if sign:
            values = 10.0 ** (power + sign * values)
            assay = Assay("quantity", goal="minimise" if sign < 0 else "maximise")
    rows = np.flatnonzero(np.isfinite(values))
    return pool, np.sort(np.random.default_rng(1).permutation(rows)[:POOL]), values, assay


def _line(number: int) -> tuple[Pool, np.ndarray]:
    """The drugs of one of the cell lines with the most of them, and their IC50 in µM."""
    folder = Path(os.environ.get(DATA, "")) / "drug" / "gdsc"
    if not (folder / "response.csv.gz").is_file():
        raise ConfigError(f"GDSC is read from {DATA} alone: name a folder with drug/gdsc there.")
    with gzip.open(folder / "drugs.csv.gz", "rt", encoding="utf-8") as file:
        smiles = {row["drug_id"]: row["smiles"] for row in csv.DictReader(file) if row["smiles"]}
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with gzip.open(folder / "response.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["drug_id"] in smiles:
                found[row["cell_id"]][smiles[row["drug_id"]]].append(float(row["ln_ic50"]))
    line = found[sorted(found, key=lambda cell: (-len(found[cell]), cell))[number]]
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"gdsc-{os.getpid()}-{number}.csv"
    path.write_text("smiles\n" + "".join(f"{name}\n" for name in sorted(line)), "utf-8")
    try:
        pool = Pool.from_table(path, kind="compounds", merge_duplicates=True)
    finally:
        path.unlink()
    values = np.full(len(pool), np.nan)
    for name, logs in sorted(line.items()):
        row = pool.row_of(name)
        if row is not None:
            values[row] = np.exp(np.mean(logs))
    return pool, values


def run_task(task: ScaleTask) -> ScaleResult | str:
    """One task; the reason when it cannot be done, "" when the arm has no meaning for the set."""
    try:
        pool, rows, values, assay = assay_set(task.dataset)
        clock = time.process_time()
        if task.question == "scale":
            found = _campaign(task, pool, rows, values, assay)
        else:
            found = (_bounded if task.question == "bounds" else _limited)(task, pool, rows, values, assay)
    except ActiveLoopError as error:
        return f"{task.dataset}, {task.arm}: {type(error).__name__}: {error}"
    if found is None:
        return ""
    figures, log = found
    return ScaleResult({k: round(v, 5) for k, v in figures.items()}, log, round(time.process_time() - clock, 2))


Found = tuple[dict[str, float], float] | None


def _campaign(task: ScaleTask, pool: Pool, rows: np.ndarray, values: np.ndarray, assay: Assay) -> Found:
    """48 + 2 x 48 candidates: how many of the best 5 % were found, and how well the rest is predicted."""
    if task.arm == "log" and values[rows].min() <= 0:
        return None
    scale = "auto" if task.arm == "random" else task.arm
    assay, learner = replace(assay, scale=scale), default_learner(pool, "find")
    select = default_recommender("find", [assay], pool)
    measured = np.random.default_rng([task.seed, 0]).permutation(rows)[:START]
    outside = np.setdiff1d(np.arange(len(pool)), rows)
    logs = []
    for number in range(ROUNDS + 1):
        data = Dataset.of(pool, measured, values[measured], assay).oriented()
        model = learner.fit(data, task.seed)
        logs.append(scale_of(data)[0].log)
        if number == ROUNDS:
            break
        if task.arm == "random":
            free = np.setdiff1d(rows, measured)
            picks = np.random.default_rng([task.seed, 1 + number]).permutation(free)[:BATCH]
        else:
            excluded = np.concatenate([measured, outside])
            chosen = choose(model, pool, n=BATCH, select=select, seed=task.seed, excluded=excluded, dataset=data)
            picks = np.array([c.row for c in chosen], np.int64)
        measured = np.concatenate([measured, picks])
    oriented = assay.sign * values
    best = rows[np.argsort(-oriented[rows], kind="stable")[: max(1, len(rows) // 20)]]
    figures = {"found": float(np.isin(best, measured).mean())}
    return figures | _judged(model, pool, np.setdiff1d(rows, measured), oriented), float(np.mean(logs))


def _judged(model: Predictor, pool: Pool, rest: np.ndarray, oriented: np.ndarray) -> dict[str, float]:
    prediction, truth = model.predict(pool, rest, 0, draws=0), oriented[rest]
    low, high = prediction.interval(0.9)
    top = np.argsort(-prediction.mean[:, 0], kind="stable")[:20]
    return {
        "spearman": spearman(prediction.mean[:, 0], truth),
        "coverage90": float(((low[:, 0] <= truth) & (truth <= high[:, 0])).mean()),
        "top20": float((np.argsort(np.argsort(truth, kind="stable"), kind="stable")[top] / len(rest)).mean()),
    }


def _bounded(task: ScaleTask, pool: Pool, rows: np.ndarray, values: np.ndarray, assay: Assay) -> Found:
    """One fit to 96 values between 0 and 1."""
    train, rest = _split(rows, task.seed)
    if values[rows].min() < 0 or values[rows].max() > 1:
        return None
    if task.arm == "logit":
        inside = np.clip(values, 0.005, 0.995)
        values = np.log(inside / (1 - inside))
    bounds = (0.0, 1.0) if task.arm == "cut off" else None
    data = Dataset.of(pool, train, values[train], replace(assay, scale="linear", bounds=bounds)).oriented()
    model = default_learner(pool, "find").fit(data, task.seed)
    oriented = assay.sign * values
    figures = _judged(model, pool, rest, oriented)
    prediction = model.predict(pool, rest, 0, draws=0)
    low, high = (end[:, 0] for end in prediction.interval(0.9))
    mean, truth = prediction.mean[:, 0], oriented[rest]
    if task.arm == "logit":
        low, high, mean, truth = (1 / (1 + np.exp(-x)) for x in (low, high, mean, truth))
    outside = ((low < 0) | (high > 1)).mean()
    # proper score of a 90 % interval: Gneiting and Raftery 2007, doi:10.1198/016214506000001437, equation 43
    score = (high - low) + 20 * (np.maximum(low - truth, 0) + np.maximum(truth - high, 0))
    figures |= {"interval score": float(score.mean()), "outside": float(outside)}
    return figures | {"rmse": float(np.sqrt(np.mean((mean - truth) ** 2)))}, 0.0


def _limited(task: ScaleTask, pool: Pool, rows: np.ndarray, values: np.ndarray, assay: Assay) -> Found:
    """One fit to 96 values of which the lower 40 % are limits."""
    train, rest = _split(rows, task.seed)
    oriented = assay.sign * values
    plain = Assay("value", scale="linear")
    limit = float(np.quantile(oriented[train], CENSORED))
    below = oriented[train] < limit
    known = oriented[train] if task.arm == "not censored" else np.maximum(oriented[train], limit)
    data = Dataset.of(pool, train, known, plain).oriented()
    if task.arm in ("large error", "likelihood"):
        data = replace(data, censored=np.where(below[:, None], -1, 0).astype(np.int8))
    if task.arm == "large error":
        data = widened(data)
    model = default_learner(pool, "find").fit(data, task.seed)
    return _judged(model, pool, rest, oriented), 0.0


def _split(rows: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng([seed, 0]).permutation(rows)
    return order[:LABELS], order[LABELS:]


def tasks_of(questions: Sequence[str], sets: Sequence[str], seeds: int) -> list[ScaleTask]:
    """Every arm of the questions, on all sets or some.

    >>> len(tasks_of(["bounds"], [], 10)), len(tasks_of(["limits"], ["usp7"], 2))
    (90, 8)
    """
    lines = tuple(f"gdsc line {k}" for k in range(LINES))
    every: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
        "scale": ((*QUANTITIES, *lines, *PUBLISHED), SCALES),
        "bounds": (FRACTIONS, BOUNDS),
        "limits": (LIMITED, LIMITS),
    }
    if unknown := [q for q in questions if q not in every]:
        raise ConfigError(f'"{unknown[0]}" is no question. Known: {", ".join(every)}. Nothing was computed.')
    return [
        ScaleTask(question, name, arm, seed)
        for question in questions
        for name, arm in product(*every[question])
        for seed in range(seeds)
        if not sets or name in sets
    ]


def command(
    sets: Annotated[str, typer.Option(metavar="NAMES", help="Only these sets, joined by commas.")] = "",
    questions: Annotated[str, typer.Option(metavar="NAMES", help="Of scale, bounds, limits.")] = "scale,bounds,limits",
    seeds: Annotated[int, typer.Option(help="Draws of the measured candidates.")] = 10,
    jobs: Annotated[int, typer.Option(metavar="N", help="How many processes.")] = 1,
    work: Annotated[Path, WORK] = Path("replays"),
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """On which scale should a model work, and what are bounds and limits worth?"""
    if seeds < 1:
        raise ConfigError("--seeds must be at least 1. Nothing was computed.")
    asked = names_of(questions)
    tasks = tasks_of(asked, names_of(sets), seeds)
    with working(work / "scale", Counter(task.question for task in tasks), "fits") as done:
        found = run_kept(tasks, run_task, work / "scale", _read, jobs, lambda task: done(task.question))
    told = f"python -m benchmarks scale --seeds {seeds}" + (f" --sets {sets}" if sets else "")
    scale_result(*found).write(out / "scale", told)


def _read(text: str) -> ScaleResult:
    return ScaleResult(**json.loads(text))


TITLES = {
    "found": "Of the best 5 %, found",
    "spearman": "Spearman of the candidates that were not measured",
    "top20": "Mean rank of the 20 best predictions (1 = the best)",
    "coverage90": "Coverage of 90 % intervals",
    "interval score": "Score of 90 % intervals (smaller is better)",
    "rmse": "Root mean square error",
    "outside": "Share of intervals that reach beyond 0 to 1",
}
QUESTIONS = {
    "scale": f"On which scale? {START} + {ROUNDS} x {BATCH} candidates",
    "bounds": f"Are bounds kept by cutting off or by the logit? {LABELS} candidates",
    "limits": f"What are limits worth? {LABELS} candidates, the lower {CENSORED:.0%} as `<`",
}


def scale_result(results: dict[ScaleTask, ScaleResult], failures: dict[ScaleTask, str]) -> Result:
    """The page, a table of every seed and one of means."""
    seeds = len({task.seed for task in results})
    sections = []
    for question, title in QUESTIONS.items():
        mine = {task: result for task, result in results.items() if task.question == question}
        figures = dict.fromkeys(name for result in mine.values() for name in result.figures)
        tables = [f"**{TITLES[name]}**\n\n{_table(mine, name)}" for name in figures]
        if question == "scale" and mine:
            auto = _grouped(mine, lambda result: result.log, ("auto",))
            shown = {(name, "plates on logarithms"): f"{np.mean(shares):.0%}" for (name, _), shares in auto.items()}
            tables.append(f"**What `auto` takes**\n\n{crossed(shown)}")
        sections.append(section(title, *tables))
    names = list(dict.fromkeys(name for result in results.values() for name in result.figures))
    columns = ("question", "dataset", "arm", "seed", *names, "log", "seconds")
    rows = [
        (t.question, t.dataset, t.arm, t.seed, *(r.figures.get(name, "") for name in names), r.log, r.seconds)
        for t, r in results.items()
    ]
    return Result(
        "On which scale should a model work, and what are bounds and limits worth?",
        f"{(__doc__ or '').split(chr(10), 2)[2].strip()}\n\nSets of at most {POOL:,} candidates, drawn once; the "
        f"same first plate for all arms of a seed; {of_seeds(seeds)}; mean ± standard error. `random`: every plate at "
        "random.",
        [*sections, not_done("Not computed", failures.values())],
        {"rounds": (columns, rows)},
    )


def _grouped(
    results: dict[ScaleTask, ScaleResult], figure: Callable[[ScaleResult], float | None], arms: tuple[str, ...] = ()
) -> dict[tuple[str, str], list[float]]:
    """Figures of all seeds by set and arm; of all arms where none is named."""
    found: dict[tuple[str, str], list[float]] = {}
    for task, result in results.items():
        value = figure(result)
        if value is not None and (not arms or task.arm in arms):
            found.setdefault((task.dataset, task.arm), []).append(value)
    return found


def _table(results: dict[ScaleTask, ScaleResult], name: str) -> str:
    """Sets by arms; and the mean of the sets on which all arms were possible."""
    cells = _grouped(results, lambda result: result.figures.get(name))
    arms = list(dict.fromkeys(arm for _, arm in cells))
    sets = list(dict.fromkeys(dataset for dataset, _ in cells))
    text = {key: mean_se(values) for key, values in cells.items()}
    whole = [dataset for dataset in sets if all((dataset, arm) in cells for arm in arms)]
    for arm in arms if len(whole) > 1 else []:
        text["**mean of the sets**", arm] = mean_se(float(np.mean(cells[dataset, arm])) for dataset in whole)
    return crossed(text)
