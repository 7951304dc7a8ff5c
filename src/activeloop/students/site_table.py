"""One vector for each site and letter, summed or averaged over mutations."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from activeloop.students.body import Body
from activeloop.students.cells import counts_of, least_squares, summed
from activeloop.students.network import Shape
from activeloop.students.pooling import GAIN
from activeloop.students.reading import PADDING

#: ridge of vectors that begin at a teacher's states, which are nearly exact averages
RIDGE = 0.01
#: the root mean square of the averages at which they begin: so large that a smooth function of them is easily learned
LARGE = 3.0


class SiteTable(Body):
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
