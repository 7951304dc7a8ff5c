"""One vector for each site and letter, summed."""

from __future__ import annotations

import torch
from torch import nn

from activeloop.students.body import Body
from activeloop.students.network import Shape
from activeloop.students.pooling import GAIN
from activeloop.students.reading import PADDING


class SiteTable(Body):
    """The first layer of a network on one-hot letters, as look-ups; the parent's own sum is taken off.

    Args:
        shape: of the candidates; what stands behind its width is read as the last site.
        width: of the sum.
    """

    parent: torch.Tensor

    def __init__(self, shape: Shape, width: int):
        super().__init__()
        self.width, self.letters, self.columns = width, shape.letters, shape.width
        self.table = nn.Embedding(shape.width * shape.letters, width)
        self.register_buffer("parent", torch.tensor([shape.parent or (PADDING,)]), persistent=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """[N, D] of tokens [N, W]."""
        return GAIN * (self._summed(tokens) - self._summed(self.parent))

    def settle(self) -> None:
        """Nothing: the parent's sum is as cheap as looking it up."""

    def _summed(self, tokens: torch.Tensor) -> torch.Tensor:
        site = torch.arange(tokens.shape[1], device=tokens.device).clamp(max=self.columns - 1)
        vectors = self.table(site * self.letters + tokens)
        return (vectors * (tokens != PADDING).unsqueeze(2).float()).sum(1)
