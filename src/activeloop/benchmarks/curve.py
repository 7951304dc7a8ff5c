"""The learning curve as a picture: what was reached after how many labels, with standard errors."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from activeloop.benchmarks.metrics import LABELS
from activeloop.benchmarks.protocol import ReplayGoal
from activeloop.benchmarks.summary import Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS: dict[ReplayGoal, tuple[str, ...]] = {
    "find": ("best_fraction", "optimum_found", "top1pct_found", "top100_recall"),
    "learn": ("accuracy", "auroc", "spearman", "top10pct_found"),
}
INK, FAINT, GRID = "#1f2933", "#616e7c", "#e4e7eb"
OWN, TWIN = "#0b6bcb", "#8a94a0"
# Okabe and Ito's palette: told apart by the colour-blind.
OTHERS = ("#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#444444")


def policy_colours(policies: Sequence[str]) -> dict[str, str]:
    """One colour a policy, the same in every picture and table.

    >>> policy_colours(["default", "random", "alde"])["random"]
    '#8a94a0'
    """
    others = [p for p in policies if p not in ("default", "random", "full")]
    colours = {p: OTHERS[i % len(OTHERS)] for i, p in enumerate(others)}
    return {p: {"default": OWN, "random": TWIN, "full": INK}.get(p) or colours[p] for p in policies}


def draw_curves(points: Sequence[Point], title: str, goal: ReplayGoal, seeds: int) -> Figure:
    """Four panels, a line and a band of one standard error for each policy.

    Args:
        points: of one landscape.
        title: above all panels.
        goal: which metrics are shown.
        seeds: told below the title.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 7.0), layout="constrained", facecolor="white")
    axes = figure.subplots(2, 2, squeeze=True).ravel()
    policies = list(dict.fromkeys(p.policy for p in points))
    colours = policy_colours(policies)
    for axis, metric in zip(axes, PANELS[goal], strict=True):
        _style(axis, metric)
        for policy in policies:
            _line(axis, [p for p in points if p.policy == policy and p.metric == metric], policy, colours[policy])
    handles, names = axes[0].get_legend_handles_labels()
    if goal == "learn" or not handles:
        handles, names = axes[-1].get_legend_handles_labels()
    figure.suptitle(title, fontsize=15, fontweight="bold", color=INK, x=0.02, ha="left")
    figure.legend(handles, names, loc="outside upper right", ncols=min(len(names), 5), frameon=False, fontsize=10)
    figure.supxlabel(
        f"measured candidates   (mean of {seeds} {'seed' if seeds == 1 else 'seeds'}; band: one standard error)",
        fontsize=10.5,
        color=FAINT,
    )
    return figure


def png(figure: Figure, dpi: int = 150) -> bytes:
    """The picture as a PNG file."""
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=dpi)
    return out.getvalue()


def _style(axis: Axes, metric: str) -> None:
    axis.set_title(LABELS[metric], fontsize=11, color=INK, loc="left")
    axis.grid(axis="y", color=GRID, linewidth=0.8)
    axis.set_axisbelow(True)
    axis.tick_params(colors=FAINT, labelsize=9.5, length=0)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.spines["bottom"].set_color(GRID)


def _line(axis: Axes, points: Sequence[Point], policy: str, colour: str) -> None:
    import numpy as np

    points = sorted(points, key=lambda p: p.labels)
    if not points:
        return
    if policy == "full":
        axis.axhline(points[-1].mean, color=colour, label="all data", linestyle=":", linewidth=1.6)
        return
    labels = np.array([p.labels for p in points])
    mean = np.array([p.mean for p in points])
    error = np.nan_to_num([p.se for p in points])
    own, twin = policy == "default", policy == "random"
    style = {"linewidth": 2.6 if own else 1.8, "linestyle": (0, (4, 2)) if twin else "-", "zorder": 4 if own else 3}
    axis.plot(labels, mean, color=colour, label=policy, marker="o", markersize=5 if own else 4, **style)
    axis.fill_between(labels, mean - error, mean + error, color=colour, alpha=0.16, linewidth=0)
    axis.set_xticks(labels if len(labels) <= 8 else labels[:: len(labels) // 6])
