"""The part of a student in which mutations add up, and how it begins at the best there is."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from activeloop.students.network import Shape
from activeloop.students.reading import PADDING

#: numbers of the table, so that long proteins keep the student small; and the fewest and most columns
NUMBERS, FEWEST, MOST = 60_000, 4, 24
#: steps of the conjugate gradients
STEPS = 60


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
        solved = _least_squares(self._counts(tokens), goal.double().numpy(), ridge)
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
        return (self.table(self._cells(tokens)) * (tokens != PADDING).unsqueeze(2).float()).sum(1)

    def _cells(self, tokens: torch.Tensor) -> torch.Tensor:
        column = torch.arange(tokens.shape[1], device=tokens.device).clamp(max=self.columns - 1)
        return column * self.letters + tokens

    def _counts(self, tokens: torch.Tensor):
        """Sparse [N, cells + 1]: how often each cell stands in a candidate more than in the parent; then ones."""
        from scipy.sparse import csr_array, hstack

        def counts(some: torch.Tensor):
            row, place = (some != PADDING).nonzero(as_tuple=True)
            cell = self._cells(some)[row, place]
            shape = (len(some), self.columns * self.letters)
            return csr_array((np.ones(len(row)), (row.numpy(), cell.numpy())), shape=shape)

        own, parent = counts(tokens), counts(self.parent)
        found = own - csr_array(np.ones((len(tokens), 1))) @ parent
        found.eliminate_zeros()
        return hstack([found, csr_array(np.ones((len(tokens), 1)))], format="csr")


def _least_squares(counts, goal: np.ndarray, ridge: float) -> np.ndarray:
    """[cells + 1, K] by conjugate gradients, all K at once."""
    effects = np.zeros((counts.shape[1], goal.shape[1]))
    rest = counts.T @ goal
    step, size = rest.copy(), (rest**2).sum(0)
    least = 1e-12 * np.maximum(size, 1e-300)
    for _ in range(STEPS):
        if (size <= least).all():
            break
        turned = counts.T @ (counts @ step) + ridge * step
        length = size / np.maximum((step * turned).sum(0), 1e-300)
        effects += length * step
        rest -= length * turned
        new = (rest**2).sum(0)
        step, size = rest + new / np.maximum(size, 1e-300) * step, new
    return effects
