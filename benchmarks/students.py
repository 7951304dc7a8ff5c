"""What a student keeps of its teacher: the same labels for all, the same unseen candidates to be judged on."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace

import numpy as np

from activeloop.errors import ActiveLoopError
from activeloop.measurements import Dataset
from activeloop.prediction import Prediction, Predictor
from activeloop.replay.landscape import Landscape
from activeloop.replay.metrics import mean_and_error, spearman
from benchmarks.students_teachers import (
    ALONE,
    PLAIN,
    TASKS,
    Arm,
    Split,
    distiller_of,
    find_task,
    judged,
    labelled_data,
    landscape_of_task,
    split,
    teacher_of,
)

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
class CellResult:
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
        return json.dumps({key: None if math.isnan(value) else value for key, value in asdict(self).items()})

    @classmethod
    def read(cls, text: str) -> CellResult:
        """What `text` gave."""
        kept = json.loads(text)
        return cls(**{f.name: math.nan if kept[f.name] is None else kept[f.name] for f in fields(cls)})


def run_cell(cell: Cell) -> CellResult | str:
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
        return CellResult(**told)
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
        student = distiller.train_on_labels(data, cell.seed)
    else:
        student = distiller.distil(teacher, data, cell.seed, exclude=parts.held_out)
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


def all_cells(tasks: Iterable[str], labels: Iterable[int], seeds: int, arms: Iterable[str]) -> list[Cell]:
    """Every combination; seeds outermost, so that a stopped suite has looked at all tasks.

    >>> len(all_cells(["a", "b"], [96, 480], 3, ["default"]))
    12
    """
    labels, arms, tasks = tuple(labels), tuple(arms), tuple(tasks)
    return [Cell(t, n, seed, arm) for seed in range(seeds) for t in tasks for n in labels for arm in arms]


#: a mean and its standard error over seeds
Figure = tuple[float, float]
UNKNOWN: Figure = (float("nan"), float("nan"))


@dataclass(frozen=True)
class Row:
    """One teacher on one task with one number of labels.

    Args:
        task: name of the set.
        labels: how many.
        arm: the teacher and how it teaches.
        seeds: over how many the figures are means.
        plain: Spearman (of classes AUROC) of the one-hot GP.
        teacher, student, alone: of those.
        kept: student / teacher, a ratio of means.
        pool_kept: the same, of candidates that nobody measured, but about which the teacher was asked.
        gain: student less the same network without a teacher, seed by seed.
        ahead: teacher less the one-hot GP, seed by seed.
        teacher_coverage, student_coverage: of their 90 % intervals.
        agreement, sd_agreement: Spearman of the student's means and spreads with the teacher's.
        teacher_seconds, student_seconds: CPU seconds of fitting the one and teaching the other.
        parameters: of the student.
    """

    task: str
    labels: int
    arm: str
    seeds: int
    plain: Figure
    teacher: Figure
    student: Figure
    alone: Figure
    kept: Figure
    pool_kept: Figure
    gain: Figure
    ahead: Figure
    teacher_coverage: Figure
    student_coverage: Figure
    agreement: Figure
    sd_agreement: Figure
    teacher_seconds: Figure
    student_seconds: Figure
    parameters: float

    @property
    def counts(self) -> bool:
        """Whether the teacher is better than the one-hot GP, so that there is something to keep."""
        return bool(self.ahead[0] > 0)


def rows_of(told: Mapping[Cell, CellResult]) -> list[Row]:
    """A row for each task, number of labels and teacher, in the order of the cells."""
    by_key: dict[tuple[str, int, str], dict[int, CellResult]] = {}
    for cell, what in told.items():
        by_key.setdefault((cell.task, cell.labels, cell.arm), {})[cell.seed] = what
    return [
        _row(key, by_seed, by_key.get((*key[:2], PLAIN), {}), by_key.get((*key[:2], ALONE), {}))
        for key, by_seed in sorted(by_key.items(), key=lambda item: list(by_key).index(item[0]))
        if key[2] not in (PLAIN, ALONE)
    ]


def _row(
    key: tuple[str, int, str],
    by_seed: Mapping[int, CellResult],
    plain: Mapping[int, CellResult],
    alone: Mapping[int, CellResult],
) -> Row:
    seeds = sorted(by_seed)
    pool = [np.array([getattr(by_seed[s], f"pool_{name}") for s in seeds]) for name in ("student", "teacher")]
    own = {name: np.array([getattr(by_seed[s], name) for s in seeds]) for name in MEANS}
    other_plain = np.array([plain[s].teacher if s in plain else np.nan for s in seeds])
    other_alone = np.array([alone[s].student if s in alone else np.nan for s in seeds])
    return Row(
        *key,
        seeds=len(seeds),
        plain=mean_and_error(other_plain),
        alone=mean_and_error(other_alone),
        kept=ratio_of_means(own["student"], own["teacher"]),
        pool_kept=ratio_of_means(*pool),
        gain=mean_and_error(own["student"] - other_alone),
        ahead=mean_and_error(own["teacher"] - other_plain),
        parameters=float(np.nanmean([by_seed[s].parameters for s in seeds])),
        **{name: mean_and_error(values) for name, values in own.items()},
    )


#: fields that a row has of a cell's own
MEANS = (
    *("teacher", "student", "teacher_coverage", "student_coverage"),
    *("agreement", "sd_agreement", "teacher_seconds", "student_seconds"),
)


def ratio_of_means(above: np.ndarray, below: np.ndarray) -> Figure:
    """Ratio of the means of two [n] arrays of paired values, and its standard error by leaving one pair out in turn.

    >>> ratio_of_means(np.array([1.0, 3.0]), np.array([2.0, 2.0]))
    (1.0, 0.5)
    """
    known = ~(np.isnan(above) | np.isnan(below))
    above, below = above[known], below[known]
    n = len(above)
    if not n or below.sum() == 0:
        return UNKNOWN
    ratio = float(above.sum() / below.sum())
    if n < 2:
        return ratio, float("nan")
    without = (above.sum() - above) / (below.sum() - below)
    return ratio, float(np.sqrt((n - 1) / n * np.square(without - without.mean()).sum()))


#: fields of the distiller that are changed one at a time, the values they get, and of what they are told
CHANGES = {
    "alpha": ("0", "0.1", "0.3", "0.5", "0.9"),
    "order": ("0", "0.3", "1", "3"),
    "temperature": ("1", "2", "4"),
    "transfer": ("none", "pool", "random", "mutants"),
}
#: fields that matter for classes, or for values, alone
KINDS = {"temperature": "classes", "order": "values"}
#: fields that are changed with a foundation model as teacher, and the values they get
FROZEN_CHANGES = {"transfer": ("pool", "mutants")}


@dataclass(frozen=True)
class StudentSuite:
    """What is asked of students.

    Args:
        tasks: names of public sets.
        labels: numbers of measured candidates.
        arms: baselines and teachers.
        seeds: draws of labelled and held-out candidates.
        costly: teachers of which so many seeds must do, on so many labels at most, because they cost more.
        changed: tasks on which the distiller is changed: values (single mutants, two libraries), and classes.
        scans: single mutants, on which it is changed with a foundation model as teacher.
        changed_labels: measured candidates there.
        changed_seeds: seeds there.
        files: tasks whose students are written to files and timed: a library, the shortest protein, the longest.
    """

    tasks: tuple[str, ...] = tuple(task.name for task in TASKS)
    labels: tuple[int, ...] = (96, 192, 480)
    arms: tuple[str, ...] = (PLAIN, ALONE, "default", "embedding-gp")
    seeds: int = 4
    costly: dict[str, int] = field(default_factory=dict)
    changed: tuple[str, ...] = (TASKS[0].name, "gb1", "phoq", TASKS[-2].name)
    scans: tuple[str, ...] = tuple(task.name for task in (TASKS[0], *TASKS[2:4]))
    changed_labels: int = 192
    changed_seeds: int = 2
    files: tuple[str, ...] = ("gb1", TASKS[0].name, "avgfp")

    @property
    def cells(self) -> list[Cell]:
        """Those of the main table."""
        every = all_cells(self.tasks, self.labels, self.seeds, self.arms)
        return [cell for cell in every if cell.seed < self.costly.get(Arm.read(cell.arm).teacher, self.seeds)]

    @property
    def timed(self) -> tuple[str, ...]:
        """Those of `files` that are asked for."""
        return tuple(task for task in self.files if task in self.tasks)

    @property
    def ablations(self) -> list[Cell]:
        """Those in which one field of the distiller is changed, where it matters."""
        cells = [
            *self._changed(self.changed, "default", CHANGES),
            *self._changed(self.scans, "embedding-gp", FROZEN_CHANGES if "embedding-gp" in self.arms else {}),
        ]
        return sorted(cells, key=lambda cell: cell.seed)

    def _changed(self, tasks: tuple[str, ...], teacher: str, changes: dict[str, tuple[str, ...]]) -> list[Cell]:
        cells = []
        for task in tasks:
            if task in self.tasks:
                arms = [
                    f"{teacher}:{key}={value}"
                    for key, values in changes.items()
                    for value in values
                    if KINDS.get(key, find_task(task).measured) == find_task(task).measured
                ]
                cells += all_cells((task,), (self.changed_labels,), min(self.changed_seeds, self.seeds), arms)
        return cells

    def narrowed(
        self, tasks: tuple[str, ...], labels: tuple[int, ...], arms: tuple[str, ...], seeds: int | None
    ) -> StudentSuite:
        """With other tasks, labels, arms or seeds, where any are given; baselines stay beside other arms.

        Raises:
            ConfigError: an arm is none.
        """
        for arm in arms:
            Arm.read(arm)
        return replace(
            self,
            tasks=tasks or self.tasks,
            labels=labels or self.labels,
            arms=tuple(dict.fromkeys((PLAIN, ALONE, *arms))) if arms else self.arms,
            seeds=seeds or self.seeds,
        )
