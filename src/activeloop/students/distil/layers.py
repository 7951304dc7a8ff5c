"""Encoders over residues: blocks of convolutions and attention, pooling, layers copied from a foundation model."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from activeloop.adapters.base import seeded_rng
from activeloop.errors import ModelError
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.encoder import TransformerEncoder
from activeloop.students.distil.config import Shape
from activeloop.students.distil.modules import GAIN, Additive, Net, StudentEncoder
from activeloop.students.runtime.tokenizer import PADDING

#: added to attention scores of padding
MASKED = -1e9
#: scale of the last weights of a block: blocks start near the identity, so that a sum over residues is one over
#: mutations
BLOCK_SCALE = 0.2


def over_residues(shape: Shape, width: int, seed: int, blocks: Callable[[], list[nn.Module]]) -> Net:
    """A network of blocks over residues, pooling that suits mutants, and a head.

    Args:
        shape: input and output.
        width: of the vectors.
        seed: of the first weights; torch's generator is left as it was.
        blocks: makes them.
    """
    with seeded_rng(seed):
        residues = Residues(TokenEmbedding(shape, width), blocks())
        return Net(Additive(shape), ResiduePooling(residues, shape, width), (width,), shape.outputs)


class TokenEmbedding(nn.Module):
    """A vector for each residue: that of its token and of its position.

    Args:
        shape: of the candidates; positions behind its width share the last one's vector.
        width: of the vectors.
    """

    def __init__(self, shape: Shape, width: int):
        super().__init__()
        self.token, self.position = nn.Embedding(shape.vocabulary, width), nn.Embedding(shape.width, width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """[N, W, D] of tokens [N, W]."""
        position = torch.arange(tokens.shape[1], device=tokens.device).clamp(max=self.position.num_embeddings - 1)
        return self.token(tokens) + self.position(position)


class Residues(nn.Module):
    """Blocks over vectors of residues.

    Args:
        embedding: tokens [N, W] -> [N, W, D].
        blocks: ([N, W, D], mask [N, W, 1]) -> [N, W, D].
    """

    def __init__(self, embedding: nn.Module, blocks: list[nn.Module]):
        super().__init__()
        self.embedding, self.blocks = embedding, nn.ModuleList(blocks)

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """[N, W, D]; anything at padding."""
        hidden = self.embedding(tokens)
        for block in self.blocks:
            hidden = block(hidden, mask)
        return hidden


class ConvolutionBlock(nn.Module):
    """A dilated convolution between two maps of single residues, beside the identity.

    The convolution is one matrix product of neighbours side by side: twice as fast on processors as torch's own at
    these widths.

    Args:
        width: of the vectors; half of it inside.
        kernel: residues in the convolution, odd.
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
            self.widen.weight.mul_(BLOCK_SCALE)

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """[N, W, D] of [N, W, D]; `mask` is [N, W, 1], 1 for residues and 0 behind the end."""
        inner = functional.relu(self.narrow(self.norm(hidden))) * mask
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
        self.heads, self.head_width = heads, width // heads
        self.norm, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value, self.gather = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        with torch.no_grad():
            self.gather.weight.mul_(BLOCK_SCALE)
            self.narrow.weight.mul_(BLOCK_SCALE)

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """[N, W, D] of [N, W, D]; `mask` is [N, W, 1], 1 for residues and 0 behind the end."""
        parts = self.query_key_value(self.norm(hidden)).unflatten(2, (3, self.heads, self.head_width))
        parts = parts.permute(2, 0, 3, 1, 4)
        query, key, value = parts[0], parts[1], parts[2]
        scores = query @ key.transpose(2, 3) / math.sqrt(self.head_width)
        weights = (scores + (1 - mask.transpose(1, 2).unsqueeze(1)) * MASKED).softmax(3)
        hidden = hidden + self.gather((weights @ value).transpose(1, 2).flatten(2))
        return hidden + self.narrow(functional.relu(self.widen(self.second(hidden))))


class ResiduePooling(StudentEncoder):
    """Sum over residues, less that of the parent; without a parent the mean over residues.

    For candidates as long as the parent that is the sum of the changes of each residue's vector: effects of distant
    mutations add up, and only those within one receptive field need not.

    Args:
        residues: (tokens [N, W], mask [N, W, 1]) -> [N, W, D].
        shape: of the candidates.
        width: D.
    """

    parent: torch.Tensor
    parent_sum: torch.Tensor

    def __init__(self, residues: nn.Module, shape: Shape, width: int):
        super().__init__()
        self.residues, self.width = residues, width
        self.has_parent, self.mean_gain = bool(shape.parent), GAIN * math.sqrt(shape.width)
        self.register_buffer("parent", torch.tensor([shape.parent or (PADDING,)]), persistent=False)
        self.register_buffer("parent_sum", torch.zeros(1, width))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """[N, D] of tokens [N, W]."""
        total, count = self._summed(tokens)
        if self.has_parent:
            return GAIN * (total - (self._summed(self.parent)[0] if self.training else self.parent_sum))
        return self.mean_gain * total / count.clamp(min=1.0)

    @torch.no_grad()
    def cache_parent(self) -> None:
        """Compute the parent's sum; in eval mode it is not computed again."""
        if self.has_parent:
            self.parent_sum.copy_(self._summed(self.parent)[0])

    def _summed(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mask = (tokens != PADDING).unsqueeze(2).float()
        return (self.residues(tokens, mask) * mask).sum(1), mask.sum(1)


def copied_encoder(foundation: FoundationModel, layers: int) -> TransformerEncoder:
    """Embeddings and first layers of a foundation model, as trainable weights of one's own.

    Raises:
        ModelError: it has fewer layers.
    """
    encoder = copy.deepcopy(foundation.frozen_encoder("cpu"))
    if len(encoder.layers) < layers:
        raise ModelError(f"{foundation.name} has {len(encoder.layers)} layers, not {layers}. Nothing was trained.")
    del encoder.layers[layers:]
    for parameter in encoder.parameters():
        parameter.requires_grad_(True)
    # written out, attention consists of operations that every runtime has
    encoder.model.config._attn_implementation = "eager"
    hidden = encoder(torch.zeros(1, 2, dtype=torch.int64), torch.ones(1, 2, dtype=torch.bool))
    hidden.sum().backward()
    for parameter in encoder.parameters():
        # language-model heads take no part
        parameter.requires_grad_(parameter.grad is not None)
        parameter.grad = None
    return encoder


class CopiedLayers(nn.Module):
    """Vectors of residues by the first layers of a foundation model.

    Args:
        encoder: the layers.
        ids: [vocabulary] the model's id of each token of the student.
        before, after: ids of special tokens around a sequence.
    """

    ids: torch.Tensor

    def __init__(self, encoder: TransformerEncoder, ids: np.ndarray, before: tuple[int, ...], after: tuple[int, ...]):
        super().__init__()
        self.encoder, self.before, self.after, self.pad = encoder, before, after, int(ids[PADDING])
        self.norm = nn.LayerNorm(encoder.width)
        self.register_buffer("ids", torch.from_numpy(ids.astype(np.int64)))

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """[N, W, D] of tokens [N, W]; `mask` is [N, W, 1]."""
        first, last = len(self.before), len(self.after)
        ids = functional.pad(self.ids[tokens], (first, last), value=self.pad)
        position = torch.arange(ids.shape[1], device=tokens.device) - first
        length = mask.sum(1).long()
        for k, special in enumerate(self.before):
            ids = torch.where(position == k - first, special, ids)
        for k, special in enumerate(self.after):
            ids = torch.where(position == length + k, special, ids)
        seen = position < length + last
        hidden = self.encoder.embed(ids, seen)
        context = self.encoder.context(hidden, seen)
        for index in range(len(self.encoder.layers)):
            hidden = self.encoder.layer(index, hidden, context)
        hidden = self.encoder.finish(hidden)
        return self.norm(hidden[:, first : hidden.shape[1] - last] if last else hidden[:, first:])
