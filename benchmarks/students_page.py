"""The page of the suite of students: tables, and a panel for each task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from activeloop.drawing import FAINT, GRID, INK, png
from activeloop.executor import available_cores
from activeloop.replay.summary import number
from benchmarks.options import working
from benchmarks.results import HEAVY, Result, Table, markdown_table, mean_se, not_done, plus_minus, run_kept, section
from benchmarks.students import Cell, CellResult, Figure, Row, StudentSuite, rows_of, run_cell
from benchmarks.students_latency import Latency, latency_sections, latency_table, measured_latency
from benchmarks.students_teachers import HELD_OUT, MOST, PLAIN, TEACHERS, Arm, find_task, teacher_parameters

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


QUESTION = "How much of its teacher does a small student retain?"
#: labels from which many and up to which few are measured; shares that must be kept; the least gain with few
MANY, FEW, KEPT_MANY, KEPT_FEW, GAIN = 400, 200, 0.98, 0.95, 0.02
#: parameters of the teacher for one of the student
FEWER = 20


def run_students(suite: StudentSuite, jobs: int | None, work: Path, out: Path, command: str) -> None:
    """Teach and judge what the folder of single cells does not hold yet, time the files, and write the page.

    Args:
        suite: what is asked.
        jobs: processes; None = one for each core.
        work: where finished cells are kept.
        out: folder of the results.
        command: that makes these results again.
    """
    cells, cores = [*suite.cells, *suite.ablations], jobs or available_cores()
    with working(work, {"students": len(suite.timed) + len(cells)}, "parts") as done:
        latency = measured_latency(suite.timed, work, lambda task: done("students"))  # first, while nothing else runs
        told, failures = run_kept(
            cells, run_cell, work, CellResult.read, cores, lambda cell: done("students"), write=lambda one: one.text()
        )
    sizes = {arm: teacher_parameters(Arm.read(arm)) for arm in suite.arms}
    student_result(suite, told, failures, sizes, latency).write(out, command)


def student_result(
    suite: StudentSuite,
    told: Mapping[Cell, CellResult],
    failures: Mapping[Cell, str],
    sizes: Mapping[str, int | None],
    latency: Sequence[Latency] = (),
) -> Result:
    """What was found, with a picture for each teacher.

    Args:
        suite: what was asked.
        told: of every cell, ablations included.
        failures: why others have none.
        sizes: parameters of each teacher; None for those without a foundation model.
        latency: of the files that were timed.
    """
    rows = rows_of({cell: what for cell, what in told.items() if not Arm.read(cell.arm).changes})
    changed = rows_of({cell: what for cell, what in told.items() if Arm.read(cell.arm).changes})
    arms = list(dict.fromkeys(row.arm for row in rows))
    sections = [
        _verdict(rows, arms, sizes),
        *(_teacher_section(rows, arm, sizes.get(arm)) for arm in arms),
        _uncertainty(rows),
        *_ablations(changed),
        *latency_sections(latency),
        not_done("Not done", (f"{cell.arm} on {cell.task}: {why}" for cell, why in failures.items())),
    ]
    return Result(
        QUESTION,
        _how(suite),
        sections,
        {"summary": rows_table(rows), "ablations": rows_table(changed), "latency": latency_table(latency)},
        {f"{arm}.png": png(draw_students(rows, arm)) for arm in arms},
        (*HEAVY, "students"),
    )


def _how(suite: StudentSuite) -> str:
    seeds = f"{suite.seeds} {'seed' if suite.seeds == 1 else 'seeds'}"
    teachers = "; ".join(f"`{name}`: {TEACHERS[name]}" for name in suite.arms if name in TEACHERS)
    return (
        f"One in {HELD_OUT} candidates of each set is held out: never labelled, never shown to a teacher or a student; "
        "figures are of these candidates where nothing else is said. Of the rest the first ones of an order that the "
        "seed draws are labelled, a teacher can be queried about the others; *in the pool* is of those, at most "
        "as many: so it is in a campaign, whose student learns about the whole pool. Of sets with more than "
        f"{MOST:,} candidates {MOST:,} were drawn once. {seeds}; mean ± standard error over seeds. `kept` is student / "
        "teacher, a ratio of means; `alone` is the student's network with the same labels and without a teacher. "
        f"Teachers: {teachers}. The {PLAIN} sees nothing but the residues (of compounds: fingerprints)."
    )


def _verdict(rows: Sequence[Row], arms: Sequence[str], sizes: Mapping[str, int | None]) -> str:
    """Each demand, and what was found; over tasks."""
    table = []
    for arm in arms:
        mine = [row for row in rows if row.arm == arm]
        worthy = [row for row in mine if row.counts]
        many, few = [r for r in mine if r.labels >= MANY], [r for r in mine if r.labels <= FEW]
        gains = [row for row in worthy if row.labels <= FEW]
        table += [
            _demand(f"{arm}: kept at {MANY} labels or more", KEPT_MANY, [r.kept[0] for r in many]),
            _demand(f"{arm}: kept in the pool at {MANY} or more", KEPT_MANY, [r.pool_kept[0] for r in many]),
            _demand(f"{arm}: kept at {FEW} labels or fewer", KEPT_FEW, [r.kept[0] for r in few]),
            _demand(f"{arm}: kept in the pool at {FEW} or fewer", KEPT_FEW, [r.pool_kept[0] for r in few]),
            _demand(
                f"{arm}: student less alone at {FEW} or fewer, where the teacher beats the {PLAIN}",
                GAIN,
                [r.gain[0] for r in gains],
            ),
        ]
        if size := sizes.get(arm):
            table.append(_demand(f"{arm}: parameters, teacher / student", FEWER, [size / r.parameters for r in mine]))
    header = ["", "required", "mean of the cells", "least", "cells that meet it"]
    return section("Requirements", markdown_table(header, table), "A cell is a task and a number of labels.")


def _demand(what: str, least: float, values: Iterable[float]) -> list[str]:
    known = np.array([v for v in values if np.isfinite(v)])
    if not len(known):
        return [what, f"{least:g}", "–", "–", "0 of 0"]
    return [what, f"{least:g}", mean_se(known), f"{known.min():.3g}", f"{(known >= least).sum()} of {len(known)}"]


def _teacher_section(rows: Sequence[Row], arm: str, size: int | None) -> str:
    mine = [row for row in rows if row.arm == arm]
    header = ["", "labels", PLAIN, "teacher", "student", "kept", "kept in the pool"]
    header += ["alone", "student − alone", "fewer parameters"]
    table = [
        [
            row.task if row.counts else f"{row.task} *",
            str(row.labels),
            *(_figure(f) for f in (row.plain, row.teacher, row.student, row.kept, row.pool_kept)),
            *(_figure(f) for f in (row.alone, row.gain)),
            f"{size / row.parameters:.0f}x" if size else "–",
        ]
        for row in mine
    ]
    told = f"\\* the teacher is no better than the {PLAIN}." if not all(row.counts for row in mine) else ""
    many = f"{size:,} parameters read for the teacher." if size else "The teacher has no foundation model."
    metrics = ", ".join(f"{t}: {find_task(t).metric}" for t in dict.fromkeys(r.task for r in mine))
    picture = f"![Teacher, student and baselines over labels, teacher {arm}]({arm}.png)"
    return section(f"Teacher: {arm}", f"{many} {metrics}.", markdown_table(header, table), told, picture)


def _uncertainty(rows: Sequence[Row]) -> str:
    """Coverage, agreement and seconds, means over tasks."""
    table = []
    for arm, labels in dict.fromkeys((row.arm, row.labels) for row in rows):
        some = [row for row in rows if (row.arm, row.labels) == (arm, labels)]
        names = ("teacher_coverage", "student_coverage", "agreement", "sd_agreement", "teacher_seconds")
        values = [np.array([getattr(row, name)[0] for row in some]) for name in (*names, "student_seconds")]
        table.append([arm, str(labels), *(mean_se(v) for v in values)])
    header = ["teacher", "labels", "teacher's coverage", "student's coverage", "fidelity", "of sd"]
    told = (
        "Coverage: share of true values in 90 % intervals (values alone). Fidelity: Spearman of the student's means, "
        "and of its standard deviations, with the teacher's. CPU seconds: of the teacher's fit; of querying it and "
        "training the student. Mean ± standard error over tasks."
    )
    return section("Uncertainty", told, markdown_table([*header, "fit, s", "training, s"], table))


def _ablations(rows: Sequence[Row]) -> list[str]:
    """A table for each field that was changed and each teacher; a column a task."""
    sections, by_change = [], dict[tuple[str, str], list[Row]]()
    for row in rows:
        by_change.setdefault((Arm.read(row.arm).teacher, Arm.read(row.arm).changes[0][0]), []).append(row)
    for (teacher, key), some in by_change.items():
        tasks = list(dict.fromkeys(row.task for row in some))
        by_value = {value: {} for value in dict.fromkeys(Arm.read(row.arm).changes[0][1] for row in some)}
        for row in some:
            by_value[Arm.read(row.arm).changes[0][1]][row.task] = row
        table = [
            [value, *(_figure(of[t].student) if t in of else "" for t in tasks), *_kept_and_sure(list(of.values()))]
            for value, of in by_value.items()
        ]
        many = "seed" if some[0].seeds == 1 else "seeds"
        told = f"Teacher `{teacher}`, {some[0].labels} labels, {some[0].seeds} {many}: the student's figures."
        header = [key, *tasks, "kept, mean", "fidelity of sd, mean"]
        sections.append(section(f"Ablation: {key}, teacher {teacher}", told, markdown_table(header, table)))
    return sections


def _kept_and_sure(rows: Sequence[Row]) -> tuple[str, ...]:
    return tuple(f"{np.mean([getattr(row, name)[0] for row in rows]):.3f}" for name in ("kept", "sd_agreement"))


def _figure(figure: Figure) -> str:
    return "–" if np.isnan(figure[0]) else plus_minus(*figure)


def rows_table(rows: Sequence[Row]) -> Table:
    """Columns, and a row for each task, number of labels, teacher and figure."""
    lines = [
        (row.task, row.labels, row.arm, field.name, number(mean), number(error), row.seeds)
        for row in rows
        for field in fields(row)
        if isinstance(figure := getattr(row, field.name), tuple)
        for mean, error in [figure]
    ]
    return ("task", "labels", "arm", "figure", "mean", "se", "seeds"), lines
