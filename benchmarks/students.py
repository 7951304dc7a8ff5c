"""What a student keeps of its teacher: the same labels for all, the same unseen candidates to be judged on."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from activeloop.errors import ActiveLoopError
from activeloop.files import write_whole
from activeloop.measurements import Dataset
from activeloop.prediction import Prediction, Predictor
from activeloop.replay.landscape import Landscape
from activeloop.replay.machine import run_tasks
from activeloop.replay.metrics import spearman
from benchmarks.students_arms import ALONE, Arm, distiller_of, teacher_of
from benchmarks.students_tasks import Split, find_task, judged, labelled_data, landscape_of_task, split

#: of the intervals whose coverage is told
LEVEL = 0.9
#: from 0 (unfit) to 1: which column of a class prediction is `fit`
FIT = -1


@dataclass(frozen=True)
class Cell:
    """One teacher, its student, and what they are shown.

    Args:
        task: name of a public set.
        labels: how many candidates are measured.
        seed: which ones, and of every other chance.
        arm: name of an `Arm`.
    """

    task: str
    labels: int
    seed: int
    arm: str

    @property
    def file(self) -> str:
        """Under which its result is kept."""
        return f"{self.task}+{self.labels}+{self.seed}+{self.arm.replace(' ', '-').replace(':', '+')}.json"


@dataclass(frozen=True)
class Told:
    """What came of a cell; on the held-out candidates where nothing else is said; NaN where there is nothing to tell.

    Args:
        teacher: Spearman (of classes AUROC) of the teacher (of the baseline: its own) with the truth.
        teacher_coverage: share of the true values in its 90 % intervals; of values alone.
        teacher_seconds: CPU seconds of its fit.
        student: the same of the student.
        student_coverage: the same of the student.
        student_seconds: CPU seconds of teaching it, the teacher's answers included.
        agreement: Spearman of the student's means with the teacher's.
        sd_agreement: of their standard deviations.
        parameters: of the student.
        pool_teacher, pool_student: as `teacher` and `student`, on candidates that nobody measured, but about which the
            teacher was asked.
    """

    teacher: float = math.nan
    teacher_coverage: float = math.nan
    teacher_seconds: float = math.nan
    student: float = math.nan
    student_coverage: float = math.nan
    student_seconds: float = math.nan
    agreement: float = math.nan
    sd_agreement: float = math.nan
    parameters: float = math.nan
    pool_teacher: float = math.nan
    pool_student: float = math.nan

    def text(self) -> str:
        """As JSON; what is not known is null."""
        return json.dumps({key: None if math.isnan(value) else value for key, value in asdict(self).items()}) + "\n"

    @classmethod
    def read(cls, text: str) -> Told:
        """What `text` gave."""
        kept = json.loads(text)
        return cls(**{f.name: math.nan if kept[f.name] is None else kept[f.name] for f in fields(cls)})


def run_cell(cell: Cell) -> Told | str:
    """Fit, teach and judge; a cell that cannot be done gives its reason, "" when it does not apply to the task."""
    task, arm = find_task(cell.task), Arm.read(cell.arm)
    try:
        landscape = landscape_of_task(task)
        parts = split(len(landscape), cell.labels, cell.seed)
        learner = teacher_of(arm, landscape)
        if learner is None and arm.teacher != ALONE:
            return ""
        data = labelled_data(landscape, parts.labelled)
        clock = time.process_time()
        teacher = None if learner is None else learner.fit(data, cell.seed)
        seconds = time.process_time() - clock
        told, prediction = {}, None
        if teacher is not None:
            prediction = _prediction(teacher, landscape, parts.held_out, cell.seed)
            told = _scores(cell, "teacher", teacher, prediction, landscape, parts) | {
                "teacher_seconds": round(seconds, 3)
            }
            told["teacher_coverage"] = _coverage(prediction, landscape, parts)
        if arm.teaches:
            told |= _taught(cell, arm, teacher, prediction, data, landscape, parts)
        return Told(**told)
    except ActiveLoopError as error:
        return f"{type(error).__name__}: {error}"


def _taught(
    cell: Cell,
    arm: Arm,
    teacher: Predictor | None,
    prediction: Prediction | None,
    data: Dataset,
    landscape: Landscape,
    parts: Split,
) -> dict[str, float]:
    """Figures of the student."""
    clock = time.process_time()
    distiller = distiller_of(arm, landscape.pool)
    if teacher is None:
        student = distiller.alone(data, cell.seed)
    else:
        student = distiller.teach(teacher, data, cell.seed, exclude=parts.held_out)
    seconds = time.process_time() - clock
    own = _prediction(student, landscape, parts.held_out, cell.seed)
    told = _scores(cell, "student", student, own, landscape, parts) | {
        "student_coverage": _coverage(own, landscape, parts),
        "student_seconds": round(seconds, 3),
        "parameters": float(student.card.parameters),
    }
    if prediction is not None:
        told["agreement"] = spearman(own.mean[:, FIT], prediction.mean[:, FIT])
        told["sd_agreement"] = spearman(own.sd[:, FIT], prediction.sd[:, FIT])
    return told


def _prediction(predictor: Predictor, landscape: Landscape, rows: np.ndarray, seed: int) -> Prediction:
    return predictor.predict(landscape.pool, rows, seed, draws=0)


def _scores(
    cell: Cell, name: str, predictor: Predictor, prediction: Prediction, landscape: Landscape, parts: Split
) -> dict[str, float]:
    """On the held-out candidates, of which the prediction is, and on unlabelled ones of the pool."""
    task = find_task(cell.task)
    told = {name: judged(task, prediction.mean[:, FIT], landscape.oriented[parts.held_out])}
    if len(parts.unlabelled) > 1:
        met = _prediction(predictor, landscape, parts.unlabelled, cell.seed)
        told[f"pool_{name}"] = judged(task, met.mean[:, FIT], landscape.oriented[parts.unlabelled])
    return told


def _coverage(prediction: Prediction, landscape: Landscape, parts: Split) -> float:
    """Share of the true values inside; NaN for classes, of which one is either right or wrong."""
    if prediction.classes or landscape.assay.goal == "classify":
        return math.nan
    low, high = prediction.interval(LEVEL)
    true = landscape.oriented[parts.held_out, None]
    return float(((low <= true) & (true <= high)).mean())


def run_cells(
    cells: Sequence[Cell], folder: Path, jobs: int = 1, finished: Callable[[Cell], None] | None = None
) -> tuple[dict[Cell, Told], dict[Cell, str]]:
    """Every cell whose result the folder does not hold yet.

    Args:
        cells: what to do.
        folder: a JSON file is kept here for each finished cell, so a stopped suite goes on.
        jobs: processes, each on one thread.
        finished: called with every cell that is done, those kept before included.

    Returns:
        Results, and why others have none; cells that do not apply are in neither.
    """
    folder.mkdir(parents=True, exist_ok=True)
    told, failures = {}, {}
    report = finished or (lambda cell: None)
    for cell in cells:
        if (folder / cell.file).exists():
            told[cell] = Told.read((folder / cell.file).read_text("utf-8"))
            report(cell)
    waiting = [cell for cell in cells if cell not in told]
    for cell, result in run_tasks(waiting, run_cell, jobs):
        if isinstance(result, Told):
            told[cell] = result
            write_whole(folder / cell.file, result.text())
        elif result:
            failures[cell] = result
        report(cell)
    return told, failures


def all_cells(tasks: Iterable[str], labels: Iterable[int], seeds: int, arms: Iterable[str]) -> list[Cell]:
    """Every combination; seeds outermost, so that a stopped suite has looked at all tasks.

    >>> len(all_cells(["a", "b"], [96, 480], 3, ["default"]))
    12
    """
    labels, arms, tasks = tuple(labels), tuple(arms), tuple(tasks)
    return [Cell(t, n, seed, arm) for seed in range(seeds) for t in tasks for n in labels for arm in arms]
