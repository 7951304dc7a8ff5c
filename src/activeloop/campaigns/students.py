"""Students of the versions: how a campaign has them taught, kept and found again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from activeloop._version import __version__
from activeloop.campaigns.artifacts import ArtifactStore
from activeloop.campaigns.events import StudentRecord, Version, now
from activeloop.campaigns.state import CampaignState
from activeloop.errors import StateError, StoreError
from activeloop.measurements import Dataset
from activeloop.prediction import Predictor

Progress = Callable[[int, int], None]
"""Called with (steps done, steps in all)."""


@dataclass(frozen=True)
class TrainedStudent:
    """What came of a teaching.

    Args:
        content: the student's file, whole.
        agreement: name -> value, on candidates that it was not taught.
        parameters: how many numbers it has.
        network: in words.
        teacher_parameters: how many numbers its teacher has, 0 when that is not known.
        explanation: how it was found, in words; "" when its network was given.
    """

    content: bytes
    agreement: dict[str, float] = field(default_factory=dict)
    parameters: int = 0
    network: str = ""
    teacher_parameters: int = 0
    explanation: str = ""


class StudentTrainer(ABC):
    """Settings of a teaching: frozen dataclasses."""

    @property
    @abstractmethod
    def name(self) -> str:
        """All settings in words: two teachings of one name give one student."""

    @abstractmethod
    def teach(
        self, teacher: Predictor, dataset: Dataset, version: Version, seed: int, progress: Progress | None = None
    ) -> TrainedStudent:
        """A student of a version.

        Args:
            teacher: the version's model.
            dataset: what it was fitted to, in the units of the assays (not oriented).
            version: which one it is.
            seed: of everything random.
            progress: called as it goes on.

        Raises:
            ModelError: no student comes of it; nothing was kept.
        """


Opener = Callable[[bytes], Predictor]
"""From a student's file to its predictor; `activeloop.students.campaign.open_student` is one."""


FILE = "student.onnx"
"""Name of the one array under which a student's file is kept."""


def same_student(state: CampaignState, version: Version, teaching: StudentTrainer, seed: int) -> StudentRecord | None:
    """The student that this teaching would give, when there is one already."""
    wanted = (version.number, teaching.name, seed)
    return next((s for s in reversed(state.students) if (s.version, s.teaching, s.seed) == wanted), None)


def teach_student(
    teacher: Predictor,
    dataset: Dataset,
    version: Version,
    teaching: StudentTrainer,
    artifacts: ArtifactStore,
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
        artifact=artifacts.put({FILE: np.frombuffer(taught.content, np.uint8)}),
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


def file_of(student: StudentRecord, artifacts: ArtifactStore) -> bytes:
    """The file of a student, byte for byte as it was taught.

    Raises:
        StoreError: it is lost or damaged.
    """
    try:
        return artifacts.get(student.artifact)[FILE].tobytes()
    except (StoreError, KeyError) as error:
        raise StoreError(
            f"the file of student {student.number} is lost or damaged: restore the folder from a backup, or teach it "
            "again (`activeloop distil DIR --again`)."
        ) from error
