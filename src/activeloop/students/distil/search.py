"""The smallest student that keeps what was asked, and how large networks are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from activeloop.candidates import Pool
from activeloop.errors import ConfigError
from activeloop.foundation.checkpoints import need_models
from activeloop.measurements import Dataset
from activeloop.prediction import Predictor
from activeloop.students.distil.config import Distiller, Progress
from activeloop.students.distil.first_layers import FirstLayers
from activeloop.students.distil.network import Network, Shape
from activeloop.students.distil.networks import ConvNet, SiteNetwork, SmallTransformer
from activeloop.students.distil.provenance import averaged_states
from activeloop.students.runtime.reading import StudentTokenizer
from activeloop.students.runtime.student import Student

if TYPE_CHECKING:
    from torch import nn


def shape_of(reading: StudentTokenizer, outputs: int) -> Shape:
    """What goes in and comes out of a network that reads so."""
    parent = tuple(reading.texts([reading.parent])[0].tolist()) if reading.parent else ()
    return Shape(reading.size, reading.width, parent, outputs)


def ready(network: Network, teacher: Predictor, reading: StudentTokenizer, pool: Pool) -> Network:
    """The network, with what it takes from the teacher.

    Raises:
        ModelError: the teacher does not have it.
    """
    if isinstance(network, FirstLayers):
        return network.of(teacher, reading)
    if isinstance(network, SiteNetwork) and averaged_states(teacher, pool) is not None:
        return replace(network, averaged=True)
    return network


def learning(module: nn.Module) -> int:
    """How many numbers a network learns: those that it does not use are none of its own."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def by_size(networks: Sequence[Network], teacher: Predictor, about: Dataset | Pool, deviations: int) -> list[Network]:
    """Networks by how many parameters they would have, the smallest first.

    Raises:
        MissingExtraError: torch is not installed.
    """
    need_models()
    pool = about if isinstance(about, Pool) else about.pool
    sizes = {}
    for index, network in enumerate(networks):
        reading = network.reading(pool)
        built = ready(network, teacher, reading, pool).build(shape_of(reading, 2 + deviations), 0)
        sizes[index] = learning(built)
    return [networks[i] for i in sorted(sizes, key=lambda i: sizes[i])]


#: from small to large
USUAL: tuple[Network, ...] = (
    ConvNet(width=16, blocks=2),
    ConvNet(width=32, blocks=3),
    ConvNet(width=64, blocks=4),
    SmallTransformer(layers=2, width=64),
    SmallTransformer(layers=4, width=128),
)


@dataclass(frozen=True)
class Tried:
    """One student of a search.

    Args:
        student: what was taught.
        kept: its agreement with the teacher.
    """

    student: Student
    kept: float


@dataclass(frozen=True)
class Found:
    """What a search found.

    Args:
        student: the smallest that keeps enough; the one that keeps most when none does.
        enough: whether it keeps what was asked.
        tried: all that were taught, in their order.
    """

    student: Student
    enough: bool
    tried: tuple[Tried, ...]

    def explain(self) -> str:
        """What was tried, and what came of it."""
        lines = [f"{t.student.card.network} ({t.student.card.parameters:,}): {t.kept:.3f}" for t in self.tried]
        end = "the last keeps enough" if self.enough else "none keeps enough, the best was taken"
        return f"Tried {'; '.join(lines)}; {end}."


@dataclass(frozen=True)
class Search:
    """Teaches networks from small to large until one keeps the asked agreement.

    Args:
        networks: which; tried by their number of parameters.
        keep: the least agreement, from 0 to 1: Spearman with the teacher on candidates that were not taught (AUROC for
            classes).
        distiller: how each is taught; its own network is not used. The usual one when None.
    """

    networks: tuple[Network, ...] = field(default=USUAL)
    keep: float = 0.98
    distiller: Distiller | None = None

    def __post_init__(self) -> None:
        if not self.networks or not 0 < self.keep <= 1:
            raise ConfigError("a search needs networks, and an agreement above 0 and up to 1. Nothing was taught.")

    def teach(
        self,
        teacher: Predictor,
        about: Dataset | Pool,
        seed: int,
        *,
        exclude: np.ndarray | None = None,
        called: str = "",
        version: int = 0,
        progress: Progress | None = None,
    ) -> Found:
        """The smallest student that keeps enough; for the arguments see `Distiller.teach`.

        Raises:
            ModelError: there is nothing to teach.
            PoolError: a network cannot read the pool.
            MissingExtraError: torch is not installed.
        """
        settings, tried = self.distiller or Distiller(self.networks[0]), []
        for network in by_size(self.networks, teacher, about, settings.deviations):
            student = replace(settings, network=network).teach(
                teacher, about, seed, exclude=exclude, called=called, version=version, progress=progress
            )
            figures = student.card.agreement
            tried.append(Tried(student, figures.get("auroc", figures.get("spearman", 0.0))))
            if tried[-1].kept >= self.keep:
                return Found(student, True, tuple(tried))
        best = max(tried, key=lambda one: one.kept)
        return Found(best.student, False, tuple(tried))
