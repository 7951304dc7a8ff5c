"""The suite of students: which tasks, labels, seeds and arms, and which ablations."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from benchmarks.students import Cell, all_cells
from benchmarks.students_arms import ALONE, PLAIN, Arm
from benchmarks.students_tasks import TASKS, find_task

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
    arms: tuple[str, ...] = (PLAIN, ALONE, "default", "frozen")
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
            *self._changed(self.scans, "frozen", FROZEN_CHANGES if "frozen" in self.arms else {}),
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
        """With other tasks, labels, arms or seeds, where any are given.

        Raises:
            ConfigError: an arm is none.
        """
        for arm in arms:
            Arm.read(arm)
        return replace(
            self,
            tasks=tasks or self.tasks,
            labels=labels or self.labels,
            arms=arms or self.arms,
            seeds=seeds or self.seeds,
        )
