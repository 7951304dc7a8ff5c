"""Variants as lists of mutations, the kernel over them, and its variances by marginal likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from activeloop.candidates import AMINO_ACIDS, Pool, Sites
from activeloop.errors import ModelError
from activeloop.models.gp.core import negative_log_evidence, root, settled
from activeloop.priors.substitutions import side_chains


@dataclass(frozen=True)
class Mutations:
    """The mutations of n variants; a cell is column * K + code, one for each residue at each site.

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
        sites = sites_with_parent(pool)
        owner, column, code = pool.changes(rows)
        size = len(sites.alphabet)
        return cls(len(rows), owner, column * size + code, len(sites.labels) * size)

    @classmethod
    def where(cls, counts: np.ndarray, codes: np.ndarray, size: int) -> Mutations:
        """Those residues of codes [n, L] that count (bool [n, L]); an alphabet has `size` residues."""
        owner, column = np.nonzero(counts)
        return cls(len(codes), owner, column * size + codes[owner, column], codes.shape[1] * size)

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


def sites_with_parent(pool: Pool) -> Sites:
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


#: term -> (position kernel, residue kernel)
TERMS: dict[str, tuple[str, str]] = {
    "site": ("same", "any"),
    "near": ("near", "any"),
    "far": ("far", "any"),
    "helix": ("helix", "any"),
    "site x residue": ("same", "broad"),
    "near x residue": ("near", "broad"),
    "residue": ("all", "broad"),
    "parent": ("parent", "any"),
    "parent x residue": ("parent", "broad"),
    "parent x far": ("parent far", "any"),
    "site x narrow residue": ("same", "narrow"),
    "parent x narrow residue": ("parent", "narrow"),
}
RESIDUE_KERNELS = ("any", "broad", "narrow")


@dataclass(frozen=True)
class MutationKernel:
    """The covariance of all single mutations of one pool, as three Kronecker products and a weighted column.

    Args:
        positions: [3, L, L] position kernels of each of `RESIDUE_KERNELS`, weighted by their terms' variances;
            [4, L, L] where each mutation has an effect of its own.
        residues: [3, K, K] those residue kernels; [4, K, K] with that of each residue alone.
        column: [L * K] scores of the mutations times the standard deviation of their weight, whose mean is 0; None
            for none.
    """

    positions: np.ndarray
    residues: np.ndarray
    column: np.ndarray | None = None

    @classmethod
    def of(
        cls, sites: Sites, variances: np.ndarray, column: np.ndarray | None = None, specific: float = 0.0
    ) -> MutationKernel:
        """The kernel for given variances [12] of `TERMS`, a column, and the variance of what is like nothing else."""
        tables = position_kernels(sites)
        positions = np.zeros((len(RESIDUE_KERNELS), len(sites.labels), len(sites.labels)))
        for (place, residue), variance in zip(TERMS.values(), variances, strict=True):
            positions[RESIDUE_KERNELS.index(residue)] += variance * tables[place]
        residues = residue_kernels(sites.alphabet)
        if specific:
            positions = np.concatenate([positions, specific * tables["same"][None]])
            residues = np.concatenate([residues, np.eye(len(sites.alphabet))[None]])
        return cls(positions, residues, column)

    def between(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Covariance [..., ...] of cells a and b, broadcast against each other."""
        k = self.residues.shape[1]
        total = np.zeros(np.broadcast_shapes(a.shape, b.shape))
        for position, residue in zip(self.positions, self.residues, strict=True):
            total += position[a // k, b // k] * residue[a % k, b % k]
        return total if self.column is None else total + self.column[a] * self.column[b]

    def times(self, weights: np.ndarray) -> np.ndarray:
        """The covariance times weights [L * K, S], without forming it."""
        grid = weights.reshape(self.positions.shape[1], self.residues.shape[1], weights.shape[1])
        total = np.zeros_like(grid)
        for position, residue in zip(self.positions, self.residues, strict=True):
            if position.any():
                total += np.tensordot(position, np.einsum("lks,mk->lms", grid, residue, optimize=True), 1)
        total = total.reshape(weights.shape)
        return total if self.column is None else total + np.outer(self.column, self.column @ weights)

    def draw(self, rng: np.random.Generator, draws: int) -> np.ndarray:
        """[L, K, S] functions sampled from the prior."""
        shape = (self.positions.shape[1], self.residues.shape[1], draws)
        total = np.zeros(shape)
        for position, residue in zip(self.positions, self.residues, strict=True):
            if position.any():
                left, right = root(position), root(residue)
                normal = rng.standard_normal((left.shape[1], right.shape[1], draws))
                total += np.tensordot(left, np.einsum("lks,mk->lms", normal, right, optimize=True), 1)
        if self.column is not None:
            total += np.outer(self.column, rng.standard_normal(draws)).reshape(shape)
        return total


def position_kernels(sites: Sites) -> dict[str, np.ndarray]:
    """The position kernels by name, each [L, L] with ones on the diagonal."""
    distance = np.abs(sites.positions[:, None] - sites.positions[None]).astype(float)
    helix = np.exp(-distance / 8.0) * 0.5 * (1 + np.cos(2 * np.pi * distance / 3.6))  # 3.6 residues to a turn
    residues = residue_kernels(sites.alphabet)[1]
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
def residue_kernels(alphabet: str) -> np.ndarray:
    """[3, K, K] any, broad and narrow kernels of residues; one that is no amino acid is similar to itself alone."""
    properties = side_chains()
    known = np.array([a in AMINO_ACIDS for a in alphabet])
    rows = np.array(
        [properties[AMINO_ACIDS.index(a)] if a in AMINO_ACIDS else np.zeros(properties.shape[1]) for a in alphabet]
    )
    squared = ((rows[:, None] - rows[None]) ** 2).sum(-1)
    broad = np.where(known[:, None] & known[None], np.exp(-squared / properties.shape[1]), np.eye(len(alphabet)))
    return np.stack([np.ones_like(broad), broad, broad**4])


#: variance of the constant, in normal scores
CONSTANT = 1.0


def fitted_variances(
    pool: Pool,
    measured: Mutations,
    scores: np.ndarray,
    table: np.ndarray,
    defaults: np.ndarray,
    width: float,
    column: np.ndarray | None = None,
) -> np.ndarray:
    """Log variances [14] of the greatest posterior density (L-BFGS on `negative_log_evidence`).

    Args:
        pool: of the variants.
        measured: n variants.
        scores: [n] normal scores.
        table: [L, K] the prior.
        defaults: [14] prior means of the log variances: of `TERMS`, the prior's weight, the noise.
        width: standard deviation of each around its prior mean.
        column: of the kernel, as it is.
    """
    from scipy.optimize import minimize

    prior = measured.sums(table.ravel())
    parts = np.stack([*term_matrices(pool, measured), np.outer(prior, prior)])
    residual = scores - prior
    fixed = None if column is None else measured.sums(column)

    def objective(logs: np.ndarray) -> tuple[float, np.ndarray]:
        loss, slope = variance_evidence(np.exp(logs), parts, residual, fixed)
        away = (logs - defaults) / width
        return loss + 0.5 * float(away @ away), slope * np.exp(logs) + away / width

    found = minimize(objective, defaults, jac=True, method="L-BFGS-B", options={"maxiter": 30})
    return settled(found.x)


def term_matrices(pool: Pool, measured: Mutations) -> list[np.ndarray]:
    """[n, n] of each of `TERMS` at variance 1."""
    sites = sites_with_parent(pool)
    cells, inverse = np.unique(measured.cell, return_inverse=True)
    onto = np.zeros((measured.count, len(cells)))
    np.add.at(onto, (measured.owner, inverse), 1.0)
    matrices = []
    for i in range(len(TERMS)):
        kernel = MutationKernel.of(sites, np.eye(len(TERMS))[i])
        matrices.append(onto @ kernel.between(cells[:, None], cells[None]) @ onto.T)
    return matrices


def variance_evidence(
    variances: np.ndarray, parts: np.ndarray, residual: np.ndarray, fixed: np.ndarray | None = None
) -> tuple[float, np.ndarray]:
    """Negative log marginal likelihood and its slope in the variances.

    Args:
        variances: [P + 1] of the parts, then the noise.
        parts: [P, n, n].
        residual: [n].
        fixed: [n] a column whose weight has variance 1; None for none.
    """
    covariance = np.tensordot(variances[:-1], parts, 1) + CONSTANT + variances[-1] * np.eye(len(residual))
    if fixed is not None:
        covariance += np.outer(fixed, fixed)
    loss, pull = negative_log_evidence(covariance, residual)
    return loss, np.append(np.tensordot(parts, pull, 2), np.trace(pull))
