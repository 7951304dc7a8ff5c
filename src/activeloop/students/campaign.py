"""Students of a campaign: distilled from its versions, opened from their files."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from activeloop.campaigns import StudentTrainer, TrainedStudent, Version
from activeloop.campaigns.students import Progress
from activeloop.foundation.checkpoints import need_models
from activeloop.measurements import Dataset
from activeloop.prediction import Predictor
from activeloop.students.distil.config import Network
from activeloop.students.distil.distiller import Distiller, Search
from activeloop.students.distil.teacher import foundations
from activeloop.students.runtime.student import Student

#: fields whose word in a trainer's name differs: a campaign finds an earlier student by that name
_STORED = {"fidelity": "keep"}


@dataclass(frozen=True)
class CampaignDistillation(StudentTrainer):
    """Distils students of a campaign's versions, and makes their files.

    Args:
        distiller: how.
        int8: whether the file holds weights of 8 bits.
        fidelity: with `networks`: of the smallest that is faithful enough.
        networks: instead of the distiller's own, those among which the smallest is searched.

    >>> from activeloop.students.distil.networks import ConvNet
    >>> CampaignDistillation(Distiller(ConvNet(width=32), alpha=0.2)).name
    'ConvNet(width=32, blocks=4, kernel=5), alpha=0.2'
    """

    distiller: Distiller
    int8: bool = False
    fidelity: float | None = None
    networks: tuple[Network, ...] = ()

    @property
    def name(self) -> str:
        """The network, and every other setting that differs from its default."""
        network = [] if self.networks else [repr(self.distiller.network)]
        return ", ".join([*network, *_changed(self.distiller), *_changed(self)])

    def train(
        self, teacher: Predictor, dataset: Dataset, version: Version, seed: int, progress: Progress | None = None
    ) -> TrainedStudent:
        """Distil a student and make its file, which is checked against it; see `StudentTrainer.train`.

        Raises:
            MissingExtraError: torch, onnx or onnxruntime is not installed; nothing was trained.
        """
        need_models()
        from activeloop.students.distil.export import as_bytes

        options: dict[str, Any] = {
            "teacher_name": version.learner,
            "teacher_version": version.number,
            "progress": progress,
        }
        if self.networks and self.fidelity is not None:
            found = Search(self.networks, self.fidelity, self.distiller).distil(teacher, dataset, seed, **options)
            student, explanation = found.student, found.explain()
        else:
            student, explanation = self.distiller.distil(teacher, dataset, seed, **options), ""
        card = student.card
        content, size = as_bytes(student, self.int8), teacher_parameters(teacher)
        return TrainedStudent(content, card.fidelity, card.parameters, card.network, size, explanation)


def teacher_parameters(teacher: Predictor) -> int:
    """Parameters of the largest pretrained model in a teacher; 0 when there is none. Needs torch."""
    encoders = (foundation.feature_encoder() for foundation in foundations(teacher))
    return max((sum(p.numel() for p in encoder.parameters()) for encoder in encoders), default=0)


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


def _changed(settings: Any) -> list[str]:
    found = []
    for field in fields(settings):
        default = field.default_factory() if callable(field.default_factory) else field.default
        value = getattr(settings, field.name)
        if field.name not in ("network", "distiller") and value != default:
            found.append(f"{_STORED.get(field.name, field.name)}={value!r}")
    return found
