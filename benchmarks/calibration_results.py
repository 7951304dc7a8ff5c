"""What the measurement of calibration leaves under `docs/results/calibration`."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from activeloop.files import write_whole
from activeloop.models.calibration.metrics import CENTRAL
from activeloop.replay.metrics import mean_and_error
from activeloop.replay.summary import csv_text, number
from benchmarks.calibration import LIBRARIES, METHODS, PLATE, CalibrationResult, CalibrationTask
from benchmarks.suite_results import markdown_table, plus_minus, write_page

FIGURES = ("coverage50", "coverage80", "coverage90", "coverage95", "miscalibration_area", "sharpness", "nll")
COLUMNS = ("dataset", "candidates", "labels", "learner", "method", "metric", "mean", "se", "seeds")
#: the coverage that is demanded of 90 % intervals
DEMANDED = (0.85, 0.95)
INTO = {"random": "unseen candidates", "modulo": "candidates at positions without a label"}
ABOUT = (
    "Every learner is fitted to a few labels; its intervals for a new measurement are compared with the values of at "
    "most 1,000 candidates that it did not see. Corrections learn from held-out predictions of the same labels. "
    "Mean ± standard error over sets of the mean over {seeds} seeds (learners without corrections: {raw}). `area`: "
    "miscalibration area, between the share of values that lies in central intervals and the share that should; "
    "`width`: of the 90 % intervals, in standard deviations of the values; `nll`: negative log likelihood of normal "
    "distributions, nats; `85-95 %`: share of sets whose 90 % intervals cover between 85 and 95 % of the values, and "
    "how many sets there are. The highest predictions stand for the plate that a campaign measures next; of libraries "
    "they are those of 10,000 candidates drawn at random. Campaigns use `isotonic` for scans and `as stated` for "
    "libraries when nothing else is named."
)

Results = Mapping[CalibrationTask, CalibrationResult]
#: (learner, method)
Arm = tuple[str, str]


def write_results(folder: Path, results: Results, command: str) -> None:
    """summary.csv, README.md, machine.json and calibration.svg.

    Args:
        folder: of the results.
        results: of every fit.
        command: that makes these results again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "summary.csv", csv_text(COLUMNS, list(_rows(results))))
    write_whole(folder / "calibration.svg", picture(results))
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
    seeds, raw = (len({t.seed for t in results if t.corrected == corrected}) for corrected in (True, False))
    write_page(folder, "Is stated uncertainty right?", ABOUT.format(seeds=seeds, raw=raw), sections, command)


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
    for (learner, method), figures in means(results, labels, plate).items():
        covered = figures["coverage90"]
        right = float(np.mean((covered >= DEMANDED[0]) & (covered <= DEMANDED[1])))
        cells = [_percent(figures[name]) for name in FIGURES[:4]]
        others = [plus_minus(*mean_and_error(figures[name])) for name in FIGURES[4:]]
        rows.append([f"{learner}, {method}", *cells, f"{right:.0%} of {len(covered)}", *others])
    header = ["", "50 %", "80 %", "90 %", "95 %", "85-95 %", "area", "width", "nll"]
    return f"## {title}\n\n{markdown_table(header, rows)}"


def _percent(values: np.ndarray) -> str:
    mean, error = mean_and_error(values)
    return f"{mean:.1%}" + ("" if np.isnan(error) else f" ± {100 * error:.1f}")


def _cost(results: Results) -> str:
    arms = dict.fromkeys((t.learner, t.labels) for t in results if t.corrected)
    rows = []
    for learner, labels in sorted(arms):
        seconds = np.array([r.seconds for t, r in results.items() if (t.learner, t.labels) == (learner, labels)])
        rows.append([f"{learner}, {labels} labels", *(f"{s:.3g}" for s in np.median(seconds, axis=0))])
    header = ["CPU seconds, median", "fit", "held-out predictions and three corrections"]
    return f"## Cost\n\n{markdown_table(header, rows)}"


def _rows(results: Results) -> Sequence[tuple[object, ...]]:
    cells: dict[tuple[object, ...], list[float]] = {}
    for task, result in results.items():
        for where, told in ((task.rule, result.unseen), ("plate", result.plate)):
            for method, figures in told.items():
                for figure in FIGURES:
                    key = (task.dataset, where, task.labels, task.learner, method, figure)
                    cells.setdefault(key, []).append(figures[figure])
    return [(*key, *map(number, mean_and_error(np.array(v))), len(v)) for key, v in sorted(cells.items(), key=str)]


def picture(results: Results, kind: str = "svg") -> bytes:
    """Share of unseen values within central intervals beside the share that should be, a panel a number of labels.

    Args:
        results: of every fit; the mean over sets of those with random unseen candidates is drawn.
        kind: `svg` or `png`.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from activeloop.replay.report import BASELINE, FAINT, GRID, INK, OTHERS, OWN

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
