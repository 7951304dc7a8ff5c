"""Blocks over the residues of candidates; what stands behind the end of one changes nothing."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

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
