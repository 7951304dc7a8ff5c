"""A network on the letters of a fixed library's sites."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from activeloop.errors import RecipeError
from activeloop.students.network import Network, Shape

if TYPE_CHECKING:
    from torch import nn


#: numbers of the first layer, so that many sites keep the student small; and its fewest units
NUMBERS, FEWEST = 100_000, 8


@dataclass(frozen=True)
class SiteNetwork(Network):
    """A few layers on the letters at the varying positions; nothing else of the sequence is read.

    What a pretrained model sees in a variant is a mean over its mutations. A student of such a teacher averages as
    well, and begins at what the teacher sees: so a double mutant tells of both its mutations, also where one of them
    was never taught by itself.

    Args:
        hidden: units of the layers; the first is a sum of one vector for each site and letter, which has fewer numbers
            when there are so many sites that it would make the student large.
        averaged: whether that is a mean over mutations instead of a sum; a `Distiller` decides it by the teacher.

    >>> SiteNetwork().name
    'sites, 64-64'
    """

    hidden: tuple[int, ...] = (64, 64)
    averaged: bool = False

    def __post_init__(self) -> None:
        if not self.hidden or min(self.hidden) < 1:
            raise RecipeError("a network on sites needs at least one layer of at least one unit. Nothing was taught.")

    @property
    def name(self) -> str:
        """In words."""
        return f"sites, {'-'.join(map(str, self.hidden))}{', averaged' if self.averaged else ''}"

    @property
    def sites(self) -> bool:
        """It reads the varying columns alone."""
        return True

    def build(self, shape: Shape, seed: int) -> nn.Module:
        """The network with its first weights."""
        from activeloop.models.finetuning.gradients import thrown
        from activeloop.students.additive import Additive
        from activeloop.students.body import Net
        from activeloop.students.site_table import SiteTable

        with thrown(seed):
            most = max(FEWEST, NUMBERS // (shape.width * shape.letters))
            body = SiteTable(shape, min(self.hidden[0], most), self.averaged)
            return Net(Additive(shape), body, self.hidden[1:] or self.hidden, shape.outputs)
