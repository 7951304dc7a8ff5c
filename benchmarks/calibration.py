"""Is stated uncertainty right? Coverage of intervals on candidates that were not measured, before and after correction.

Every learner is fitted to a few labels of a set in which everything was measured. Its intervals for one new
measurement are compared with the values of unseen candidates (at random, and at positions without a label), and of the
plate that a campaign would choose next by the highest predictions. Corrections are fitted to out-of-fold predictions of
the same few labels. A set that is too small for a split is left out.
"""

from __future__ import annotations

import io
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from activeloop.errors import ActiveLoopError, ConfigError
from activeloop.measurements import Dataset
from activeloop.models.calibration import (
    Calibration,
    Conformal,
    Isotonic,
    OutOfFoldPredictions,
    Rescaling,
    TemperatureScaling,
)
from activeloop.models.calibration.held_out import CENTRAL, calibration_curve
from activeloop.models.out_of_fold import out_of_fold_prediction
from activeloop.prediction import Learner, Predictor, mean_of
from activeloop.replay.campaign import cached_landscape
from activeloop.replay.evaluation import FoldRule, check_learner
from activeloop.replay.landscape import Landscape
from activeloop.replay.metrics import mean_and_error
from activeloop.replay.policies import learner_of
from activeloop.replay.sources import Source
from activeloop.replay.summary import number
from benchmarks.budgets import BudgetTask, split
from benchmarks.options import OUT, WORK, names_of, working
from benchmarks.results import Result, markdown_table, mean_se, not_done, run_kept, section
from benchmarks.suites import SINGLES

LIBRARIES = ("gb1", "phoq")
METHODS: dict[str, Calibration | None] = {
    "uncalibrated": None,
    "temperature scaling": TemperatureScaling(),
    "isotonic": Isotonic(),
    "conformal": Conformal(),
}
#: seeds of learners that are judged as they are: networks take seconds a fit
RAW_SEEDS = 1
#: candidates on the plate that would be chosen next; at most a tenth of what is left
PLATE = 48
LOOKED_AT = 10_000


@dataclass(frozen=True)
class CalibrationTask(BudgetTask):
    """One fit, its corrections, and what they are worth.

    Args:
        corrected: whether corrections are fitted, or the learner is only judged as it is.
    """

    corrected: bool = True


@dataclass(frozen=True)
class CalibrationResult:
    """What came of one fit.

    Args:
        unseen: method -> figures on candidates that were not measured, see `OutOfFoldPredictions.metrics`.
        plate: method -> figures on the plate that the highest predictions choose; {} with `modulo`.
        curve: method -> share of unseen values in each central interval of `calibration.held_out.CENTRAL`.
        spread: method -> factor of the spread.
        seconds: CPU seconds of the fit, and of held-out predictions and all corrections together.
    """

    unseen: dict[str, dict[str, float]]
    plate: dict[str, dict[str, float]]
    curve: dict[str, list[float]]
    spread: dict[str, float]
    seconds: tuple[float, float]


def judge_task(task: CalibrationTask) -> CalibrationResult | str:
    """Fit, correct and judge; the reason when that cannot be, the empty string for a set that is too small."""
    landscape = cached_landscape(Source(task.dataset))
    try:
        rows = split(landscape, task.rule, task.labels, task.seed)
        if rows is None:
            return ""
        data = Dataset.of(landscape.pool, rows[0], landscape.values[rows[0]], landscape.assay).oriented()
        learner, clock = learner_of(task.learner, landscape.pool, "find"), time.process_time()
        fitted = learner.fit(data, task.seed)
        middle = time.process_time()
        corrections = _corrections(learner, data, fitted, task)
        seconds = (round(middle - clock, 4), round(time.process_time() - middle, 4))
    except ActiveLoopError as error:
        return f"{type(error).__name__}: {error}"
    unseen, curve = _judged(landscape, fitted, corrections, rows[1], task.seed)
    plate = {}
    if task.rule == "random":
        plate, _ = _judged(landscape, fitted, corrections, next_plate(landscape, fitted, rows[0], task.seed), task.seed)
    return CalibrationResult(unseen, plate, curve, {k: c.spread for k, c in corrections.items()}, seconds)


def _corrections(learner: Learner, data: Dataset, fitted: Predictor, task: CalibrationTask) -> dict[str, Rescaling]:
    """What each method makes of the same held-out predictions."""
    noise = float(fitted.predict(data.pool, data.rows[:1], task.seed, draws=0).noise[0])
    found = {"uncalibrated": Rescaling(1.0, noise)}
    if task.corrected:
        mean, sd = out_of_fold_prediction(learner, data, fitted, 5, task.seed)
        held_out = OutOfFoldPredictions(data.values[:, 0], mean, sd, noise)
        found |= {name: method.fit(held_out) for name, method in METHODS.items() if method is not None}
    return found


def _judged(
    landscape: Landscape, fitted: Predictor, corrections: dict[str, Rescaling], rows: np.ndarray, seed: int
) -> tuple[dict[str, dict[str, float]], dict[str, list[float]]]:
    """Figures and calibration curve of each correction on some rows."""
    prediction, values = fitted.predict(landscape.pool, rows, seed, draws=0), landscape.oriented[rows]
    told, curve = {}, {}
    for name, correction in corrections.items():
        new = correction(prediction)
        shape = None if new.shape is None else new.shape[0]
        new = OutOfFoldPredictions(values, new.mean[:, 0], new.sd[:, 0], float(new.noise[0]), shape)
        told[name] = {key: round(value, 5) for key, value in new.metrics([new]).items()}
        curve[name] = calibration_curve(CENTRAL, new.normal_scores).round(5).tolist()
    return told, curve


def next_plate(landscape: Landscape, fitted: Predictor, measured: np.ndarray, seed: int) -> np.ndarray:
    """Rows of the highest predictions among what was not measured; of libraries among 10,000 drawn at random."""
    free = np.setdiff1d(np.arange(len(landscape)), measured)
    free = np.sort(np.random.default_rng([seed, 1]).permutation(free)[:LOOKED_AT])
    mean = mean_of(fitted, landscape.pool, free)[:, 0]
    return free[np.argsort(-mean, kind="stable")[: min(PLATE, len(free) // 10)]]


def tasks_of(
    sets: Sequence[str], labels: Sequence[int], seeds: int, learners: Sequence[str], raw: Sequence[str]
) -> list[CalibrationTask]:
    """Every set, rule, number of labels and seed for every learner; libraries have no positions to hold out.

    >>> len(tasks_of(("gb1", "SPG1_STRSG_Olson_2014"), (48, 96), 2, ("default",), ()))
    12
    """
    rules: dict[str, tuple[FoldRule, ...]] = {
        name: ("random",) if name in LIBRARIES else ("random", "modulo") for name in sets
    }
    named = [(name, True, seeds) for name in learners] + [(name, False, min(seeds, RAW_SEEDS)) for name in raw]
    return [
        CalibrationTask(name, rule, count, seed, learner, corrected)
        for name in sets
        for rule in rules[name]
        for count in labels
        for learner, corrected, seeds in named
        for seed in range(seeds)
    ]


def read_result(text: str) -> CalibrationResult:
    """From JSON."""
    return CalibrationResult(**json.loads(text))


def command(
    sets: Annotated[str, typer.Option(metavar="NAMES", help="Only these sets, joined by commas.")] = "",
    labels: Annotated[str, typer.Option(metavar="NUMBERS", help="Measured candidates.")] = "48,96,240",
    seeds: Annotated[int, typer.Option(help="Draws of the measured candidates.")] = 10,
    learners: Annotated[str, typer.Option(metavar="NAMES", help="Those that are corrected.")] = "default",
    raw: Annotated[str, typer.Option(metavar="NAMES", help="Those that are judged as they are.")] = "dropout",
    jobs: Annotated[int, typer.Option(metavar="N", help="How many processes.")] = 1,
    work: Annotated[Path, WORK] = Path("replays"),
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """Is stated uncertainty right?"""
    corrected, plain_ones, counts = names_of(learners), names_of(raw), tuple(int(n) for n in names_of(labels))
    for name in (*corrected, *plain_ones):
        check_learner(name)
    if seeds < 1 or not counts or min(counts) < 2:
        raise ConfigError("--seeds must be at least 1 and --labels at least 2. Nothing was computed.")
    tasks = tasks_of(names_of(sets) or (*SINGLES, *LIBRARIES), counts, seeds, corrected, plain_ones)
    with working(work / "calibration", Counter(task.learner for task in tasks), "fits") as done:
        results, failures = run_kept(
            tasks, judge_task, work / "calibration", read_result, jobs, lambda task: done(task.learner)
        )
    told = f"python -m benchmarks calibration --seeds {seeds} --labels {labels}"
    calibration_result(results, failures).write(out / "calibration", told)


FIGURES = ("coverage50", "coverage80", "coverage90", "coverage95", "miscalibration_area", "sharpness", "nll")
COLUMNS = ("dataset", "candidates", "labels", "learner", "method", "metric", "mean", "se", "seeds")
#: the coverage that is required of 90 % intervals
REQUIRED = (0.85, 0.95)
INTO = {"random": "unseen candidates", "modulo": "candidates at positions without a label"}
ABOUT = (
    "Every learner is fitted to a few labels; its intervals for a new measurement are compared with the values of at "
    "most 1,000 candidates that it did not see. Corrections learn from out-of-fold predictions of the same labels. "
    "Mean ± standard error over sets of the mean over {seeds} seeds (learners without corrections: {raw}). `area`: "
    "miscalibration area, between the share of values that lies in central intervals and the share that should; "
    "`width`: of the 90 % intervals, in standard deviations of the values; `nll`: negative log likelihood of normal "
    "distributions, nats; `85-95 %`: share of sets whose 90 % intervals cover between 85 and 95 % of the values, and "
    "how many sets there are. The highest predictions stand for the plate that a campaign measures next; of libraries "
    "they are those of 10,000 candidates drawn at random. Campaigns use `isotonic` for scans and `uncalibrated` for "
    "libraries when nothing else is named."
)

Results = Mapping[CalibrationTask, CalibrationResult]
#: (learner, method)
Arm = tuple[str, str]


def calibration_result(results: Results, failures: Mapping[CalibrationTask, str]) -> Result:
    """What was found; failures tell why a fit has no result."""
    scans = {t: r for t, r in results.items() if t.dataset not in LIBRARIES}
    libraries = {t: r for t, r in results.items() if t.dataset in LIBRARIES}
    sections = ["![Share of values within central intervals](calibration.svg)"]
    for title, some in (("Single-mutant scans", scans), ("Libraries (GB1, PhoQ)", libraries)):
        for rule in ("random", "modulo"):
            mine = {t: r for t, r in some.items() if t.rule == rule}
            for labels in sorted({t.labels for t in mine}):
                sections.append(_section(f"{title}, {labels} labels: {INTO[rule]}", mine, labels, plate=False))
        chosen = {t: r for t, r in some.items() if r.plate}
        for labels in sorted({t.labels for t in chosen}):
            told = f"{title}, {labels} labels: the {PLATE} highest predictions"
            sections.append(_section(told, chosen, labels, plate=True))
    sections.append(_cost(results))
    sections.append(not_done("Not fitted", (f"{t.learner} on {t.dataset}: {why}" for t, why in failures.items())))
    seeds, raw = (len({t.seed for t in results if t.corrected == corrected}) for corrected in (True, False))
    how, tables = ABOUT.format(seeds=seeds, raw=raw), {"summary": (COLUMNS, list(_rows(results)))}
    return Result("Is stated uncertainty right?", how, sections, tables, {"calibration.svg": picture(results)})


def means(results: Results, labels: int, plate: bool) -> dict[Arm, dict[str, np.ndarray]]:
    """(learner, method) -> figure -> [sets] means over seeds."""
    found: dict[Arm, dict[str, dict[str, list[float]]]] = {}
    for task, result in results.items():
        if task.labels != labels:
            continue
        for method, told in (result.plate if plate else result.unseen).items():
            by_figure = found.setdefault((task.learner, method), {figure: {} for figure in FIGURES})
            for figure in FIGURES:
                by_figure[figure].setdefault(task.dataset, []).append(told[figure])
    return {
        arm: {figure: np.array([np.mean(v) for v in sets.values()]) for figure, sets in figures.items()}
        for arm, figures in found.items()
    }


def _section(title: str, results: Results, labels: int, plate: bool) -> str:
    rows = []
    for (learner, method), found in means(results, labels, plate).items():
        covered = found["coverage90"]
        right = float(np.mean((covered >= REQUIRED[0]) & (covered <= REQUIRED[1])))
        cells = [_percent(found[name]) for name in FIGURES[:4]]
        others = [mean_se(found[name]) for name in FIGURES[4:]]
        rows.append([f"{learner}, {method}", *cells, f"{right:.0%} of {len(covered)}", *others])
    header = ["", "50 %", "80 %", "90 %", "95 %", "85-95 %", "area", "width", "nll"]
    return section(title, markdown_table(header, rows))


def _percent(values: np.ndarray) -> str:
    mean, error = mean_and_error(values)
    return f"{mean:.1%}" + ("" if np.isnan(error) else f" ± {100 * error:.1f}")


def _cost(results: Results) -> str:
    arms = dict.fromkeys((t.learner, t.labels) for t in results if t.corrected)
    rows = []
    for learner, labels in sorted(arms):
        seconds = np.array([r.seconds for t, r in results.items() if (t.learner, t.labels) == (learner, labels)])
        rows.append([f"{learner}, {labels} labels", *(f"{s:.3g}" for s in np.median(seconds, axis=0))])
    header = ["CPU seconds, median", "fit", "out-of-fold predictions and three corrections"]
    return section("Cost", markdown_table(header, rows))


def _rows(results: Results) -> Sequence[tuple[object, ...]]:
    cells: dict[tuple[object, ...], list[float]] = {}
    for task, result in results.items():
        for where, told in ((task.rule, result.unseen), ("plate", result.plate)):
            for method, known in told.items():
                for figure in FIGURES:
                    key = (task.dataset, where, task.labels, task.learner, method, figure)
                    cells.setdefault(key, []).append(known[figure])
    return [(*key, *map(number, mean_and_error(np.array(v))), len(v)) for key, v in sorted(cells.items(), key=str)]


def picture(results: Results, kind: str = "svg") -> bytes:
    """Share of unseen values within central intervals beside the share that should be, a panel a number of labels.

    Args:
        results: of every fit; the mean over sets of those with random unseen candidates is drawn.
        kind: `svg` or `png`.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from activeloop.drawing import BASELINE, FAINT, GRID, INK, OTHERS, OWN

    counts = sorted({t.labels for t in results})
    figure = Figure(figsize=(4.6 * len(counts), 5.6), layout="constrained", facecolor="white")
    axes = figure.subplots(1, len(counts), squeeze=False, sharey=True)[0]
    colours = dict(zip(METHODS, (OWN, *OTHERS), strict=False))
    for axis, labels in zip(axes, counts, strict=True):
        axis.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=":")
        for arm, found in curves(results, labels).items():
            raw = arm[0] != "default"
            colour, style = (BASELINE, (0, (4, 2))) if raw else (colours[arm[1]], "-")
            label = f"{arm[0]}, {arm[1]}"
            axis.plot([0.0, *CENTRAL], [0.0, *found], color=colour, linestyle=style, linewidth=1.8, label=label)
        axis.set_title(f"{labels} labels", color=INK)
        axis.set_xlabel("stated probability of the interval", color=FAINT)
        axis.grid(color=GRID)
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_aspect("equal")
    axes[0].set_ylabel("share of unseen values within it", color=FAINT)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, frameon=False, loc="outside lower center", ncols=3)
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "activeloop", "svg.fonttype": "none"}):
        figure.savefig(buffer, format=kind, metadata={"Date": None} if kind == "svg" else None, dpi=110)
    return buffer.getvalue()


def curves(results: Results, labels: int) -> dict[Arm, np.ndarray]:
    """(learner, method) -> [19] share within each central interval, mean over sets of the mean over seeds."""
    found: dict[Arm, dict[str, list[list[float]]]] = {}
    for task, result in results.items():
        if task.labels == labels and task.rule == "random":
            for method, curve in result.curve.items():
                found.setdefault((task.learner, method), {}).setdefault(task.dataset, []).append(curve)
    return {
        arm: np.mean([np.mean(curve, axis=0) for curve in by_set.values()], axis=0) for arm, by_set in found.items()
    }
