"""The measured front of several assays: candidates that no other one beats in every assay, and its picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from activeloop.acquisition.multiobjective import hypervolume, on_front, reference_point
from activeloop.campaigns.events import Version
from activeloop.drawing import FAINT, GRID, INK, OTHERS, OWN, png, settings, svg
from activeloop.errors import StateError
from activeloop.measurements import Assay, Dataset
from activeloop.plates import Pick
from activeloop.prediction import ValueMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 4
"""Assays of which a volume is counted; beyond, it takes too long."""


@dataclass(frozen=True)
class FrontPoint:
    """One candidate of the front.

    Args:
        name: its standard notation.
        values: in the unit of each assay of the front.
        sides: `<` or `>` where the value is only a bound, else "".
    """

    name: str
    values: tuple[float, ...]
    sides: tuple[str, ...]


@dataclass(frozen=True)
class Front:
    """The measured candidates that no other one beats in every assay whose best is looked for (Pareto front).

    Args:
        assays: at least two, whose best is looked for.
        points: the best of the first assay first; only candidates that are known to meet all thresholds.
        volumes: after each round the hypervolume below the front, as a share of the box between the worst value
            measured (less a tenth of the range) and the best of each assay, on the scale of the model; () of more than
            four assays.
        logs: names of those assays whose scale is logarithmic there.
    """

    assays: tuple[Assay, ...]
    points: tuple[FrontPoint, ...]
    volumes: tuple[float, ...]
    logs: tuple[str, ...] = ()

    @property
    def counted(self) -> str:
        """On which scale volumes are counted, in words; "" where all are those of the values."""
        return f"on logarithms of {' and '.join(self.logs)}" if self.logs else ""


def sought(dataset: Dataset) -> list[int]:
    """The columns of the assays whose best is looked for, of those with a result."""
    answered = ~np.isnan(dataset.values).all(0)
    return np.flatnonzero(np.isnan(dataset.limits) & answered).tolist()


def logarithmic(assays: Sequence[Assay], version: Version | None) -> tuple[str, ...]:
    """Names of the assays whose scale is logarithmic: as stated, else as the current version found.

    >>> logarithmic([Assay("KD", "nM", scale="log"), Assay("kcat")], None)
    ('KD',)
    """
    found = version.metrics if version else {}
    keys = ["log_scale"] if len(assays) == 1 else [f"{a.name} log_scale" for a in assays]
    return tuple(a.name for a, key in zip(assays, keys, strict=True) if a.scale == "log" or key in found)


def front_of(dataset: Dataset, rounds: int, logs: Sequence[str] = ()) -> Front | None:
    """The front of what was measured; None with fewer than two assays whose best is looked for.

    Args:
        dataset: of the campaign (not oriented).
        rounds: how many there were.
        logs: names of the assays whose scale is logarithmic, on which volumes are counted.
    """
    columns = sought(dataset)
    if len(columns) < 2:
        return None
    oriented = dataset.reached[:, columns]
    rows = np.flatnonzero((dataset.meets_all() == 1) & ~np.isnan(oriented).any(1))
    best = rows[on_front(oriented[rows])]
    best = best[np.argsort(-oriented[best, 0], kind="stable")]
    names = dataset.pool.names(dataset.rows[best])
    sides = np.array(["<", "", ">"])[dataset.censored[best][:, columns] + 1]
    points = tuple(
        FrontPoint(name, tuple(dataset.values[i, columns].tolist()), tuple(side.tolist()))
        for name, i, side in zip(names, best, sides, strict=True)
    )
    assays = tuple(dataset.assays[a] for a in columns)
    maps = [ValueMap(a.name in logs, a.sign) for a in assays]
    places = np.stack([each.place(values) for each, values in zip(maps, oriented.T, strict=True)], axis=1)
    reference = reference_point(places)
    box = float(np.prod(np.nanmax(places, 0) - reference))
    named = tuple(a.name for a in assays if a.name in logs)
    if len(columns) > MOST or not box > 0:
        return Front(assays, points, (), named)
    so_far = [rows[dataset.rounds[rows] <= number] for number in range(rounds)]
    return Front(assays, points, tuple(hypervolume(places[seen], reference) / box for seen in so_far), named)


ENDINGS = (".png", ".svg")
NEXT, UNMET = OTHERS[0], "#c3cad3"
#: names that are written into the picture
NAMED = 12


def draw_front(dataset: Dataset, front: Front | None, picks: Sequence[Pick], ending: str) -> bytes:
    """The measured candidates in each two assays, the front among them, thresholds, and what the model predicts.

    Args:
        dataset: of the campaign (not oriented).
        front: of it.
        picks: proposed and not measured yet, with predictions.
        ending: `.png` or `.svg`.

    Raises:
        StateError: fewer than two assays have results.
    """
    answered = np.flatnonzero(~np.isnan(dataset.values).all(0)).tolist()
    if len(answered) < 2:
        raise StateError("a picture of several assays needs results of at least two. Nothing was drawn.")
    with settings():
        return _drawn(dataset, front, picks, list(combinations(answered[:3], 2)), ending)


def _drawn(
    dataset: Dataset, front: Front | None, picks: Sequence[Pick], pairs: Sequence[tuple[int, int]], ending: str
) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1 + 5.6 * len(pairs), 5.6), layout="constrained", facecolor="white")
    axes = figure.subplots(1, len(pairs), squeeze=False)[0]
    met = dataset.meets_all()
    for axis, (x, y) in zip(axes, pairs, strict=True):
        _panel(axis, dataset, front, picks, met, x, y)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2 * len(pairs), frameon=False, fontsize=9)
    return svg(figure) if ending == ".svg" else png(figure)


def _panel(
    axis: Axes, dataset: Dataset, front: Front | None, picks: Sequence[Pick], met: np.ndarray, x: int, y: int
) -> None:
    """One picture of two assays."""
    first, second = dataset.assays[x], dataset.assays[y]
    values = dataset.values[:, [x, y]]
    both = ~np.isnan(values).any(1)
    fails = both & (met != 1)
    axis.set_xlabel(_label(first), color=INK)
    axis.set_ylabel(_label(second), color=INK)
    for assay, set_scale, ticks in ((first, axis.set_xscale, axis.xaxis), (second, axis.set_yscale, axis.yaxis)):
        if assay.scale == "log":  # whose values are above 0
            set_scale("log")
            ticks.set_major_formatter("{x:g}")
            ticks.minorticks_off()
    axis.grid(color=GRID, linewidth=0.8)
    axis.set_axisbelow(True)
    axis.tick_params(colors=FAINT, labelsize=9, length=0)
    for side in axis.spines.values():
        side.set_visible(False)
    for assay, line in ((first, axis.axvline), (second, axis.axhline)):
        if assay.threshold is not None:
            line(assay.threshold, color=NEXT, linestyle=(0, (4, 2)), label=f"threshold: {assay.condition}")
    if fails.any():
        axis.plot(*values[fails].T, "o", color=UNMET, markersize=4.5, label="measured, not within the thresholds")
    axis.plot(*values[both & (met == 1)].T, "o", color=FAINT, alpha=0.7, markersize=4.5, label="measured")
    ahead = [(p.name, found) for p in picks if (found := _pair(p, first, second))]
    for k, (_, (mean, low, high)) in enumerate(ahead):
        label = "proposed: predicted, with 90 % interval" if k == 0 else None
        error = np.abs(np.stack([mean - low, high - mean], 1))[:, :, None]
        axis.errorbar(
            *mean, xerr=error[0], yerr=error[1], fmt="D", color=NEXT, ecolor="#f3c9a8", elinewidth=0.8, markersize=4,
            zorder=2.5, label=label,
        )  # fmt: skip
    _best_within(axis, dataset, met, x, y)
    named = {a.name for a in front.assays} if front else set()
    if front and {first.name, second.name} <= named:
        at = [[a.name for a in front.assays].index(a.name) for a in (first, second)]
        _staircase(axis, front, at, (first, second), len(front.assays) == 2)
    axis.margins(0.08)


def _best_within(axis: Axes, dataset: Dataset, met: np.ndarray, x: int, y: int) -> None:
    """Where the best of one assay is looked for beside thresholds: that candidate, by its name."""
    if len(columns := sought(dataset)) != 1 or columns[0] not in (x, y):
        return
    reached = dataset.reached[:, columns[0]]
    both = (met == 1) & ~np.isnan(dataset.values[:, [x, y]]).any(1) & ~np.isnan(reached)
    if both.any():
        best = int(np.argmax(np.where(both, reached, -np.inf)))
        point = dataset.values[best, [x, y]]
        label = f"best {dataset.assays[columns[0]].name} within the thresholds"
        axis.plot(*point, "o", color=OWN, markersize=7, zorder=4, label=label)
        _write(axis, dataset.pool.names(dataset.rows[[best]])[0], point, (dataset.assays[x], dataset.assays[y]))


def _write(axis: Axes, name: str, point: np.ndarray, assays: tuple[Assay, Assay]) -> None:
    """A name on the side of better values, where little is measured."""
    right, up = (a.sign > 0 for a in assays)
    place = (5 if right else -5, 5 if up else -5)
    side: dict[str, Any] = {"ha": "left" if right else "right", "va": "bottom" if up else "top", "color": INK}
    axis.annotate(name, (point[0], point[1]), place, textcoords="offset points", fontsize=8.5, zorder=5, **side)


def _staircase(axis: Axes, front: Front, at: list[int], assays: tuple[Assay, Assay], line: bool) -> None:
    points = np.array([[p.values[i] for i in at] for p in front.points])
    if not len(points):
        return
    if line:
        order = np.argsort(points[:, 0] * assays[0].sign)
        way = "post" if assays[0].sign < 0 else "pre"
        steps = points[order] if assays[0].sign > 0 else points[order][::-1]
        axis.step(*steps.T, where=way, color=OWN, linewidth=1.6, alpha=0.7, zorder=3)
    axis.plot(*points.T, "o", color=OWN, markersize=7, zorder=4, label="front: no other is better in every assay")
    for one, point in zip(front.points[:NAMED], points[:NAMED], strict=True):
        _write(axis, one.name, point, assays)


def _pair(pick: Pick, first: Assay, second: Assay) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Mean, low and high end of a pick in two assays, each [2]; None where one is not predicted."""
    known = {p.assay: (p.mean, p.low, p.high) for p in pick.predictions}
    if first.name not in known or second.name not in known:
        return None
    mean, low, high = np.array([known[first.name], known[second.name]]).T
    return mean, low, high


def _label(assay: Assay) -> str:
    unit = f" ({assay.unit})" if assay.unit else ""
    aim = {"maximise": "more is better", "minimise": "less is better", "classify": "1 = fit"}[assay.goal]
    return f"{assay.name}{unit}, {(assay.condition and 'threshold') or aim}"
