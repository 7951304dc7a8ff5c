"""What the suite of screens leaves under `docs/results/screen`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from activeloop.files import write_whole
from activeloop.replay.metrics import mean_and_error
from activeloop.replay.summary import csv_text
from benchmarks.screens import LABELS as PLANTED_LABELS
from benchmarks.screens import PICKED, TIMED, Found
from benchmarks.screens_killed import Killed
from benchmarks.screens_recall import LABELS, TOP, WIDEST, Recall, RecallTask
from benchmarks.students_arms import TEACHERS
from benchmarks.suite_results import markdown_table, plus_minus, write_page

QUESTION = "What does a cascade miss, and what does it cost?"
#: demanded: share of the teacher's best; minutes; megabytes
RECALL, MINUTES, MEMORY = 0.98, 10, 2048


def write_screens(
    folder: Path,
    recalls: Mapping[RecallTask, Sequence[Recall]],
    failures: Mapping[RecallTask, str],
    huge: Mapping[str, Found],
    killed: Killed | None,
    jobs: int,
    command: str,
) -> None:
    """recall.csv, summary.csv, README.md and machine.json.

    Args:
        folder: of the results.
        recalls: of every library, teacher and seed.
        failures: why others have none.
        huge: screens of all combinations, by teacher.
        killed: what came of a screen that was killed; None when none was.
        jobs: threads of the huge screens.
        command: that makes these results again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "recall.csv", recall_csv(recalls))
    write_whole(folder / "summary.csv", huge_csv(huge))
    sections = [_recall_section(recalls, *key) for key in dict.fromkeys((t.library, t.teacher) for t in recalls)]
    sections += [_huge_section(huge, jobs), _killed_section(killed)]
    if failures:
        reasons = sorted({f"- {task.teacher} on {task.library}: {why}" for task, why in failures.items()})
        sections.append("## Not done\n\n" + "\n".join(reasons))
    how = (
        "The student scores everything, the teacher is shown the student's best and a stratified random sample of the "
        "rest; from the sample follows an estimate of what was missed, by which the cascade widens itself. Teachers: "
        + "; ".join(f"`{name}`: {TEACHERS[name]}" for name in dict.fromkeys([*huge, *(t.teacher for t in recalls)]))
        + "."
    )
    write_page(folder, QUESTION, how, [section for section in sections if section], command)


def _recall_section(recalls: Mapping[RecallTask, Sequence[Recall]], library: str, teacher: str) -> str:
    mine = {task: found for task, found in recalls.items() if (task.library, task.teacher) == (library, teacher)}
    every = [one for found in mine.values() for one in found]
    rows = []
    for keep, widest in dict.fromkeys((one.keep, one.widest) for one in every):
        some = [one for one in every if (one.keep, one.widest) == (keep, widest)]
        recall = np.array([one.recall for one in some])
        rows.append(
            [
                f"{keep:,}" + (" and wider" if widest > 1 else ""),
                f"{np.mean([one.kept for one in some]):,.0f}",
                f"{np.mean([one.seen for one in some]):.1%}",
                plus_minus(*mean_and_error(recall), 4),
                f"{recall.min():.3f}",
                plus_minus(*mean_and_error(np.array([one.missed for one in some])), 2),
                f"{np.mean([one.cpu for one in some]):.3g}",
            ]
        )
    header = [
        "kept of the student's best",
        "in the end",
        "teacher saw",
        "recall",
        "least",
        "estimated to miss",
        "CPU s",
    ]
    agreement = plus_minus(*mean_and_error(np.array([found[0].agreement for found in mine.values()])))
    told = (
        f"Teacher `{teacher}`, fitted to {LABELS} measured candidates of `{library}`, predicts all others, so that its "
        f"best {TOP:,} are known; recall is the share of them that the cascade showed it. {len(mine)} seeds; mean ± "
        f"standard error over seeds. `and wider`: up to {WIDEST[-1]} times as many while too many are estimated to be "
        f"missed. Spearman of student and teacher over all candidates: {agreement}. Demanded: a recall of at least "
        f"{RECALL:g} with the screen's own numbers."
    )
    return f"## The teacher's best of {library}, teacher {teacher}\n\n{told}\n\n{markdown_table(header, rows)}"


def _huge_section(huge: Mapping[str, Found], jobs: int) -> str:
    if not huge:
        return ""
    rows = []
    for teacher, found in huge.items():
        speeds = (found.teacher_speed, found.student_speed, found.cascade_speed)
        times = (f"{found.minutes:.2f}", f"{found.peak_mb:,.0f}", f"{found.teaching:.2f}")
        rows.append([f"{teacher}, {found.candidates:,}", *(f"{s:,.0f}" for s in speeds), f"{found.kept:,}", *times])
    header = ["teacher, candidates", "teacher, 1/s", "student, 1/s", "cascade, 1/s", "kept", "minutes", "MiB at most"]
    told = (
        "Every combination of the twenty letters at sites of one domain; values are planted, as only time and memory "
        f"are told. The teacher is fitted to {PLANTED_LABELS} of them, and {PICKED} are picked. Candidates a second of "
        f"one core, by CPU time: of the teacher over {TIMED:,} candidates, of the student while it streams, of the "
        f"whole screen over the pool. Minutes: wall time of the screen with {jobs} threads; teaching comes before it. "
        "Memory is that of the whole process. Demanded of 64,000,000 candidates on 2 cores: "
        f"{MINUTES} minutes, {MEMORY:,} MiB."
    )
    return f"## Candidates a second\n\n{told}\n\n{markdown_table([*header, 'teaching, minutes'], rows)}"


def _killed_section(killed: Killed | None) -> str:
    if killed is None:
        return ""
    end = "the same bits" if killed.same else "**another result**"
    return (
        f"## Killed and begun again\n\nA screen of {killed.candidates:,} candidates was ended with SIGKILL when its "
        f"journal held {killed.done:,} of them, and begun again in the same folder: the candidates that the teacher "
        f"saw, what it said of them and all picks are {end} as those of a screen that was left alone."
    )


def recall_csv(recalls: Mapping[RecallTask, Sequence[Recall]]) -> str:
    """A line for each cascade."""
    names = tuple(field.name for field in fields(Recall))
    lines = [
        (task.library, task.teacher, task.seed, *(_cell(getattr(one, name)) for name in names))
        for task, found in sorted(recalls.items(), key=lambda item: (item[0].teacher, item[0].seed))
        for one in found
    ]
    return csv_text(("library", "teacher", "seed", *names), lines)


def huge_csv(huge: Mapping[str, Found]) -> str:
    """A line for each teacher."""
    names = tuple(field.name for field in fields(Found) if field.name not in ("picks", "digest"))
    lines = [(teacher, *(_cell(getattr(found, name)) for name in names)) for teacher, found in huge.items()]
    return csv_text(("teacher", *names), lines)


def _cell(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"
