"""The part of a student in which mutations add up, and how it begins at the best there is."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from activeloop.students.cells import counts_of, least_squares, summed
from activeloop.students.network import Shape
from activeloop.students.reading import PADDING

#: numbers of the table, so that long proteins keep the student small; and the fewest and most columns
NUMBERS, FEWEST, MOST = 60_000, 4, 24


class Additive(nn.Module):
    """A sum over residues: one short vector for each position and letter, and a linear map of their sum.

    The parent's sum is taken off, so that only mutations count.

    Args:
        shape: of the candidates; what stands behind its width is read as the last position.
    """

    parent: torch.Tensor

    def __init__(self, shape: Shape):
        super().__init__()
        self.letters, self.columns = shape.letters, shape.width
        cells = shape.width * shape.letters
        self.rank = min(shape.outputs, max(FEWEST, min(MOST, NUMBERS // cells)))
        self.table, self.out = nn.Embedding(cells, self.rank), nn.Linear(self.rank, shape.outputs, bias=False)
        self.register_buffer("parent", torch.tensor([shape.parent or (PADDING,)]), persistent=False)
        with torch.no_grad():
            self.table.weight.mul_(0.1)
            self.out.weight.zero_()

    def forward(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Sums [N, rank], and what they come to [N, outputs], of tokens [N, W]."""
        sums = self._summed(tokens) - self._summed(self.parent)
        return sums, self.out(sums)

    @torch.no_grad()
    def begin(self, tokens: torch.Tensor, goal: torch.Tensor, ridge: float) -> torch.Tensor:
        """Take the least squares solution as the start.

        Args:
            tokens: [N, W] of candidates.
            goal: [N, K] of their first K outputs.
            ridge: weight of the squared effects, in candidates.

        Returns:
            [K] what stands beside the sum: the parent's own values.
        """
        solved = least_squares(self._counts(tokens), goal.double().numpy(), ridge)
        effects, beside = solved[:-1], solved[-1]
        left, sizes, right = np.linalg.svd(effects, full_matrices=False)
        rank = min(self.rank, len(sizes))
        root = np.sqrt(sizes[:rank])
        self.table.weight[:, :rank] = torch.from_numpy(left[:, :rank] * root).float()
        self.out.weight[: goal.shape[1], :rank] = torch.from_numpy(right[:rank].T * root).float()
        # sums of spread 1, so that the head that sees them too begins at its ease
        spread = self(tokens)[0].std(0)[:rank].clamp(min=1e-6)
        self.table.weight[:, :rank] /= spread
        self.out.weight[: goal.shape[1], :rank] *= spread
        return torch.from_numpy(beside).float()

    def _summed(self, tokens: torch.Tensor) -> torch.Tensor:
        return summed(self.table.weight, tokens, self.letters, self.columns)

    def _counts(self, tokens: torch.Tensor):
        """Sparse [N, cells + 1]: the counts of cells; then ones."""
        from scipy.sparse import csr_array, hstack

        found = counts_of(tokens, self.parent, self.letters, self.columns)
        return hstack([found, csr_array(np.ones((len(tokens), 1)))], format="csr")
