"""How students are taught and opened in a campaign."""

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
from activeloop.students.distil.config import Distiller
from activeloop.students.distil.network import Network
from activeloop.students.distil.provenance import foundations
from activeloop.students.distil.search import Search
from activeloop.students.runtime.student import Student


@dataclass(frozen=True)
class CampaignDistillation(StudentTrainer):
    """Teaches students of a campaign's versions, and makes their files.

    Args:
        distiller: how.
        int8: whether the file holds weights of 8 bits.
        keep: with `networks`: the smallest whose agreement with its teacher is that.
        networks: instead of the distiller's own, those among which the smallest is looked for.

    >>> from activeloop.students.distil.networks import ConvNet
    >>> CampaignDistillation(Distiller(ConvNet(width=32), alpha=0.2)).name
    'ConvNet(width=32, blocks=4, kernel=5), alpha=0.2'
    """

    distiller: Distiller
    int8: bool = False
    keep: float | None = None
    networks: tuple[Network, ...] = ()

    @property
    def name(self) -> str:
        """The network, and every other setting that is not the usual one."""
        network = [] if self.networks else [repr(self.distiller.network)]
        return ", ".join([*network, *_unusual(self.distiller), *_unusual(self)])

    def train(
        self, teacher: Predictor, dataset: Dataset, version: Version, seed: int, progress: Progress | None = None
    ) -> TrainedStudent:
        """Teach a student and make its file, which is checked against it; see `StudentTrainer.train`.

        Raises:
            MissingExtraError: torch, onnx or onnxruntime is not installed; nothing was taught.
        """
        need_models()
        from activeloop.students.distil.export import as_bytes

        student, words = self._student(teacher, dataset, version, seed, progress)
        card = student.card
        return TrainedStudent(
            as_bytes(student, self.int8), card.agreement, card.parameters, card.network, parameters_of(teacher), words
        )

    def _student(
        self, teacher: Predictor, dataset: Dataset, version: Version, seed: int, progress: Progress | None
    ) -> tuple[Student, str]:
        """The student, and how it was found."""
        told = {"called": version.learner, "version": version.number, "progress": progress}
        if self.networks and self.keep is not None:
            found = Search(self.networks, self.keep, self.distiller).teach(teacher, dataset, seed, **told)
            return found.student, found.explain()
        return self.distiller.teach(teacher, dataset, seed, **told), ""


def parameters_of(teacher: Predictor) -> int:
    """Numbers of the largest pretrained model that a teacher asks; 0 for one that asks none. Needs torch."""
    from activeloop.foundation.encoding import feature_encoder

    encoders = (feature_encoder(foundation) for foundation in foundations(teacher))
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
        if name not in ("network", "distiller") and value != default
    ]
