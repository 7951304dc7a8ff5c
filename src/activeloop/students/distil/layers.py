"""Layers of student networks: blocks, pooling over residues, tables of sites, layers copied from the teacher."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from activeloop.errors import ModelError
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.encoder import TransformerEncoder
from activeloop.foundation.encoding import frozen_encoder
from activeloop.models.finetuning.loop import seeded_rng
from activeloop.students.distil.modules import Additive, Net, StudentEncoder, counts_of, least_squares, summed
from activeloop.students.distil.network import Shape
from activeloop.students.runtime.reading import PADDING

#: what hides a score
HIDDEN = -1e9
#: blocks begin as hardly more than the identity, so that a sum over residues begins as one over mutations
SMALL = 0.2


class ConvolutionBlock(nn.Module):
    """A dilated convolution between two maps of single residues, beside the identity.

    The convolution is written as one matrix product of neighbours put side by side, which processors do twice as fast
    as torch's own at these widths.

    Args:
        width: of the vectors; half of it inside.
        kernel: residues that are seen at once, odd.
        dilation: steps between them.

    Source: Kalchbrenner et al. 2016, ByteNet, arXiv:1610.10099; for proteins Yang et al. 2024, CARP,
    doi 10.1016/j.cels.2024.01.008.
    """

    def __init__(self, width: int, kernel: int, dilation: int):
        super().__init__()
        inner = max(1, width // 2)
        self.kernel, self.dilation = kernel, dilation
        self.norm = nn.LayerNorm(width)
        self.narrow = nn.Linear(width, inner)
        self.across = nn.Linear(kernel * inner, inner)
        self.widen = nn.Linear(inner, width)
        with torch.no_grad():
            self.widen.weight.mul_(SMALL)

    def forward(self, hidden: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """[N, W, D] of [N, W, D]; `real` is [N, W, 1], 1 for residues and 0 behind the end."""
        inner = functional.relu(self.narrow(self.norm(hidden))) * real
        side = self.dilation * (self.kernel - 1) // 2
        padded, length = functional.pad(inner, (0, 0, side, side)), inner.shape[1]
        shifts = [padded.narrow(1, k * self.dilation, length) for k in range(self.kernel)]
        return hidden + self.widen(functional.relu(self.across(torch.cat(shifts, 2))))


class AttentionBlock(nn.Module):
    """Attention, then a map of single residues, both beside the identity.

    Args:
        width: of the vectors.
        heads: among which it is divided.

    Source: Vaswani et al. 2017, arXiv:1706.03762; norms first as Xiong et al. 2020, arXiv:2002.04745.
    """

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads, self.each = heads, width // heads
        self.norm, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.ask, self.gather = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        with torch.no_grad():
            self.gather.weight.mul_(SMALL)
            self.narrow.weight.mul_(SMALL)

    def forward(self, hidden: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """[N, W, D] of [N, W, D]; `real` is [N, W, 1], 1 for residues and 0 behind the end."""
        parts = self.ask(self.norm(hidden)).unflatten(2, (3, self.heads, self.each)).permute(2, 0, 3, 1, 4)
        query, key, value = parts[0], parts[1], parts[2]
        scores = query @ key.transpose(2, 3) / math.sqrt(self.each)
        weights = (scores + (1 - real.transpose(1, 2).unsqueeze(1)) * HIDDEN).softmax(3)
        hidden = hidden + self.gather((weights @ value).transpose(1, 2).flatten(2))
        return hidden + self.narrow(functional.relu(self.widen(self.second(hidden))))


#: of a sum over a few mutations, so that it begins near 1
GAIN = 0.5


class TokenEmbedding(nn.Module):
    """A vector for each residue: its letter's and its position's.

    Args:
        shape: of the candidates; positions behind its width share the last one's vector.
        width: of the vectors.
    """

    def __init__(self, shape: Shape, width: int):
        super().__init__()
        self.letter, self.place = nn.Embedding(shape.letters, width), nn.Embedding(shape.width, width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """[N, W, D] of tokens [N, W]."""
        place = torch.arange(tokens.shape[1], device=tokens.device).clamp(max=self.place.num_embeddings - 1)
        return self.letter(tokens) + self.place(place)


class Residues(nn.Module):
    """Blocks over vectors of residues.

    Args:
        entry: tokens [N, W] -> [N, W, D].
        blocks: ([N, W, D], which are real [N, W, 1]) -> [N, W, D].
    """

    def __init__(self, entry: nn.Module, blocks: list[nn.Module]):
        super().__init__()
        self.entry, self.blocks = entry, nn.ModuleList(blocks)

    def forward(self, tokens: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """[N, W, D]; anything where nothing is real."""
        hidden = self.entry(tokens)
        for block in self.blocks:
            hidden = block(hidden, real)
        return hidden


class Compared(StudentEncoder):
    """Sum over residues, less that of the parent; without a parent the mean over residues.

    For candidates as long as the parent that is the sum of what each residue's vector differs by, so mutations far
    from each other add up, and only those that see each other need not.

    Args:
        residues: (tokens [N, W], real [N, W, 1]) -> [N, W, D].
        shape: of the candidates.
        width: D.
    """

    parent: torch.Tensor
    origin: torch.Tensor

    def __init__(self, residues: nn.Module, shape: Shape, width: int):
        super().__init__()
        self.residues, self.width = residues, width
        self.compares, self.gain = bool(shape.parent), GAIN * math.sqrt(shape.width)
        self.register_buffer("parent", torch.tensor([shape.parent or (PADDING,)]), persistent=False)
        self.register_buffer("origin", torch.zeros(1, width))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """[N, D] of tokens [N, W]."""
        total, count = self._summed(tokens)
        if self.compares:
            return GAIN * (total - (self._summed(self.parent)[0] if self.training else self.origin))
        return self.gain * total / count.clamp(min=1.0)

    @torch.no_grad()
    def settle(self) -> None:
        """Keep the parent's sum; in eval mode it is not computed again."""
        if self.compares:
            self.origin.copy_(self._summed(self.parent)[0])

    def _summed(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        real = (tokens != PADDING).unsqueeze(2).float()
        return (self.residues(tokens, real) * real).sum(1), real.sum(1)


#: ridge of vectors that begin at a teacher's states, which are nearly exact averages
RIDGE = 0.01
#: the root mean square of the averages at which they begin: so large that a smooth function of them is easily learned
LARGE = 3.0


class SiteTable(StudentEncoder):
    """The first layer of a network on one-hot letters, as look-ups; the parent's own sum is taken off.

    Args:
        shape: of the candidates; what stands behind its width is read as the last site.
        width: of the sum.
        averaged: whether the sum is divided by the number of mutations.
    """

    parent: torch.Tensor
    mutated: torch.Tensor

    def __init__(self, shape: Shape, width: int, averaged: bool = False):
        super().__init__()
        self.width, self.letters, self.columns, self.averaged = width, shape.letters, shape.width, averaged
        self.table = nn.Embedding(shape.width * shape.letters, width)
        self.register_buffer("parent", torch.tensor([shape.parent or (PADDING,)]), persistent=False)
        mutated = torch.ones(shape.width, shape.letters)
        mutated[:, PADDING] = 0.0
        for column, letter in enumerate(shape.parent[: shape.width]):
            mutated[column, letter] = 0.0
        self.register_buffer("mutated", mutated.reshape(-1, 1), persistent=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """[N, D] of tokens [N, W]."""
        total = GAIN * (self._over(self.table.weight, tokens) - self._over(self.table.weight, self.parent))
        return total / self._mutations(tokens) if self.averaged else total

    def settle(self) -> None:
        """Nothing: the parent's sum is as cheap as looking it up."""

    @torch.no_grad()
    def begin(self, tokens: torch.Tensor, states: np.ndarray) -> None:
        """Take vectors whose averages are, as nearly as can be, the principal components of a teacher's states.

        Args:
            tokens: [N, W] of candidates.
            states: [N, P] what the teacher sees in them, a mean over their mutations.
        """
        _, _, directions = np.linalg.svd(states.astype(np.float64), full_matrices=False)
        goal = states @ directions[: self.width].T
        counts = counts_of(tokens, self.parent, self.letters, self.columns)
        shares = counts.multiply(1 / self._mutations(tokens).numpy()).tocsr()
        vectors = least_squares(shares, goal, RIDGE)
        size = np.sqrt(np.mean((shares @ vectors) ** 2))
        if size > 0:
            self.table.weight[:, : goal.shape[1]] = torch.from_numpy(LARGE / GAIN / size * vectors).float()

    def _mutations(self, tokens: torch.Tensor) -> torch.Tensor:
        """[N, 1] how many there are; 1 where there is none."""
        return self._over(self.mutated, tokens).clamp(min=1.0)

    def _over(self, table: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        return summed(table, tokens, self.letters, self.columns)


def copied_encoder(foundation: FoundationModel, layers: int) -> TransformerEncoder:
    """Embeddings and first layers of a foundation model, as weights of one's own that learn.

    Raises:
        ModelError: it has fewer layers.
    """
    encoder = copy.deepcopy(frozen_encoder(foundation, "cpu"))
    if len(encoder.layers) < layers:
        raise ModelError(f"{foundation.name} has {len(encoder.layers)} layers, not {layers}. Nothing was taught.")
    del encoder.layers[layers:]
    for parameter in encoder.parameters():
        parameter.requires_grad_(True)
    # written out, attention is made of operations that every runtime knows
    encoder.model.config._attn_implementation = "eager"
    hidden = encoder(torch.zeros(1, 2, dtype=torch.int64), torch.ones(1, 2, dtype=torch.bool))
    hidden.sum().backward()
    for parameter in encoder.parameters():
        # heads that guess residues have no part in it
        parameter.requires_grad_(parameter.grad is not None)
        parameter.grad = None
    return encoder


class Copied(nn.Module):
    """Vectors of residues by the first layers of a foundation model.

    Args:
        encoder: the layers.
        ids: [letters] the model's id of each token of the student.
        before, after: ids of special tokens around a sequence.
    """

    ids: torch.Tensor

    def __init__(self, encoder: TransformerEncoder, ids: np.ndarray, before: tuple[int, ...], after: tuple[int, ...]):
        super().__init__()
        self.encoder, self.before, self.after, self.pad = encoder, before, after, int(ids[PADDING])
        self.norm = nn.LayerNorm(encoder.width)
        self.register_buffer("ids", torch.from_numpy(ids.astype(np.int64)))

    def forward(self, tokens: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """[N, W, D] of tokens [N, W]; `real` is [N, W, 1]."""
        first, last = len(self.before), len(self.after)
        inner = nn.functional.pad(self.ids[tokens], (first, last), value=self.pad)
        place = torch.arange(inner.shape[1], device=tokens.device) - first
        length = real.sum(1).long()
        ids = inner
        for k, special in enumerate(self.before):
            ids = torch.where(place == k - first, special, ids)
        for k, special in enumerate(self.after):
            ids = torch.where(place == length + k, special, ids)
        seen = place < length + last
        hidden = self.encoder.embed(ids, seen)
        context = self.encoder.context(hidden, seen)
        for index in range(len(self.encoder.layers)):
            hidden = self.encoder.layer(index, hidden, context)
        hidden = self.encoder.finish(hidden)
        return self.norm(hidden[:, first : hidden.shape[1] - last] if last else hidden[:, first:])


def over_residues(shape: Shape, width: int, seed: int, blocks: Callable[[], list[nn.Module]]) -> Net:
    """A network of blocks over residues, the pooling that suits mutants, and a head.

    Args:
        shape: what goes in and comes out.
        width: of the vectors.
        seed: of the first weights; torch's generator is left as it was.
        blocks: makes them.
    """
    with seeded_rng(seed):
        residues = Residues(TokenEmbedding(shape, width), blocks())
        return Net(Additive(shape), Compared(residues, shape, width), (width,), shape.outputs)
