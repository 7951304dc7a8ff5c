"""The networks that a student can have: convolutions, a small transformer, sites."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from activeloop.candidates import Pool
from activeloop.errors import ConfigError
from activeloop.students.distil.network import Network, Shape
from activeloop.students.runtime.reading import of_one_length

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
            raise ConfigError(
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
        from activeloop.students.distil.layers import ConvolutionBlock, over_residues

        width, kernel = self.width, self.kernel
        return over_residues(
            shape, width, seed, lambda: [ConvolutionBlock(width, kernel, 2**i) for i in range(self.blocks)]
        )


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
            raise ConfigError(
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
        from activeloop.students.distil.layers import AttentionBlock, over_residues

        width, heads = self.width, self.heads
        return over_residues(shape, width, seed, lambda: [AttentionBlock(width, heads) for _ in range(self.layers)])


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
            raise ConfigError("a network on sites needs at least one layer of at least one unit. Nothing was taught.")

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
        from activeloop.models.finetuning.loop import seeded_rng
        from activeloop.students.distil.layers import SiteTable
        from activeloop.students.distil.modules import Additive, Net

        with seeded_rng(seed):
            most = max(FEWEST, NUMBERS // (shape.width * shape.letters))
            body = SiteTable(shape, min(self.hidden[0], most), self.averaged)
            return Net(Additive(shape), body, self.hidden[1:] or self.hidden, shape.outputs)


def default_network(pool: Pool) -> Network:
    """Over the sites of variants that differ at known positions of one length, else over whole sequences.

    >>> default_network(Pool.single_mutants("MKTAYIAKQR")).sites
    True
    >>> from activeloop.candidates import Compound
    >>> default_network(Pool.of([Compound("CCO"), Compound("CCN")])).sites
    False
    """
    columns = pool.sites
    fixed = pool.kind == "variants" and columns is not None and len(columns.positions) > 0
    return SiteNetwork() if fixed and of_one_length(pool) else ConvNet()
