"""From residues to candidates: what differs from the parent, summed."""

from __future__ import annotations

import math

import torch
from torch import nn

from activeloop.students.body import Body
from activeloop.students.network import Shape
from activeloop.students.reading import PADDING

#: of a sum over a few mutations, so that it begins near 1
GAIN = 0.5


class Entry(nn.Module):
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


class Compared(Body):
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
