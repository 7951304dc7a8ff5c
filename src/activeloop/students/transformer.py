"""A small transformer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from activeloop.errors import RecipeError
from activeloop.students.network import Network, Shape

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class SmallTransformer(Network):
    """Attention over the whole sequence, with few wide heads: many narrow ones are slow on processors.

    Args:
        layers: how many.
        width: of the vectors of residues.
        heads: among which a layer divides the width.

    >>> SmallTransformer().name
    'transformer, 64 wide, 2 layers, 2 heads'
    """

    layers: int = 2
    width: int = 64
    heads: int = 2

    def __post_init__(self) -> None:
        if self.width < 1 or self.layers < 0 or self.heads < 1 or self.width % self.heads:
            raise RecipeError(
                f"a transformer of width {self.width} cannot be divided among {self.heads} heads in {self.layers} "
                "layers. Choose a width that is a multiple of the heads; nothing was taught."
            )

    @property
    def name(self) -> str:
        """In words."""
        return f"transformer, {self.width} wide, {self.layers} layers, {self.heads} heads"

    @property
    def sites(self) -> bool:
        """It reads the whole sequence."""
        return False

    def build(self, shape: Shape, seed: int) -> nn.Module:
        """The network with its first weights."""
        from activeloop.students.blocks import AttentionBlock
        from activeloop.students.sequences import over_residues

        width, heads = self.width, self.heads
        return over_residues(shape, width, seed, lambda: [AttentionBlock(width, heads) for _ in range(self.layers)])
