"""The networks of students: convolutions, a small transformer, sites, first layers of the teacher."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from activeloop.candidates import Pool
from activeloop.errors import ConfigError, ModelError
from activeloop.students.distil.config import Network, Shape
from activeloop.students.distil.teacher import averaged_states, members
from activeloop.students.runtime.tokenizer import FIRST, PADDING, StudentTokenizer, has_fixed_length

if TYPE_CHECKING:
    from torch import nn

    from activeloop.foundation.base import FoundationModel
    from activeloop.prediction import Predictor


@dataclass(frozen=True)
class ConvNet(Network):
    """Residual dilated convolutions over the whole sequence; the receptive field doubles from block to block.

    Args:
        width: of the vectors of residues.
        blocks: how many.
        kernel: residues in one convolution, odd.

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
                f"{self.blocks} and {self.kernel}. Nothing was trained."
            )

    @property
    def name(self) -> str:
        """In words."""
        return f"convolutional, {self.width} wide, {self.blocks} blocks"

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
                "layers. Choose a width that is a multiple of the heads; nothing was trained."
            )

    @property
    def name(self) -> str:
        """In words."""
        return f"transformer, {self.width} wide, {self.layers} layers, {self.heads} heads"

    def build(self, shape: Shape, seed: int) -> nn.Module:
        """The network with its first weights."""
        from activeloop.students.distil.layers import AttentionBlock, over_residues

        width, heads = self.width, self.heads
        return over_residues(shape, width, seed, lambda: [AttentionBlock(width, heads) for _ in range(self.layers)])


#: parameters of a site network's first layer, so that many sites keep the student small; and its fewest units
TABLE_PARAMETERS, FEWEST_UNITS = 100_000, 8


@dataclass(frozen=True)
class SiteNetwork(Network):
    """A few layers on the residues at the varying positions; nothing else of the sequence is read.

    A pretrained model's features of a variant may be a mean over its mutations. A student of such a teacher averages
    as well, and starts at the teacher's features: so a double mutant informs about both its mutations, also where one
    of them is in no single mutant of the training.

    Args:
        hidden: units of the layers; the first is a sum of one vector for each site and residue, which is narrower
            where many sites would make the student large.
        averaged: whether that is a mean over mutations instead of a sum; distillation sets it by the teacher.

    >>> SiteNetwork().name
    'sites, 64-64'
    """

    sites: ClassVar[bool] = True

    hidden: tuple[int, ...] = (64, 64)
    averaged: bool = False

    def __post_init__(self) -> None:
        if not self.hidden or min(self.hidden) < 1:
            raise ConfigError("a network on sites needs at least one layer of at least one unit. Nothing was trained.")

    @property
    def name(self) -> str:
        """In words."""
        return f"sites, {'-'.join(map(str, self.hidden))}{', averaged' if self.averaged else ''}"

    def build(self, shape: Shape, seed: int) -> nn.Module:
        """The network with its first weights."""
        from activeloop.adapters.base import seeded_rng
        from activeloop.students.distil.modules import Additive, Net, SiteTable

        with seeded_rng(seed):
            most = max(FEWEST_UNITS, TABLE_PARAMETERS // (shape.width * shape.vocabulary))
            encoder = SiteTable(shape, min(self.hidden[0], most), self.averaged)
            return Net(Additive(shape), encoder, self.hidden[1:] or self.hidden, shape.outputs)


@dataclass(frozen=True)
class FirstLayers(Network):
    """Embeddings and first layers of the foundation model of a fine-tuned teacher, all of them trained further.

    It is larger than the other networks, and starts from what the foundation model learned.

    Args:
        layers: how many are copied.
        source: the foundation model; found in the teacher when it is None.
        alphabet: of the candidates, as in `StudentTokenizer`.

    >>> FirstLayers(layers=2).name
    'first 2 layers of the teacher'
    """

    whole: ClassVar[bool] = True

    layers: int = 1
    source: FoundationModel | None = field(default=None, repr=False)
    alphabet: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.layers < 0:
            raise ConfigError(f"{self.layers} layers cannot be copied. Choose 0 or more; nothing was trained.")

    @property
    def name(self) -> str:
        """In words."""
        whose = "the teacher" if self.source is None else self.source.name
        return f"first {self.layers} layers of {whose}" if self.layers != 1 else f"first layer of {whose}"

    def of(self, teacher: Predictor, tokenizer: StudentTokenizer) -> FirstLayers:
        """The same with a fine-tuned teacher's foundation model.

        Raises:
            ModelError: the teacher is not a fine-tuned protein model.
        """
        from activeloop.foundation.base import FoundationModel

        models = (getattr(getattr(member, "learner", None), "encoder", None) for member in members(teacher))
        model = next((one for one in models if isinstance(one, FoundationModel) and one.reads_residues), None)
        if model is None:
            raise ModelError(
                f"a teacher of the kind {type(teacher).__name__} has no layers that a student could begin with: it "
                "must be a fine-tuned protein model. Choose another network; nothing was trained."
            )
        return replace(self, source=model, alphabet=tokenizer.alphabet)

    def build(self, shape: Shape, seed: int) -> nn.Module:
        """The network with the foundation model's weights, and a head with its first ones.

        Raises:
            ModelError: the foundation model is not known yet (distillation finds it), or is too short.
        """
        if self.source is None:
            raise ModelError("the foundation model is not known. Let a `Distiller` train the network.")
        from activeloop.adapters.base import seeded_rng
        from activeloop.students.distil.layers import CopiedLayers, ResiduePooling, copied_encoder
        from activeloop.students.distil.modules import Additive, Net

        encoder, source = copied_encoder(self.source, self.layers), self.source.alphabet
        ids = np.full(shape.vocabulary, source.unknown)
        ids[PADDING], ids[FIRST:] = source.pad, source.ids[np.frombuffer(self.alphabet.encode("latin-1"), np.uint8)]
        with seeded_rng(seed):
            residues = CopiedLayers(encoder, ids, source.before, source.after)
            pooled = ResiduePooling(residues, shape, encoder.width)
            return Net(Additive(shape), pooled, (64,), shape.outputs)


#: networks for `Search`, from small to large
DEFAULT_NETWORKS: tuple[Network, ...] = (
    ConvNet(width=16, blocks=2),
    ConvNet(width=32, blocks=3),
    ConvNet(width=64, blocks=4),
    SmallTransformer(layers=2, width=64),
    SmallTransformer(layers=4, width=128),
)


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
    return SiteNetwork() if fixed and has_fixed_length(pool) else ConvNet()


def network_for(network: Network, teacher: Predictor, tokenizer: StudentTokenizer, pool: Pool) -> Network:
    """The network, with what it takes from the teacher.

    Raises:
        ModelError: the teacher does not have it.
    """
    if isinstance(network, FirstLayers):
        return network.of(teacher, tokenizer)
    if isinstance(network, SiteNetwork) and averaged_states(teacher, pool) is not None:
        return replace(network, averaged=True)
    return network
