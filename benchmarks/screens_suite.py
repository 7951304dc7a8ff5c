"""The suite of screens, and its page: recall where the truth is known, time and memory, a kill on the way."""

from __future__ import annotations

import json
import math
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np

from activeloop.executor import available_cores
from activeloop.files import write_whole
from activeloop.screening.checkpoint import read_arrays
from benchmarks.options import working
from benchmarks.results import LIGHT, Result, Table, markdown_table, mean_se, not_done, run_kept, section
from benchmarks.screens import LABELS as PLANTED_LABELS
from benchmarks.screens import PICKED, TIMED, Killed, ScreenConfig, ScreenResult, begin, result_of
from benchmarks.screens_recall import LABELS, TOP, WIDEST, Recall, RecallTask, read_recalls, run_recall
from benchmarks.students_teachers import TEACHERS

#: residues at a site
RESIDUES = 20
#: seconds between two looks at a journal, and between two writings of it
LOOK, EVERY = 0.05, 0.2
#: of teaching the student of the screen that is killed: how good it is does not matter
STEPS = 300


@dataclass(frozen=True)
class ScreenSuite:
    """What is asked of screens.

    Args:
        library: a public set of which every candidate was measured.
        teachers: names of arms.
        seeds: of the recall.
        sites: of the large screen: 20^sites candidates.
        keep: candidates that its teacher is shown.
        killed: sites of the screen that is killed; 0: none is.
    """

    library: str = "gb1"
    teachers: tuple[str, ...] = ("default", "embedding-gp")
    seeds: int = 10
    sites: int = 6
    keep: int = 20_000
    killed: int = 5

    @property
    def tasks(self) -> list[RecallTask]:
        """Of the recall; seeds outermost."""
        return [RecallTask(self.library, teacher, seed) for seed in range(self.seeds) for teacher in self.teachers]

    def narrowed(self, teachers: tuple[str, ...], seeds: int | None, limit: int | None) -> ScreenSuite:
        """With other teachers or seeds, and screens of at most so many candidates.

        >>> ScreenSuite().narrowed((), 2, 10_000).sites
        3
        """
        sites = self.sites if limit is None else max(2, min(self.sites, int(math.log(limit + 1, RESIDUES))))
        keep = min(self.keep, RESIDUES**sites // 4)
        killed = min(self.killed, sites)
        return replace(
            self,
            teachers=teachers or self.teachers,
            seeds=self.seeds if seeds is None else seeds,
            sites=sites,
            keep=keep,
            killed=killed,
        )


Done = tuple[dict[RecallTask, list[Recall]], dict[RecallTask, str], dict[str, ScreenResult], Killed | None]


def run_screens(suite: ScreenSuite, work: Path, jobs: int, told: Callable[[], None]) -> Done:
    """Everything that the folder does not hold yet. The large screens run alone, so that time can be told.

    Args:
        suite: what is asked.
        work: a JSON file is kept here for each finished part.
        jobs: processes of the recall; threads of the large screens.
        told: called for each part that is done.

    Returns:
        Recalls, why others have none, large screens by teacher, and what came of the one that was killed.
    """
    work.mkdir(parents=True, exist_ok=True)
    huge = {}
    for teacher in suite.teachers:
        huge[teacher] = _huge(suite, teacher, work, jobs)
        told()
    killed = _killed(suite, work, jobs) if suite.killed else None
    told()
    recalls, failures = run_kept(suite.tasks, run_recall, work, read_recalls, jobs, lambda task: told())
    return recalls, failures, huge, killed


def _huge(suite: ScreenSuite, teacher: str, work: Path, jobs: int) -> ScreenResult:
    path = work / f"large+{teacher}+{suite.sites}+{suite.keep}.json"
    if not path.exists():
        with tempfile.TemporaryDirectory() as folder:
            config = ScreenConfig(str(Path(folder) / "own"), suite.sites, teacher, suite.keep, jobs)
            found = result_of(begin(config, Path(folder) / "cache"))
        write_whole(path, json.dumps(asdict(found)) + "\n")
    return ScreenResult.read(path.read_text("utf-8"))


def _killed(suite: ScreenSuite, work: Path, jobs: int) -> Killed:
    path = work / f"killed+{suite.killed}.json"
    if not path.exists():
        write_whole(path, json.dumps(asdict(_kill(suite, jobs))) + "\n")
    return Killed(**json.loads(path.read_text("utf-8")))


def _kill(suite: ScreenSuite, jobs: int) -> Killed:
    """The same student and teacher, once undisturbed and once killed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keep = min(suite.keep, RESIDUES**suite.killed // 4)
        alone = ScreenConfig(str(folder / "alone"), suite.killed, "default", keep, jobs, EVERY, STEPS)
        ended = replace(alone, folder=str(folder / "ended"))
        cache = folder / "cache"
        undisturbed = result_of(begin(alone, cache))
        (folder / "ended").mkdir()
        shutil.copy(folder / "alone" / "student.onnx", folder / "ended" / "student.onnx")
        process = begin(ended, cache)
        journal = folder / "ended" / "screen" / "student.npz"
        while process.poll() is None and not _scored(journal):
            time.sleep(LOOK)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        done = _scored(journal)
        again = result_of(begin(ended, cache))
    same = (again.picks, again.digest) == (undisturbed.picks, undisturbed.digest)
    return Killed(undisturbed.candidates, min(done, undisturbed.candidates), same)


def _scored(journal: Path) -> int:
    """Candidates that a journal holds."""
    from activeloop.screening.topk import BLOCK

    arrays = read_arrays(journal) if journal.exists() else None
    return 0 if arrays is None else int(arrays["done"].sum()) * BLOCK


QUESTION = "What does a cascade miss, and what does it cost?"
#: required: share of the teacher's best; minutes; megabytes
RECALL, MINUTES, MEMORY = 0.98, 10, 2048


def run_screen(suite: ScreenSuite, jobs: int | None, work: Path, out: Path, command: str) -> None:
    """Screen what the folder of single parts does not hold yet, and write the page; arguments as `run_students`."""
    threads = jobs or available_cores()
    with working(work, {"screen": len(suite.teachers) + 1 + len(suite.tasks)}, "parts") as done:
        found = run_screens(suite, work, threads, lambda: done("screen"))
    screen_result(found, threads).write(out, command)


def screen_result(done: Done, jobs: int) -> Result:
    """What was found, with `jobs` threads in the large screens."""
    recalls, failures, huge, killed = done
    teachers = dict.fromkeys([*huge, *(t.teacher for t in recalls)])
    how = (
        "The student scores everything, the teacher is shown the student's best and a stratified random sample of the "
        "rest; the sample gives an estimate of the miss rate, by which the shortlist grows. Teachers: "
        + "; ".join(f"`{name}`: {TEACHERS[name]}" for name in teachers)
        + "."
    )
    sections = [
        *(_recall_section(recalls, *key) for key in dict.fromkeys((t.library, t.teacher) for t in recalls)),
        _huge_section(huge, jobs),
        _killed_section(killed),
        not_done("Not done", (f"{task.teacher} on {task.library}: {why}" for task, why in failures.items())),
    ]
    tables = {"recall": recall_table(recalls), "summary": huge_table(huge)}
    return Result(QUESTION, how, sections, tables, parts=(*LIGHT, "screening", "students"))


def _recall_section(recalls: Mapping[RecallTask, Sequence[Recall]], library: str, teacher: str) -> str:
    mine = {task: found for task, found in recalls.items() if (task.library, task.teacher) == (library, teacher)}
    every = [one for found in mine.values() for one in found]
    rows = []
    for keep, widest in dict.fromkeys((one.keep, one.widest) for one in every):
        some = [one for one in every if (one.keep, one.widest) == (keep, widest)]
        recall = np.array([one.recall for one in some])
        rows.append(
            [
                f"{keep:,}" + (" and growing" if widest > 1 else ""),
                f"{np.mean([one.kept for one in some]):,.0f}",
                f"{np.mean([one.seen for one in some]):.1%}",
                mean_se(recall, 4),
                f"{recall.min():.3f}",
                mean_se((one.missed for one in some), 2),
                f"{np.mean([one.cpu for one in some]):.3g}",
            ]
        )
    header = ["shortlist", "final", "teacher saw", "recall", "least", "estimated miss rate", "CPU s"]
    agreement = mean_se(found[0].agreement for found in mine.values())
    told = (
        f"Teacher `{teacher}`, fitted to {LABELS} measured candidates of `{library}`, predicts all others, so that its "
        f"best {TOP:,} are known; recall is the share of them that the cascade showed it. {len(mine)} seeds; mean ± "
        f"standard error over seeds. `and growing`: up to {WIDEST[-1]} times as many while the estimated miss rate is "
        f"too high. Spearman of student and teacher over all candidates: {agreement}. Required: a recall of at least "
        f"{RECALL:g} with the screen's own numbers."
    )
    return section(f"The teacher's best of {library}, teacher {teacher}", told, markdown_table(header, rows))


def _huge_section(huge: Mapping[str, ScreenResult], jobs: int) -> str:
    if not huge:
        return ""
    rows = []
    for teacher, found in huge.items():
        speeds = (found.teacher_speed, found.student_speed, found.cascade_speed)
        times = (f"{found.minutes:.2f}", f"{found.peak_mb:,.0f}", f"{found.teaching:.2f}")
        rows.append([f"{teacher}, {found.candidates:,}", *(f"{s:,.0f}" for s in speeds), f"{found.kept:,}", *times])
    header = [
        "teacher, candidates",
        "teacher, 1/s",
        "student, 1/s",
        "cascade, 1/s",
        "shortlist",
        "minutes",
        "MiB at most",
    ]
    told = (
        "Every combination of the twenty amino acids at sites of one domain; values are planted, as only time and "
        f"memory are told. The teacher is fitted to {PLANTED_LABELS} of them, and {PICKED} are picked. Candidates a "
        f"second of one core, by CPU time: of the teacher over {TIMED:,} candidates, of the student while it streams, "
        f"of the whole screen over the pool. Minutes: wall time of the screen with {jobs} threads; training the "
        "student comes before it. Memory is that of the whole process. Required of 64,000,000 candidates on 2 cores: "
        f"{MINUTES} minutes, {MEMORY:,} MiB."
    )
    return section("Candidates a second", told, markdown_table([*header, "training, minutes"], rows))


def _killed_section(killed: Killed | None) -> str:
    if killed is None:
        return ""
    end = "the same bits" if killed.same else "**another result**"
    return section(
        "Killed and started again",
        f"A screen of {killed.candidates:,} candidates was ended with SIGKILL when its "
        f"journal held {killed.done:,} of them, and begun again in the same folder: the candidates that the teacher "
        f"saw, its predictions and all picks are {end} as those of a screen that was left alone.",
    )


def recall_table(recalls: Mapping[RecallTask, Sequence[Recall]]) -> Table:
    """Columns and a row for each cascade."""
    names = tuple(field.name for field in fields(Recall))
    lines = [
        (task.library, task.teacher, task.seed, *(_cell(getattr(one, name)) for name in names))
        for task, found in sorted(recalls.items(), key=lambda item: (item[0].teacher, item[0].seed))
        for one in found
    ]
    return ("library", "teacher", "seed", *names), lines


def huge_table(huge: Mapping[str, ScreenResult]) -> Table:
    """Columns and a row for each teacher."""
    names = tuple(field.name for field in fields(ScreenResult) if field.name not in ("picks", "digest"))
    lines = [(teacher, *(_cell(getattr(found, name)) for name in names)) for teacher, found in huge.items()]
    return ("teacher", *names), lines


def _cell(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"
