"""Variants as lists of mutations, whatever their number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.candidates import Pool, Sites
from activeloop.errors import ModelError


@dataclass(frozen=True)
class Mutations:
    """The mutations of n variants; a cell is column * K + letter.

    Args:
        count: n.
        owner: [T] variant of each mutation, ascending.
        cell: [T] its cell.
        width: L * K, the number of cells.
    """

    count: int
    owner: np.ndarray
    cell: np.ndarray
    width: int

    @classmethod
    def of(cls, pool: Pool, rows: np.ndarray) -> Mutations:
        """The mutations of some rows of a pool of variants with a parent."""
        sites = parented(pool)
        codes = pool.codes(rows)
        owner, column = np.nonzero(codes != sites.parent)
        letters = len(sites.alphabet)
        return cls(len(codes), owner, column * letters + codes[owner, column], len(sites.labels) * letters)

    def sums(self, table: np.ndarray) -> np.ndarray:
        """[n, ...] sum of a table [L * K, ...] over the mutations of each variant."""
        from scipy.sparse import csr_array

        ones = np.ones(len(self.cell), table.dtype)
        counts = np.bincount(self.owner, minlength=self.count)
        pointers = np.concatenate([[0], np.cumsum(counts)])
        return np.asarray(csr_array((ones, self.cell, pointers), shape=(self.count, self.width)) @ table)

    def scatter(self, weights: np.ndarray) -> np.ndarray:
        """[L * K, S] the transpose of `sums`: weights [n, S] of the variants laid on their cells."""
        grid = np.zeros((self.width, weights.shape[1]))
        np.add.at(grid, self.cell, weights[self.owner])
        return grid

    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every ordered pair of mutations within a variant: owner, first cell, second cell."""
        counts = np.bincount(self.owner, minlength=self.count)
        starts = np.cumsum(counts) - counts
        repeats = counts[self.owner]
        first = np.repeat(np.arange(len(self.cell)), repeats)
        within = np.arange(len(first)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        second = starts[self.owner[first]] + within
        return self.owner[first], self.cell[first], self.cell[second]


def parented(pool: Pool) -> Sites:
    """The pool's sites.

    Raises:
        ModelError: when there is no parent, so that nothing can be called a mutation.
    """
    sites = pool.sites
    if sites is None or sites.parent is None:
        raise ModelError(
            "A model of mutations needs a wild type, and this pool has none. Give the wild type, or choose another "
            "learner; nothing was fitted."
        )
    return sites
