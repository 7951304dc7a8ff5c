"""Students of the versions: how they are taught, kept and found again."""

from __future__ import annotations

import numpy as np

from activeloop import __version__
from activeloop.campaigns.events import StudentRecord, Version
from activeloop.campaigns.log import now
from activeloop.campaigns.shelf import Shelf
from activeloop.campaigns.state import CampaignState
from activeloop.campaigns.teaching import Progress, Teaching
from activeloop.errors import StateError, StoreError
from activeloop.measurements import Dataset
from activeloop.predictive import Predictor

FILE = "student.onnx"
"""Name of the one array under which a student's file is kept."""


def same_student(state: CampaignState, version: Version, teaching: Teaching, seed: int) -> StudentRecord | None:
    """The student that this teaching would give, when there is one already."""
    wanted = (version.number, teaching.name, seed)
    return next((s for s in reversed(state.students) if (s.version, s.teaching, s.seed) == wanted), None)


def teach_student(
    teacher: Predictor,
    dataset: Dataset,
    version: Version,
    teaching: Teaching,
    shelf: Shelf,
    seed: int,
    progress: Progress | None = None,
) -> StudentRecord:
    """Teach a student and keep its file; the event that names it, and its number, are the caller's to write.

    Raises:
        ModelError: no student comes of it; nothing was kept.
        StoreError: its file cannot be kept.
    """
    taught = teaching.teach(teacher, dataset, version, seed, progress)
    return StudentRecord(
        number=0,
        version=version.number,
        teaching=teaching.name,
        network=taught.network,
        parameters=taught.parameters,
        teacher_parameters=taught.teacher_parameters,
        agreement=taught.agreement,
        seed=seed,
        code_version=__version__,
        created_at=now(),
        explanation=taught.explanation,
        artifact=shelf.put({FILE: np.frombuffer(taught.content, np.uint8)}),
    )


def chosen_student(state: CampaignState, number: int | None) -> StudentRecord:
    """A student by its number, the last one of the latest version when None.

    Raises:
        StateError: there is none.
    """
    if number is None and state.student:
        return state.student
    if number is not None and 1 <= number <= len(state.students):
        return state.students[number - 1]
    which = "no student yet" if not state.students else f"no student {number} (there are {len(state.students)})"
    raise StateError(f"there is {which}: teach one with `activeloop distil DIR`.")


def file_of(student: StudentRecord, shelf: Shelf) -> bytes:
    """The file of a student, byte for byte as it was taught.

    Raises:
        StoreError: it is lost or damaged.
    """
    try:
        return shelf.get(student.artifact)[FILE].tobytes()
    except (StoreError, KeyError) as error:
        raise StoreError(
            f"the file of student {student.number} is lost or damaged: restore the folder from a backup, or teach it "
            "again (`activeloop distil DIR --again`)."
        ) from error
