"""The pictures of a report and of an explanation, as Matplotlib figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from activeloop.campaigns.validation import PredictedPlate
from activeloop.desk.figures import RESIDUES, Attribution, BestSoFar, Effects, PlateControls, Reliability
from activeloop.drawing import BASELINE, FAINT, INK, OTHERS, OWN, style
from activeloop.measurements import Assay
from activeloop.plates.picture import RAMP

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 9.6
"""Of every picture, in inches: the width of a page on a screen."""
MOST_PANELS = 6
"""Plates whose predictions are drawn beside each other."""
BAND = 75
"""Positions in one row of a heat map."""


def _figure(height: float, width: float = WIDTH) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def with_unit(assay: Assay) -> str:
    """An assay's name and unit.

    >>> with_unit(Assay("kcat", "1/s")), with_unit(Assay("fitness"))
    ('kcat (1/s)', 'fitness')
    """
    return f"{assay.name} ({assay.unit})" if assay.unit else assay.name


def _log(axis: Any, which: str) -> None:
    """Set one side of a panel, on which everything is drawn already, to logarithms."""
    from matplotlib.ticker import LogLocator

    getattr(axis, f"set_{which}scale")("log")
    ticks = getattr(axis, f"{which}axis")
    low, high = sorted(getattr(axis, f"get_{which}lim")())
    if high < 100 * low:  # powers of ten alone would be one tick, or none
        ticks.set_major_locator(LogLocator(subs=range(1, 10) if high < 10 * low else (1, 2, 5)))
    ticks.set_major_formatter("{x:g}")
    axis.minorticks_off()


def draw_best(found: Sequence[BestSoFar], logs: Sequence[str], volumes: Sequence[np.ndarray] = ()) -> Figure:
    """The best so far against candidates measured, a panel an assay, beside the random baseline.

    Args:
        found: at least one.
        logs: names of the assays on logarithms.
        volumes: [R] below the Pareto front, of the campaign and of random picks; () for none.
    """
    panels = len(found) + bool(len(volumes))
    across = min(panels, 3)
    down = -(-panels // across)
    figure = _figure(3.6 * down)
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for axis in axes[panels:]:
        axis.set_visible(False)
    if len(volumes):
        _volume_panel(axes[len(found)], found[0].counts, volumes)
    for axis, one in zip(axes, found, strict=False):
        fit = bool(one.counted)
        titles = {"fit": "candidates found fit", "hits": f"hits found ({one.assay.name})"}
        style(axis, titles.get(one.counted, one.title))
        axis.plot(one.counts, one.best, color=OWN, marker="o", linewidth=2.4, label="this campaign", zorder=3)
        dash = {"color": BASELINE, "linewidth": 1.8, "linestyle": (0, (4, 2)), "label": "random picks, expected"}
        axis.plot(one.counts, one.random, marker="o", markersize=4, **dash)
        axis.set_xlabel("candidates measured")
        axis.set_xticks(_thinned(one.counts))
        axis.margins(x=0.08, y=0.14)
        if one.assay.name in logs:
            _log(axis, "y")
        if one.assay.sign < 0 and not fit:
            axis.invert_yaxis()
            axis.set_title(f"best {with_unit(one.assay)}, lower is better", fontsize=11, color=INK, loc="left")
        if len(one.counts) and math.isfinite(one.best[-1]):
            last = (float(one.counts[-1]), float(one.best[-1]))
            where = {"textcoords": "offset points", "ha": "right", "color": OWN, "fontsize": 10, "fontweight": "bold"}
            axis.annotate(f"{one.best[-1]:.4g}", last, (0, 6), **where)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=9.5, labelcolor=INK)
    return figure


def _volume_panel(axis: Axes, counts: np.ndarray, volumes: Sequence[np.ndarray]) -> None:
    style(axis, "volume below the Pareto front")
    axis.plot(counts, volumes[0], color=OWN, marker="o", linewidth=2.4, zorder=3)
    axis.plot(counts, volumes[1], color=BASELINE, linewidth=1.8, linestyle=(0, (4, 2)), marker="o", markersize=4)
    axis.yaxis.set_major_formatter(lambda v, _: f"{v:.0%}")
    axis.set_xlabel("candidates measured")
    axis.set_xticks(_thinned(counts))
    axis.margins(x=0.08, y=0.14)


def _thinned(counts: np.ndarray, most: int = 8) -> np.ndarray:
    return counts if len(counts) <= most else counts[:: -(-len(counts) // most)]


def draw_predicted(plates: Sequence[PredictedPlate], log: bool) -> Figure:
    """Predicted against measured values of the last plates of one assay, the oldest of them first."""
    plates = list(plates)[:MOST_PANELS][::-1]
    across = min(len(plates), 3)
    down = -(-len(plates) // across)
    figure = _figure(3.5 * down, WIDTH * across / 3 if across < 3 else WIDTH)
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for axis in axes[len(plates) :]:
        axis.set_visible(False)
    for axis, one in zip(axes, plates, strict=False):
        _predicted_panel(axis, one, log)
    return figure


def _predicted_panel(axis: Axes, one: PredictedPlate, log: bool) -> None:
    found = one.validation
    rank = "no rank correlation" if math.isnan(found.spearman) else f"Spearman {found.spearman:.2f}"
    if one.assay.is_two:
        rank = "one value alone" if math.isnan(found.auroc) else f"AUROC {found.auroc:.2f}"
    covered = "" if math.isnan(found.coverage) else f", {found.coverage:.0%} in 90 % interval"
    style(axis, f"proposal {one.proposal}", grid="both")
    axis.set_title(f"proposal {one.proposal}\n{rank}{covered}", fontsize=9.5, color=INK, loc="left")
    axis.spines["bottom"].set_visible(False)
    axis.set_ylabel(f"measured {with_unit(one.assay)}")
    axis.tick_params(labelsize=8.5)
    if not one.version:
        axis.set_xlabel("the prior's score (no unit)")
    else:
        words = "probability of fit" if one.assay.goal == "classify" else one.assay.predicted
        axis.set_xlabel(words if one.assay.is_two else f"predicted {with_unit(one.assay)}")
    value = one.value
    if one.assay.is_two:
        value = value + np.linspace(-0.04, 0.04, len(value))
        axis.set_yticks([0, 1], ["unfit", "fit"] if one.assay.goal == "classify" else ["0", "1"])
    elif one.version:
        if log:
            _log(axis, "x")
            _log(axis, "y")
        error = np.abs(np.stack([one.mean - one.low, one.high - one.mean]))
        axis.errorbar(one.mean, value, xerr=error, fmt="none", ecolor=BASELINE, elinewidth=0.6, alpha=0.45, zorder=2)
        ends = [min(one.mean.min(), value.min()), max(one.mean.max(), value.max())]
        axis.plot(ends, ends, color=FAINT, linewidth=1, linestyle=(0, (4, 2)), zorder=2)
        span = [min(ends[0], np.quantile(one.low, 0.05)), max(ends[1], np.quantile(one.high, 0.95))]
        if not log and span[1] > span[0]:
            room = 0.04 * (span[1] - span[0])
            axis.set_xlim(span[0] - room, span[1] + room)
    axis.plot(one.mean, value, "o", color=OWN, alpha=0.65, markersize=4, markeredgewidth=0, zorder=3)


def draw_reliability(found: Sequence[tuple[str, Reliability]]) -> Figure:
    """Stated against observed, a line an assay; on the diagonal what was stated came true."""
    figure = _figure(3.9, 4.6)
    axis = figure.subplots()
    style(axis, "stated against observed", grid="both")
    axis.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=(0, (4, 2)))
    for (name, one), colour in zip(found, (OWN, *OTHERS), strict=False):
        known = np.isfinite(one.stated) & np.isfinite(one.observed)
        stated, observed = one.stated[known], one.observed[known]
        error = 1.645 * np.sqrt(np.clip(observed * (1 - observed), 1e-4, None) / np.maximum(one.counts[known], 1))
        low, high = np.clip(observed - error, 0, 1), np.clip(observed + error, 0, 1)
        axis.fill_between(stated, low, high, color=colour, alpha=0.14, linewidth=0)
        axis.plot(stated, observed, color=colour, marker="o", markersize=4.5, linewidth=1.8, label=name)
    what = found[0][1].what
    axis.set_xlabel(f"stated probability of {what}" if what else "stated probability of the interval")
    axis.set_ylabel(f"share that was {what}" if what else "share of results inside")
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 1)
    axis.set_yticks([0.2, 0.4, 0.6, 0.8, 1.0])
    axis.set_aspect("equal")
    if len(found) > 1:
        axis.legend(frameon=False, fontsize=9, loc="upper left", labelcolor=INK)
    return figure


def draw_effects(one: Effects, log: bool) -> Figure:
    """Two heat maps on one scale, measured above predicted, in bands of positions; dots mark the wild type."""
    from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize

    both = np.concatenate([one.measured.ravel(), one.predicted.ravel()])
    both = both[np.isfinite(both)]
    low, high = np.quantile(both, [0.01, 0.99]) if len(both) else (0.0, 1.0)
    high = high if high > low else low + 1
    norm = LogNorm(low, high) if log and low > 0 else Normalize(low, high)
    colours = LinearSegmentedColormap.from_list("plate", RAMP[1:])  # the palest one looks like nothing at all
    width = len(one.labels)
    long = -(-width // -(-width // BAND))  # bands of one length
    bands = [slice(i, min(i + long, width)) for i in range(0, width, long)]
    several = len(bands) > 1
    cell = min(0.115, (WIDTH - 1.2) / max(min(width, BAND), 1))
    tall = len(one.residues) * max(cell, 0.1) + 0.5
    narrow = width <= BAND // 3
    cell_width = WIDTH if several or not narrow else max(3.4, min(WIDTH / 2 - 0.4, 1.2 + 0.3 * width))
    down, across = (2 * len(bands), 1) if not narrow else (1, 2)
    figure = _figure(down * tall + 0.7, cell_width if down > 1 else min(WIDTH, 2 * cell_width))
    axes = figure.subplots(down, across, squeeze=False).ravel()
    image = None
    for k, axis in enumerate(axes):
        table, name = (one.measured, "measured") if k % 2 == 0 else (one.predicted, "predicted")
        band = bands[k // 2]
        image = _effects_panel(axis, one, table, band, f"{name} {with_unit(one.assay)}", norm, colours)
        if several:
            axis.set_xlim(-0.5, long - 0.5)
    if image is not None:
        bar = figure.colorbar(image, ax=axes.tolist(), location="bottom", shrink=0.4, aspect=40, pad=0.015)
        bar.outline.set_visible(False)  # type: ignore[operator]
        bar.ax.tick_params(labelsize=9, colors=FAINT, length=0)
        bar.set_label(with_unit(one.assay), color=FAINT, fontsize=9.5)
    return figure


def _effects_panel(axis: Axes, one: Effects, table: np.ndarray, band: slice, title: str, norm: Any, cmap: Any) -> Any:
    labels, parent = one.labels[band], one.parent[band]
    image = axis.imshow(table[:, band], aspect="auto", norm=norm, cmap=cmap, interpolation="nearest")
    axis.set_title(title, fontsize=10, color=INK, loc="left")
    known = np.flatnonzero(parent >= 0)
    axis.plot(known, parent[known], "o", color=FAINT, markersize=2.2 if len(labels) > 12 else 4, markeredgewidth=0)
    every = 1 if len(one.labels) <= 24 else 5
    ticks = [i for i, label in enumerate(labels) if every == 1 or _number(label) % every == 0]
    axis.set_xticks(ticks, [labels[i] for i in ticks])
    axis.set_yticks(range(len(one.residues)), list(one.residues))
    axis.tick_params(colors=FAINT, labelsize=6.6, length=0, pad=2)
    axis.tick_params(axis="x", labelsize=7.5, rotation=90 if 12 < len(labels) <= 24 else 0)
    for side in axis.spines.values():
        side.set_visible(False)
    axis.set_facecolor("none")
    return image


def _number(label: str) -> int:
    digits = "".join(c for c in label.split("ins")[0] if c.isdigit())
    return int(digits or 0)


def draw_controls(plates: Sequence[PlateControls], assay: Assay, log: bool) -> Figure:
    """A control chart: the wells of each control by plate, with the mean of all and three standard deviations."""
    figure = _figure(3.2)
    axis = figure.subplots()
    style(axis, with_unit(assay))
    names = list(dict.fromkeys(name for p in plates for name in p.controls))
    for name, colour in zip(names, (OWN, *OTHERS), strict=False):
        wells = [(i, v) for i, p in enumerate(plates) for v in p.controls.get(name, ())]
        x, y = np.array(wells).T
        centre, sd = (y.mean(), y.std(ddof=1)) if len(y) > 1 else (y[0], 0.0)
        axis.axhline(centre, color=colour, linewidth=1, alpha=0.8)
        for end in (centre - 3 * sd, centre + 3 * sd):
            if sd and not (log and end <= 0):
                axis.axhline(end, color=colour, linewidth=1, linestyle=(0, (2, 3)), alpha=0.8)
        means = [(i, p.controls[name].mean()) for i, p in enumerate(plates) if name in p.controls]
        axis.plot(*np.array(means).T, color=colour, linewidth=1.4, alpha=0.5)
        jitter = 0.12 * np.sin(np.arange(len(x)) * 2.4)  # the same in each run
        axis.plot(x + jitter, y, "o", color=colour, alpha=0.75, markersize=4.5, markeredgewidth=0, label=name)
    if log:
        _log(axis, "y")
    every = -(-len(plates) // 12)
    shown = range(0, len(plates), every)
    axis.set_xticks(list(shown), [_short(plates[i].plate) for i in shown])
    axis.set_xlim(-0.6, len(plates) - 0.4)
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=9.5, labelcolor=INK)
    return figure


def _short(name: str, most: int = 14) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def draw_attribution(one: Attribution) -> Figure:
    """What each exchange adds as a heat map, blue where it is better; squares mark the mutations of candidates."""
    from matplotlib.colors import TwoSlopeNorm

    order = [i for i in (one.residues.find(a) for a in RESIDUES) if i >= 0] or list(range(len(one.residues)))
    table = one.table[:, order].T
    known = np.abs(table[np.isfinite(table)])
    span = float(np.quantile(known, 0.99)) if len(known) else 1.0
    norm = TwoSlopeNorm(0.0, -(span or 1.0), span or 1.0)
    width = len(one.labels)
    long = -(-width // -(-width // BAND))
    bands = [slice(i, min(i + long, width)) for i in range(0, width, long)]
    letters = "".join(one.residues[i] for i in order)
    parent = np.array([order.index(c) if c in order else -1 for c in one.parent.tolist()])
    shown = Effects(one.assay, one.labels, letters, table, table, parent, True)
    figure = _figure(len(bands) * 2.75 + 0.8, WIDTH if width > BAND // 3 else max(3.6, 1.6 + 0.3 * width))
    axes = figure.subplots(len(bands), 1, squeeze=False).ravel()
    image = None
    marks = list(one.candidates.items())
    for band, axis in zip(bands, axes, strict=True):
        apart = " " if width > BAND // 3 else "\n"
        title = "" if band.start else f"what each exchange adds to {one.assay.name}{apart}(blue is better)"
        image = _effects_panel(axis, shown, table, band, title, norm, "RdBu" if one.assay.sign > 0 else "RdBu_r")
        for (_, cells), colour in zip(marks, (INK, *OTHERS) * (len(marks) // 4 + 1), strict=False):
            mine = [(c - band.start, order.index(k)) for c, k in cells if band.start <= c < band.stop and k in order]
            if mine:
                # a dark frame is not seen on the darkest cells: a white one stands below it
                for edge, size, thick in (("white", 8.5, 3.2), (colour, 8.5, 1.4)):
                    axis.plot(*np.array(mine).T, "s", mfc="none", mec=edge, markersize=size, mew=thick)
        if len(bands) > 1:
            axis.set_xlim(-0.5, long - 0.5)
    if image is not None:
        bar = figure.colorbar(image, ax=axes.tolist(), location="bottom", shrink=0.5, aspect=40, pad=0.02)
        bar.outline.set_visible(False)  # type: ignore[operator]
        bar.ax.tick_params(labelsize=8.5, colors=FAINT, length=0)
        bar.set_label(one.unit, color=FAINT, fontsize=9)
    handles = [
        axes[0].plot([], [], "s", markerfacecolor="none", markeredgecolor=colour, markersize=7.5, label=name)[0]
        for (name, _), colour in zip(marks, (INK, *OTHERS) * (len(marks) // 4 + 1), strict=False)
    ]
    if len(handles) <= 8:
        figure.legend(handles=handles, loc="outside upper right", ncols=4, frameon=False, fontsize=9, labelcolor=INK)
    return figure
