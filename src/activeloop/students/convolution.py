"""A network of dilated convolutions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from activeloop.errors import RecipeError
from activeloop.students.network import Network, Shape

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class ConvNet(Network):
    """Residual dilated convolutions over the whole sequence; each block looks twice as far as the one before.

    Args:
        width: of the vectors of residues.
        blocks: how many.
        kernel: residues that a block sees at once, odd.

    >>> ConvNet().name
    'convolutional, 64 wide, 4 blocks'
    """

    width: int = 64
    blocks: int = 4
    kernel: int = 5

    def __post_init__(self) -> None:
        if self.width < 2 or self.blocks < 0 or self.kernel < 1 or self.kernel % 2 == 0:
            raise RecipeError(
                f"a convolutional student needs a width of at least 2, blocks and an odd kernel, not {self.width}, "
                f"{self.blocks} and {self.kernel}. Nothing was taught."
            )

    @property
    def name(self) -> str:
        """In words."""
        return f"convolutional, {self.width} wide, {self.blocks} blocks"

    @property
    def sites(self) -> bool:
        """It reads the whole sequence."""
        return False

    def build(self, shape: Shape, seed: int) -> nn.Module:
        """The network with its first weights."""
        from activeloop.students.blocks import ConvolutionBlock
        from activeloop.students.sequences import over_residues

        width, kernel = self.width, self.kernel
        return over_residues(
            shape, width, seed, lambda: [ConvolutionBlock(width, kernel, 2**i) for i in range(self.blocks)]
        )
