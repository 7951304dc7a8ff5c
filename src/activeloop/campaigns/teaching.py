"""How a campaign has its students taught: the role that `activeloop.students` fills."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

from activeloop.campaigns.events import Version
from activeloop.measurements import Dataset
from activeloop.predictive import Predictor

Progress = Callable[[int, int], None]
"""Called with (steps done, steps in all)."""


@dataclass(frozen=True)
class Taught:
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


class Teaching(ABC):
    """Settings of a teaching: frozen dataclasses."""

    @property
    @abstractmethod
    def name(self) -> str:
        """All settings in words: two teachings of one name give one student."""

    @abstractmethod
    def teach(
        self, teacher: Predictor, dataset: Dataset, version: Version, seed: int, progress: Progress | None = None
    ) -> Taught:
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
"""From a student's file to its predictor; `activeloop.students.in_campaign.open_student` is one."""
