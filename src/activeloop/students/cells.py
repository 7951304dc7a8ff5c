"""Cells of the table of all positions and letters, and how often they stand in a candidate.

A cell is column * letters + token; what stands behind the last column is read as standing there.
"""

from __future__ import annotations

import numpy as np
import torch

from activeloop.students.reading import PADDING

#: steps of the conjugate gradients
STEPS = 60


def cells_of(tokens: torch.Tensor, letters: int, columns: int) -> torch.Tensor:
    """[N, W] cells of tokens [N, W].

    >>> cells_of(torch.tensor([[2, 3, 1]]), 5, 2).tolist()
    [[2, 8, 6]]
    """
    return torch.arange(tokens.shape[1], device=tokens.device).clamp(max=columns - 1) * letters + tokens


def summed(table: torch.Tensor, tokens: torch.Tensor, letters: int, columns: int) -> torch.Tensor:
    """[N, D] sum of a table's rows [columns * letters, D] over the tokens [N, W] of each candidate."""
    rows = torch.nn.functional.embedding(cells_of(tokens, letters, columns), table)
    return (rows * (tokens != PADDING).unsqueeze(2).float()).sum(1)


def counts_of(tokens: torch.Tensor, parent: torch.Tensor, letters: int, columns: int):
    """Sparse [N, columns * letters]: how often each cell stands in a candidate more than in the parent.

    Args:
        tokens: [N, W].
        parent: [1, P].
        letters: tokens that there are.
        columns: of the table.
    """
    from scipy.sparse import csr_array

    def counts(some: torch.Tensor):
        row, place = (some != PADDING).nonzero(as_tuple=True)
        cell = cells_of(some, letters, columns)[row, place]
        shape = (len(some), columns * letters)
        return csr_array((np.ones(len(row)), (row.numpy(), cell.numpy())), shape=shape)

    found = counts(tokens) - csr_array(np.ones((len(tokens), 1))) @ counts(parent)
    found.eliminate_zeros()
    return found


def least_squares(counts, goal: np.ndarray, ridge: float) -> np.ndarray:
    """[M, K] by conjugate gradients, all K at once.

    Args:
        counts: sparse [N, M].
        goal: [N, K].
        ridge: weight of the squares of the solution.
    """
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
