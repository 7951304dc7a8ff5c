"""How alike two mutations are: a sum of kernels on positions times kernels on letters.

Every term has the form P(i, j) A(a, b): position i, mutated to letter a, against position j, mutated to letter b.
Positions are alike when they are the same, near along the chain, one helix turn apart, or hold alike residues in the
parent; letters are alike when their side chains are. There are only three letter kernels (any, broad, narrow), so the
whole covariance between all mutations of a protein is a sum of three Kronecker products, and neither fits nor draws
ever form it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from activeloop.backbones.context import side_chains
from activeloop.candidates import AMINO_ACIDS, Sites

#: term -> (position kernel, letter kernel)
TERMS: dict[str, tuple[str, str]] = {
    "site": ("same", "any"),
    "near": ("near", "any"),
    "far": ("far", "any"),
    "helix": ("helix", "any"),
    "site x letter": ("same", "broad"),
    "near x letter": ("near", "broad"),
    "letter": ("all", "broad"),
    "parent": ("parent", "any"),
    "parent x letter": ("parent", "broad"),
    "parent x far": ("parent far", "any"),
    "site x narrow letter": ("same", "narrow"),
    "parent x narrow letter": ("parent", "narrow"),
}
LETTER_KERNELS = ("any", "broad", "narrow")


@dataclass(frozen=True)
class MutationKernel:
    """The covariance of all single mutations of one pool, as three Kronecker products.

    Args:
        positions: [3, L, L] position kernels that go with each of `LETTER_KERNELS`, weighted by their terms' variances.
        letters: [3, K, K] those letter kernels.
    """

    positions: np.ndarray
    letters: np.ndarray

    @classmethod
    def of(cls, sites: Sites, variances: np.ndarray) -> MutationKernel:
        """The kernel for given variances [12] of `TERMS`."""
        tables = position_kernels(sites)
        positions = np.zeros((len(LETTER_KERNELS), len(sites.labels), len(sites.labels)))
        for (place, letter), variance in zip(TERMS.values(), variances, strict=True):
            positions[LETTER_KERNELS.index(letter)] += variance * tables[place]
        return cls(positions, letter_kernels(sites.alphabet))

    def between(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Covariance [..., ...] of cells a and b (cell = column * K + letter), broadcast against each other."""
        k = self.letters.shape[1]
        total = np.zeros(np.broadcast_shapes(a.shape, b.shape))
        for position, letter in zip(self.positions, self.letters, strict=True):
            total += position[a // k, b // k] * letter[a % k, b % k]
        return total

    def times(self, grid: np.ndarray) -> np.ndarray:
        """The covariance times a grid [L, K, S] of weights, without forming it."""
        total = np.zeros_like(grid)
        for position, letter in zip(self.positions, self.letters, strict=True):
            if position.any():
                total += np.tensordot(position, np.einsum("lks,mk->lms", grid, letter, optimize=True), 1)
        return total

    def draw(self, rng: np.random.Generator, draws: int) -> np.ndarray:
        """[L, K, S] functions drawn from the prior."""
        shape = (self.positions.shape[1], self.letters.shape[1], draws)
        total = np.zeros(shape)
        for position, letter in zip(self.positions, self.letters, strict=True):
            if position.any():
                left, right = root(position), root(letter)
                normal = rng.standard_normal((left.shape[1], right.shape[1], draws))
                total += np.tensordot(left, np.einsum("lks,mk->lms", normal, right, optimize=True), 1)
        return total


def root(matrix: np.ndarray) -> np.ndarray:
    """R with R R^T = matrix, for symmetric matrices that are singular or nearly so.

    >>> root(np.ones((2, 2))).shape
    (2, 1)
    """
    values, vectors = np.linalg.eigh(matrix)
    keep = values > 1e-9 * values[-1]
    return vectors[:, keep] * np.sqrt(values[keep])


def position_kernels(sites: Sites) -> dict[str, np.ndarray]:
    """The position kernels by name, each [L, L] with ones on the diagonal."""
    distance = np.abs(sites.positions[:, None] - sites.positions[None]).astype(float)
    helix = np.exp(-distance / 8.0) * 0.5 * (1 + np.cos(2 * np.pi * distance / 3.6))  # 3.6 residues to a turn
    residues = letter_kernels(sites.alphabet)[1]
    parent = np.ones_like(distance)
    if sites.parent is not None:
        parent = (0.5 * np.eye(len(residues)) + 0.5 * residues)[np.ix_(sites.parent, sites.parent)]
    far = np.exp(-distance / 25.0)
    return {
        "same": np.eye(len(distance)),
        "near": np.exp(-distance / 3.0),
        "far": far,
        "helix": helix,
        "all": np.ones_like(distance),
        "parent": parent,
        "parent far": parent * far,
    }


@lru_cache(maxsize=8)
def letter_kernels(alphabet: str) -> np.ndarray:
    """[3, K, K] any, broad and narrow likeness; letters that are no amino acids are alike to themselves only."""
    properties = side_chains()
    known = np.array([a in AMINO_ACIDS for a in alphabet])
    rows = np.array(
        [properties[AMINO_ACIDS.index(a)] if a in AMINO_ACIDS else np.zeros(properties.shape[1]) for a in alphabet]
    )
    squared = ((rows[:, None] - rows[None]) ** 2).sum(-1)
    broad = np.where(known[:, None] & known[None], np.exp(-squared / properties.shape[1]), np.eye(len(alphabet)))
    return np.stack([np.ones_like(broad), broad, broad**4])
