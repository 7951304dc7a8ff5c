"""The role of a student network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from activeloop.candidates import Pool
from activeloop.students.runtime.reading import StudentTokenizer

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Shape:
    """What goes in and comes out.

    Args:
        letters: tokens that there are, padding and unknown included.
        width: letters of the longest candidate that is taught; longer ones may come later.
        parent: [P] tokens of the wild type, () when there is none.
        outputs: numbers per candidate.
    """

    letters: int
    width: int
    parent: tuple[int, ...]
    outputs: int


class Network(ABC):
    """Settings of a student's network; frozen dataclasses, one final class to a file. They import no torch."""

    #: whether it needs whole sequences also where only a region of them varies
    whole = False

    @property
    @abstractmethod
    def name(self) -> str:
        """In words, with its sizes."""

    @property
    @abstractmethod
    def sites(self) -> bool:
        """Whether it reads the varying columns alone."""

    def reading(self, pool: Pool) -> StudentTokenizer:
        """How it reads the candidates of a pool.

        Raises:
            PoolError: it cannot.
        """
        return StudentTokenizer.of(pool, sites=self.sites, whole=self.whole)

    @abstractmethod
    def build(self, shape: Shape, seed: int) -> nn.Module:
        """The network with its first weights: int64 tokens [N, W] -> float32 [N, outputs].

        It must not look at what stands behind the end of a candidate (`PADDING`), take any W, and hold only operations
        that `torch.onnx.export(dynamo=True)` writes with dynamic N and W.
        """
