"""Modules of student networks: from tokens to one vector a candidate, and from there to numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from activeloop.students.distil.network import Shape
from activeloop.students.runtime.reading import PADDING

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


#: a head begins with hardly a say
SMALL = 0.1


class StudentEncoder(nn.Module, ABC):
    """From tokens to one vector a candidate.

    Attributes:
        width: of the vector, D.
    """

    width: int

    @abstractmethod
    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Float32 [N, D] of int64 tokens [N, W]."""

    @abstractmethod
    def settle(self) -> None:
        """Compute what no longer changes once the weights do not."""


class OutputHead(nn.Module):
    """From a candidate's vector to its numbers: a straight line, and beside it a bend that begins small.

    Args:
        width: of the vector.
        inner: units of the bend's hidden layers.
        outputs: numbers.
    """

    def __init__(self, width: int, inner: tuple[int, ...], outputs: int):
        super().__init__()
        self.line = nn.Linear(width, outputs)
        sizes = (width, *inner)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.last = nn.Linear(sizes[-1], outputs, bias=False)
        with torch.no_grad():
            for linear in (self.line, self.last):
                linear.weight.mul_(SMALL)

    def forward(self, vector: torch.Tensor) -> torch.Tensor:
        """[N, outputs] of [N, D]."""
        bent = vector
        for layer in self.layers:
            bent = functional.silu(layer(bent))
        return self.line(vector) + self.last(bent)


class Net(nn.Module):
    """What a student's network is: mutations that add up, and what a body sees beside that.

    Args:
        additive: from tokens to the numbers at which it begins.
        body: from tokens to vectors.
        inner: units of the hidden layers of the head, which takes vectors and sums to what comes beside.
        outputs: numbers.
    """

    def __init__(self, additive: Additive, body: StudentEncoder, inner: tuple[int, ...], outputs: int):
        super().__init__()
        self.additive, self.body = additive, body
        self.head = OutputHead(body.width + additive.rank, inner, outputs)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Float32 [N, outputs] of int64 tokens [N, W]."""
        return self.told(tokens)[1]

    def told(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The body's vectors [N, D] beside the numbers [N, outputs]."""
        sums, total = self.additive(tokens)
        vectors = self.body(tokens)
        # the head bends sums too: many assays are a bent scale under which mutations add up
        return vectors, total + self.head(torch.cat([vectors, sums], 1))

    @torch.no_grad()
    def begin(self, tokens: torch.Tensor, goal: torch.Tensor, ridge: float) -> None:
        """Let the sum over mutations begin as what fits best.

        Args:
            tokens: [N, W] of candidates.
            goal: [N, K] of their first K outputs.
            ridge: weight of the squared effects.
        """
        self.head.line.bias[: goal.shape[1]] = self.additive.begin(tokens, goal, ridge)

    @torch.no_grad()
    def widen(self, by: torch.Tensor) -> None:
        """Add to the logarithms of the spreads.

        Args:
            by: [A].
        """
        self.head.line.bias[len(by) : 2 * len(by)] += by
