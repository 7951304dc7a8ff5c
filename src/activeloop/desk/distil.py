"""Students of a campaign: train one, list them, and their files and pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from activeloop.campaigns import StudentRecord
from activeloop.config import OpenCampaign, StudentConfig
from activeloop.config.students import sized, trainer_of
from activeloop.desk.propose import NamedFile
from activeloop.errors import ConfigError, ModelError
from activeloop.fidelity import refusal, warnings_of, words_of
from activeloop.students.web.page import write_page

Network = Literal["conv", "transformer", "sites", "first-layers", "auto"]
Train = Callable[..., StudentRecord]
"""Called with (campaign, settings, seed, again=, progress=)."""


@dataclass(frozen=True)
class StudentOptions:
    """How a student is trained; what is None or False is as `[student]` of `campaign.toml` says.

    Args:
        network: of the student.
        width, layers: of the network.
        min_spearman: search for the smallest network with this Spearman against its teacher.
        int8: store weights in 8 bits.
    """

    network: Network | None = None
    width: int | None = None
    layers: int | None = None
    min_spearman: float | None = None
    int8: bool = False


@dataclass(frozen=True)
class ListedStudent:
    """A student and how it stands.

    Args:
        student: it.
        current: whether its teacher is the current version.
        fidelity: against its teacher, in words; "" where it is not known.
        warnings: against its use, in sentences without a full stop.
        unlike: why it is not written out unless somebody insists; "" when it is.
    """

    student: StudentRecord
    current: bool
    fidelity: str
    warnings: tuple[str, ...]
    unlike: str


@dataclass(frozen=True)
class DistilledStudent:
    """What a training came to.

    Args:
        listed: the student.
        fresh: whether it was trained now; else it was there already.
        size: of its file, in bytes.
        stale: whether results came in since its teacher was fitted.
    """

    listed: ListedStudent
    fresh: bool
    size: int
    stale: bool


def student_settings(loop: OpenCampaign, options: StudentOptions) -> StudentConfig:
    """The settings of `campaign.toml`, overridden by options.

    Args:
        loop: the campaign.
        options: that go first.

    Raises:
        ConfigError: one makes no sense.
    """
    least = options.min_spearman
    if least is not None and not 0 < least < 1:
        raise ConfigError(
            f"--min-spearman {least:g}: give a share above 0 and below 1, such as 0.98. Nothing was trained."
        )
    settings = loop.config.student
    if options.network is not None and options.network != settings.network:
        # its options were another network's
        settings = settings.model_copy(update={"network": options.network, "options": {}})
    wanted = {"min_spearman": least or settings.min_spearman, "int8": options.int8 or settings.int8}
    settings = settings.model_copy(update=wanted)
    return sized(settings, loop.campaign.pool, options.width, options.layers)


def distil(
    loop: OpenCampaign,
    options: StudentOptions | None = None,
    seed: int | None = None,
    *,
    again: bool = False,
    train: Train | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> DistilledStudent:
    """Distil the current version into a small network, and store it in the campaign.

    Args:
        loop: the campaign.
        options: of the training.
        seed: of it; the campaign's own when None.
        again: train again also when nothing changed.
        train: does it; `activeloop.work.students.distil_here` keeps others from doing the same meanwhile.
        progress: called with (steps done, steps in all).

    Raises:
        StateError: there is no version yet, or a student is being trained already; nothing was written.
        ModelError: no student can be trained; nothing was written.
    """
    settings, before = student_settings(loop, options or StudentOptions()), loop.campaign.state().students
    student = (train or _trained)(loop, settings, seed, again=again, progress=progress)
    size = len(loop.campaign.student_file(student.number))
    fresh = student.number > len(before)
    return DistilledStudent(_listed(loop, student), fresh, size, loop.campaign.status().stale)


def students(loop: OpenCampaign) -> tuple[ListedStudent, ...]:
    """All students of a campaign, in the order in which they were trained."""
    return tuple(_listed(loop, one) for one in loop.campaign.state().students)


def student_file(loop: OpenCampaign, number: int | None = None, *, force: bool = False) -> NamedFile:
    """The file of a student, which runs wherever onnxruntime does.

    Args:
        loop: the campaign.
        number: of the student; the last of the current version when None.
        force: also when its values are far from its teacher's.

    Raises:
        StateError: there is none.
        ModelError: it is not like its teacher.
        StoreError: it is lost or damaged.
    """
    student = loop.campaign.student_record(number)
    if not force:
        check_fidelity(student)
    return NamedFile(f"student-{student.number}.onnx", loop.campaign.student_file(student.number))


def student_page(loop: OpenCampaign, folder: Path, number: int | None = None) -> Path:
    """Write a page that predicts with a student in any browser, offline.

    Args:
        loop: the campaign.
        folder: of the page; made when it is missing.
        number: of the student; the last of the current version when None.

    Raises:
        StateError: there is none.
        StoreError: it is lost or damaged, or the page cannot be written.
    """
    with TemporaryDirectory() as place:
        file = Path(place, "student.onnx")
        file.write_bytes(loop.campaign.student_file(number))
        return write_page(file, folder, pool=loop.campaign.pool)


def check_fidelity(student: StudentRecord) -> None:
    """Refuse to write out a student that is far from its teacher.

    Raises:
        ModelError: it is.
    """
    if problem := refusal(student.fidelity):
        raise ModelError(
            f"student {student.number} is not like its teacher: {problem}. It is stored in the campaign, and was not "
            "written out. Train another, larger or with more steps, or write it all the same with --force."
        )


def _trained(loop: OpenCampaign, settings: StudentConfig, seed: int | None, **how: object) -> StudentRecord:
    trainer = trainer_of(settings, loop.campaign.pool, loop.folder.called)
    return loop.campaign.distil(trainer, seed, **how)  # type: ignore[arg-type]


def _listed(loop: OpenCampaign, student: StudentRecord) -> ListedStudent:
    current = loop.campaign.state().current
    return ListedStudent(
        student,
        current is not None and current.number == student.version,
        words_of(student.fidelity),
        tuple(warnings_of(student.fidelity)),
        refusal(student.fidelity),
    )
