"""What the suite of students leaves under `docs/results/students`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from activeloop.files import write_whole
from activeloop.replay.metrics import mean_and_error
from activeloop.replay.report import png
from activeloop.replay.summary import csv_text, number
from benchmarks.students import Cell, Told
from benchmarks.students_arms import PLAIN, TEACHERS, Arm
from benchmarks.students_measures import Figure, Row, rows_of
from benchmarks.students_plots import draw_students
from benchmarks.students_suite import StudentSuite
from benchmarks.students_tasks import HELD_OUT, MOST, find_task
from benchmarks.suite_results import markdown_table, plus_minus, write_page

QUESTION = "What does a small student keep of its teacher?"
#: labels from which many and up to which few are measured; shares that must be kept; the least gain with few
MANY, FEW, KEPT_MANY, KEPT_FEW, GAIN = 400, 200, 0.98, 0.95, 0.02
#: parameters of the teacher for one of the student
FEWER = 20


def write_students(
    folder: Path,
    suite: StudentSuite,
    told: Mapping[Cell, Told],
    failures: Mapping[Cell, str],
    sizes: Mapping[str, int | None],
    command: str,
    further: Sequence[str] = (),
) -> None:
    """summary.csv, ablations.csv, a picture for each teacher, README.md and machine.json.

    Args:
        folder: of the results.
        suite: what was asked.
        told: of every cell, ablations included.
        failures: why others have none.
        sizes: parameters of each teacher; None for those without a foundation model.
        command: that makes these results again.
        further: sections that other parts of the suite made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = rows_of({cell: what for cell, what in told.items() if not Arm.read(cell.arm).changes})
    changed = rows_of({cell: what for cell, what in told.items() if Arm.read(cell.arm).changes})
    write_whole(folder / "summary.csv", rows_csv(rows))
    write_whole(folder / "ablations.csv", rows_csv(changed))
    arms = list(dict.fromkeys(row.arm for row in rows))
    sections = [_verdict(rows, arms, sizes)]
    for arm in arms:
        write_whole(folder / f"{arm}.png", png(draw_students(rows, arm)))
        sections += [_teacher_section(rows, arm, sizes.get(arm))]
    sections += [_uncertainty(rows), *_ablations(changed), *further]
    if failures:
        sections.append(
            "## Not done\n\n" + "\n".join(sorted({f"- {c.arm} on {c.task}: {w}" for c, w in failures.items()}))
        )
    write_page(folder, QUESTION, _how(suite), [section for section in sections if section], command)


def _how(suite: StudentSuite) -> str:
    seeds = f"{suite.seeds} {'seed' if suite.seeds == 1 else 'seeds'}"
    teachers = "; ".join(f"`{name}`: {TEACHERS[name]}" for name in suite.arms if name in TEACHERS)
    return (
        f"One in {HELD_OUT} candidates of each set is held out: never labelled, never shown to a teacher or a student; "
        "figures are of these candidates where nothing else is said. Of the rest the first ones of an order that the "
        "seed draws are labelled, the others are what a teacher can be asked about; *in the pool* is of those, at most "
        "as many: so it is in a campaign, whose student is taught about the whole pool. Of sets with more than "
        f"{MOST:,} candidates {MOST:,} were drawn once. {seeds}; mean ± standard error over seeds. `kept` is student / "
        "teacher, a ratio of means; `alone` is the student's network with the same labels and without a teacher. "
        f"Teachers: {teachers}. The {PLAIN} is told nothing but the letters (of compounds: fingerprints)."
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
    header = ["", "demanded", "mean of the cells", "least", "cells that meet it"]
    return f"## What was demanded\n\n{markdown_table(header, table)}\n\nA cell is a task and a number of labels."


def _demand(what: str, least: float, values: Iterable[float]) -> list[str]:
    known = np.array([v for v in values if np.isfinite(v)])
    if not len(known):
        return [what, f"{least:g}", "–", "–", "0 of 0"]
    mean, error = mean_and_error(known)
    return [
        what,
        f"{least:g}",
        plus_minus(mean, error),
        f"{known.min():.3g}",
        f"{(known >= least).sum()} of {len(known)}",
    ]


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
    told = f"\n\n\\* the teacher is no better than the {PLAIN}." if not all(row.counts for row in mine) else ""
    many = f"{size:,} parameters read for the teacher." if size else "The teacher has no foundation model."
    metrics = ", ".join(f"{t}: {find_task(t).metric}" for t in dict.fromkeys(r.task for r in mine))
    picture = f"![Teacher, student and baselines over labels, teacher {arm}]({arm}.png)"
    return f"## Teacher: {arm}\n\n{many} {metrics}.\n\n{markdown_table(header, table)}{told}\n\n{picture}"


def _uncertainty(rows: Sequence[Row]) -> str:
    """Coverage, agreement and seconds, means over tasks."""
    table = []
    for arm, labels in dict.fromkeys((row.arm, row.labels) for row in rows):
        some = [row for row in rows if (row.arm, row.labels) == (arm, labels)]
        names = ("teacher_coverage", "student_coverage", "agreement", "sd_agreement", "teacher_seconds")
        values = [np.array([getattr(row, name)[0] for row in some]) for name in (*names, "student_seconds")]
        table.append([arm, str(labels), *(plus_minus(*mean_and_error(v)) for v in values)])
    header = ["teacher", "labels", "teacher's coverage", "student's coverage", "agreement", "of spreads"]
    told = (
        "Coverage: share of true values in 90 % intervals (values alone). Agreement: Spearman of the student's means, "
        "and of its standard deviations, with the teacher's. CPU seconds: of the teacher's fit; of asking it and "
        "teaching the student. Mean ± standard error over tasks."
    )
    return f"## What it does not know\n\n{told}\n\n{markdown_table([*header, 'fit, s', 'teaching, s'], table)}"


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
        header = [key, *tasks, "kept, mean", "spreads, mean"]
        sections.append(f"## Another {key}, teacher {teacher}\n\n{told}\n\n{markdown_table(header, table)}")
    return sections


def _kept_and_sure(rows: Sequence[Row]) -> tuple[str, ...]:
    return tuple(f"{np.mean([getattr(row, name)[0] for row in rows]):.3f}" for name in ("kept", "sd_agreement"))


def _figure(figure: Figure) -> str:
    return "–" if np.isnan(figure[0]) else plus_minus(*figure)


def rows_csv(rows: Sequence[Row]) -> str:
    """A line for each task, number of labels, teacher and figure."""
    lines = [
        (row.task, row.labels, row.arm, field.name, number(mean), number(error), row.seeds)
        for row in rows
        for field in fields(row)
        if isinstance(figure := getattr(row, field.name), tuple)
        for mean, error in [figure]
    ]
    return csv_text(("task", "labels", "arm", "figure", "mean", "se", "seeds"), lines)
