"""How students are taught and opened in a campaign."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from activeloop.campaigns import Taught, Teaching, Version
from activeloop.campaigns.teaching import Progress
from activeloop.measurements import Dataset
from activeloop.predictive import Predictor
from activeloop.students.distiller import Distiller
from activeloop.students.student import Student


@dataclass(frozen=True)
class Distillation(Teaching):
    """Teaches students of a campaign's versions, and makes their files.

    Args:
        distiller: how.
        int8: whether the file holds weights of 8 bits.

    >>> from activeloop.students.convolution import ConvNet
    >>> Distillation(Distiller(ConvNet(width=32), alpha=0.2)).name
    'ConvNet(width=32, blocks=4, kernel=5), alpha=0.2'
    """

    distiller: Distiller
    int8: bool = False

    @property
    def name(self) -> str:
        """The network, and every other setting that is not the usual one."""
        return ", ".join([repr(self.distiller.network), *_unusual(self.distiller), *_unusual(self)])

    def teach(
        self, teacher: Predictor, dataset: Dataset, version: Version, seed: int, progress: Progress | None = None
    ) -> Taught:
        """Teach a student and make its file, which is checked against it; see `Teaching.teach`.

        Raises:
            MissingExtraError: torch, onnx or onnxruntime is not installed; nothing was taught.
        """
        student = self.distiller.teach(
            teacher, dataset, seed, called=version.recipe, version=version.number, progress=progress
        )
        return taught(student, teacher, self.int8)


def taught(student: Student, teacher: Predictor, int8: bool) -> Taught:
    """A student as a campaign keeps it; its file is checked against it."""
    from activeloop.students.export import as_bytes
    from activeloop.students.teacher_size import parameters_of

    card = student.card
    return Taught(as_bytes(student, int8), card.agreement, card.parameters, card.network, parameters_of(teacher))


def open_student(content: bytes) -> Student:
    """The student in the bytes of its file; needs onnxruntime alone.

    Raises:
        InputError: the file is damaged.
        MissingExtraError: onnxruntime is not installed.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "student.onnx")
        path.write_bytes(content)
        return Student.open(path)


def _unusual(settings: Any) -> list[str]:
    """Fields with a default that have another value."""
    pairs = [(f, getattr(settings, f.name)) for f in fields(settings)]
    usual = [
        (f.name, value, f.default_factory() if callable(f.default_factory) else f.default)  # type: ignore[misc]
        for f, value in pairs
    ]
    return [
        f"{name}={value!r}"
        for name, value, default in usual
        if name not in {"network", "distiller"} and value != default
    ]
