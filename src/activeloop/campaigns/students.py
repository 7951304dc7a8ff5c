"""Students of the versions: their training, storage and retrieval."""

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
    """A trained student.

    Args:
        content: the student's file, whole.
        fidelity: name -> value, on candidates that it was not trained on.
        parameters: trainable parameters.
        network: in words.
        teacher_parameters: parameters of the largest pretrained model of its teacher, 0 when not known.
        explanation: how it was found, in words; "" when its network was given.
    """

    content: bytes
    fidelity: dict[str, float] = field(default_factory=dict)
    parameters: int = 0
    network: str = ""
    teacher_parameters: int = 0
    explanation: str = ""


class StudentTrainer(ABC):
    """Settings of a distillation: frozen dataclasses."""

    @property
    @abstractmethod
    def name(self) -> str:
        """All settings in words: two trainers of one name give the same student."""

    @abstractmethod
    def train(
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
            ModelError: no student can be trained; nothing was stored.
        """


Opener = Callable[[bytes], Predictor]
"""From a student's file to its predictor; `activeloop.students.campaign.open_student` is one."""


FILE = "student.onnx"
"""Name of the one array under which a student's file is stored."""


def same_student(state: CampaignState, version: Version, trainer: StudentTrainer, seed: int) -> StudentRecord | None:
    """The student that this trainer would give, when there is one already."""
    wanted = (version.number, trainer.name, seed)
    return next((s for s in reversed(state.students) if (s.version, s.trainer, s.seed) == wanted), None)


def train_student(
    teacher: Predictor,
    dataset: Dataset,
    version: Version,
    trainer: StudentTrainer,
    artifacts: ArtifactStore,
    seed: int,
    progress: Progress | None = None,
) -> StudentRecord:
    """Train a student and store its file; the event that names it, and its number, are the caller's to write.

    Raises:
        ModelError: no student can be trained; nothing was stored.
        StoreError: its file cannot be stored.
    """
    trained = trainer.train(teacher, dataset, version, seed, progress)
    return StudentRecord(
        number=0,
        version=version.number,
        trainer=trainer.name,
        network=trained.network,
        parameters=trained.parameters,
        teacher_parameters=trained.teacher_parameters,
        fidelity=trained.fidelity,
        seed=seed,
        code_version=__version__,
        created_at=now(),
        explanation=trained.explanation,
        artifact=artifacts.put({FILE: np.frombuffer(trained.content, np.uint8)}),
    )


def chosen_student(state: CampaignState, number: int | None) -> StudentRecord:
    """A student by its number, the last one of the latest version when None.

    Raises:
        StateError: there is none.
    """
    if number is None and state.student:
        if state.student.version in state.outdated:
            raise StateError(
                f"assays or goal were changed since the teacher of student {state.student.number} was fitted: train "
                "another (`activeloop fit DIR`, then `activeloop distil DIR`)."
            )
        return state.student
    if number is not None and 1 <= number <= len(state.students):
        return state.students[number - 1]
    which = "no student yet" if not state.students else f"no student {number} (there are {len(state.students)})"
    raise StateError(f"there is {which}: train one with `activeloop distil DIR`.")


def file_of(student: StudentRecord, artifacts: ArtifactStore) -> bytes:
    """The file of a student, byte for byte as it was trained.

    Raises:
        StoreError: it is lost or damaged.
    """
    try:
        return artifacts.get(student.artifact)[FILE].tobytes()
    except (StoreError, KeyError) as error:
        raise StoreError(
            f"the file of student {student.number} is lost or damaged: restore the folder from a backup, or train it "
            "again (`activeloop distil DIR --again`)."
        ) from error
