"""How good teacher, student and baselines are after how many labels: a panel for each task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from activeloop.replay.report import FAINT, GRID, INK
from benchmarks.students_arms import PLAIN
from benchmarks.students_measures import Figure, Row
from benchmarks.students_tasks import find_task

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Picture

#: lines of a panel: field of a row, name, colour (Okabe and Ito's), dashes
LINES = (
    ("teacher", "teacher", "#0b6bcb", "-"),
    ("student", "student", "#d55e00", "-"),
    ("alone", "same network, no teacher", "#8a94a0", (0, (4, 2))),
    ("plain", PLAIN, "#009e73", (0, (1, 1.5))),
)
ACROSS = 4


def draw_students(rows: Sequence[Row], arm: str) -> Picture:
    """Teacher, student, the same network alone and the one-hot GP over labels, for one teacher.

    Args:
        rows: of all tasks.
        arm: whose rows are shown.
    """
    from matplotlib.figure import Figure as Picture

    shown = [row for row in rows if row.arm == arm]
    tasks = list(dict.fromkeys(row.task for row in shown))
    down = -(-len(tasks) // ACROSS)
    picture = Picture(figsize=(11.0, 1.0 + 2.5 * down), layout="constrained", facecolor="white")
    axes = picture.subplots(down, ACROSS, squeeze=False).ravel()
    for axis, task in zip(axes, tasks, strict=False):
        _panel(axis, task, sorted((r for r in shown if r.task == task), key=lambda r: r.labels))
    for axis in axes[len(tasks) :]:
        axis.set_visible(False)
    handles, names = axes[0].get_legend_handles_labels()
    picture.suptitle(f"Teacher: {arm}", fontsize=14, fontweight="bold", color=INK, x=0.01, ha="left")
    picture.legend(handles, names, loc="outside upper right", ncols=len(LINES), frameon=False, fontsize=10)
    seeds = max(row.seeds for row in shown)
    told = f"measured candidates   (mean of {seeds} {'seed' if seeds == 1 else 'seeds'}; bars: one standard error)"
    picture.supxlabel(told, fontsize=10, color=FAINT)
    return picture


def _panel(axis: Axes, task: str, rows: Sequence[Row]) -> None:
    name = task.split("_")
    title = name[0] if len(name) == 1 else f"{name[0]} {name[-1]}"
    axis.set_title(f"{title}, {find_task(task).metric}", fontsize=10, color=INK, loc="left")
    for field, label, colour, dashes in LINES:
        figures: list[Figure] = [getattr(row, field) for row in rows]
        means, errors = np.array(figures).T
        axis.errorbar(
            [row.labels for row in rows],
            means,
            np.nan_to_num(errors),
            label=label,
            color=colour,
            linestyle=dashes,
            linewidth=1.8,
            marker="o",
            markersize=3.5,
            capsize=2,
        )
    axis.set_xticks([row.labels for row in rows])
    axis.grid(axis="y", color=GRID, linewidth=0.8)
    axis.tick_params(colors=FAINT, labelsize=9, length=0)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.spines["bottom"].set_color(GRID)
