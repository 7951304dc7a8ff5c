"""Variants as lists of mutations, the kernel over them, and its variances by marginal likelihood."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

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
        if table.ndim == 1 and table.dtype == np.float64:  # the same sums in the same order, without loading SciPy
            return np.bincount(self.owner, table[self.cell], self.count)
        if not table.size:  # nothing was measured
            return np.zeros((self.count, *table.shape[1:]), table.dtype)
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
            [4, L, L] where each mutation has an effect of its own. Of more than `LONG` columns they are computed where
            they are needed.
        residues: [3, K, K] those residue kernels; [4, K, K] with that of each residue alone.
        column: [L * K] scores of the mutations times the standard deviation of their weight, whose mean is 0; None
            for none.
    """

    positions: np.ndarray | tuple[LongPositions, ...]
    residues: np.ndarray
    column: np.ndarray | None = None

    @classmethod
    def of(
        cls, sites: Sites, variances: np.ndarray, column: np.ndarray | None = None, specific: float = 0.0
    ) -> MutationKernel:
        """The kernel for given variances [12] of `TERMS`, a column, and the variance of what is like nothing else."""
        if len(sites.labels) > LONG:
            long, residues = LongPositions.of(sites, variances), residue_kernels(sites.alphabet)
            if specific:
                long = (*long, replace(long[0], weights={"same": specific}))
                residues = np.concatenate([residues, np.eye(residues.shape[1])[None]])
            return cls(long, residues, column)
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
            here = position[a // k, b // k] if isinstance(position, np.ndarray) else position.at(a // k, b // k)
            total += here * residue[a % k, b % k]
        return total if self.column is None else total + self.column[a] * self.column[b]

    def times(self, weights: np.ndarray) -> np.ndarray:
        """The covariance times weights [L * K, S], without forming it."""
        grid = weights.reshape(len(self.positions[0]), self.residues.shape[1], weights.shape[1])
        total = np.zeros_like(grid)
        for position, residue in zip(self.positions, self.residues, strict=True):
            if not isinstance(position, np.ndarray):
                position.add_times(grid, residue, total)
            elif position.any():
                total += np.tensordot(position, np.einsum("lks,mk->lms", grid, residue, optimize=True), 1)
        total = total.reshape(weights.shape)
        return total if self.column is None else total + np.outer(self.column, self.column @ weights)

    def draw(self, rng: np.random.Generator, draws: int) -> np.ndarray:
        """[L, K, S] functions sampled from the prior."""
        shape = (len(self.positions[0]), self.residues.shape[1], draws)
        total = np.zeros(shape)
        for position, residue in zip(self.positions, self.residues, strict=True):
            if not isinstance(position, np.ndarray):
                total += position.draw(rng, residue, draws)
            elif position.any():
                left, right = root(position), root(residue)
                normal = rng.standard_normal((left.shape[1], right.shape[1], draws))
                total += np.tensordot(left, np.einsum("lks,mk->lms", normal, right, optimize=True), 1)
        if self.column is not None:
            total += np.outer(self.column, rng.standard_normal(draws)).reshape(shape)
        return total


#: columns above which no matrix [L, L] is formed: 5,000 would take 2 GB and minutes
LONG = 1500
#: cells of a block of such a matrix
BLOCK = 2**22


@dataclass(frozen=True)
class LongPositions:
    """One weighted sum of position kernels over a long protein, by distance and residue, without a matrix [L, L].

    Args:
        positions: [L] of the columns, ascending.
        parent: [L] code of the parent's residue.
        similar: [K, K] the kernel `parent` of two residues.
        weights: variance of each of `position_kernels`.
    """

    positions: np.ndarray
    parent: np.ndarray
    similar: np.ndarray
    weights: dict[str, float]

    @classmethod
    def of(cls, sites: Sites, variances: np.ndarray) -> tuple[LongPositions, ...]:
        """One for each of `RESIDUE_KERNELS`, for given variances [12] of `TERMS`."""
        residues = residue_kernels(sites.alphabet)[1]
        parent = np.zeros(len(sites.labels), np.uint8) if sites.parent is None else sites.parent
        similar = np.ones_like(residues) if sites.parent is None else 0.5 * np.eye(len(residues)) + 0.5 * residues
        weights: list[dict[str, float]] = [{} for _ in RESIDUE_KERNELS]
        for (place, residue), variance in zip(TERMS.values(), variances, strict=True):
            if variance:
                weights[RESIDUE_KERNELS.index(residue)][place] = float(variance)
        return tuple(cls(sites.positions.astype(np.int64), parent, similar, each) for each in weights)

    def __len__(self) -> int:
        return len(self.positions)

    @cached_property
    def _by_distance(self) -> tuple[np.ndarray, np.ndarray]:
        """The part that goes by distance alone, and the one that is multiplied by the residues' kernel."""
        kernels = distance_kernels(np.arange(int(self.positions[-1] - self.positions[0]) + 1.0))
        weight = self.weights.get
        plain = sum((weight(name, 0.0) * kernel for name, kernel in kernels.items()), np.zeros_like(kernels["far"]))
        return plain + weight("all", 0.0), weight("parent", 0.0) + weight("parent far", 0.0) * kernels["far"]

    def at(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """Covariance of columns i and j, broadcast against each other."""
        plain, times_parent = self._by_distance
        distance = np.abs(self.positions[i] - self.positions[j])
        found = plain[distance] + self.weights.get("same", 0.0) * (i == j)
        if times_parent.any():
            found += times_parent[distance] * self.similar[self.parent[i], self.parent[j]]
        return found

    def add_times(self, grid: np.ndarray, residue: np.ndarray, total: np.ndarray) -> None:
        """Add the covariance, times that of residues [K, K], times grid [L, K, S], to total [L, K, S]."""
        filled = np.flatnonzero(grid.any((1, 2)))
        if not self.weights or not len(filled):
            return
        right = np.einsum("lks,mk->lms", grid[filled], residue, optimize=True)
        step = max(1, BLOCK // len(filled))
        for first in range(0, len(self), step):
            rows = np.arange(first, min(first + step, len(self)))
            total[rows] += np.tensordot(self.at(rows[:, None], filled[None]), right, 1)

    def draw(self, rng: np.random.Generator, residue: np.ndarray, draws: int) -> np.ndarray:
        """[L, K, S] functions of this covariance times that of residues [K, K].

        Exponentials of the distance are walks along the chain (Ornstein-Uhlenbeck), and a cosine turns a pair of them.
        """
        right = np.ones((1, len(residue))) if (residue == 1).all() else root(residue)
        shape = (len(self), len(right), draws)
        total, weight = np.zeros(shape), self.weights
        if "same" in weight:
            total += np.sqrt(weight["same"]) * rng.standard_normal(shape)
        for name, reach in (("near", NEAR), ("far", FAR)):
            if name in weight:
                total += np.sqrt(weight[name]) * self._walk(rng, shape, reach)
        if "helix" in weight:
            angle = (TURN * self.positions)[:, None, None]
            walks = [self._walk(rng, shape, HELIX) for _ in range(3)]
            turned = walks[0] + np.cos(angle) * walks[1] + np.sin(angle) * walks[2]
            total += np.sqrt(0.5 * weight["helix"]) * turned
        if "all" in weight:
            total += np.sqrt(weight["all"]) * rng.standard_normal(shape[1:])
        parent = root(self.similar)[self.parent]
        if "parent" in weight:
            normal = rng.standard_normal((parent.shape[1], *shape[1:]))
            total += np.sqrt(weight["parent"]) * np.tensordot(parent, normal, 1)
        if "parent far" in weight:
            for own in parent.T:
                total += np.sqrt(weight["parent far"]) * own[:, None, None] * self._walk(rng, shape, FAR)
        return np.einsum("lrs,rk->lks", total, right, optimize=True)

    def _walk(self, rng: np.random.Generator, shape: tuple[int, ...], reach: float) -> np.ndarray:
        """Functions [L, ...] of variance 1 whose covariance is exp(-distance / reach)."""
        walk = rng.standard_normal(shape)
        kept = np.exp(-np.diff(self.positions) / reach)
        for i, share in enumerate(kept.tolist(), 1):
            walk[i] = share * walk[i - 1] + np.sqrt(1 - share**2) * walk[i]
        return walk


#: reach of the kernels along the chain, in residues, and radians from one residue of a helix to the next
NEAR, HELIX, FAR, TURN = 3.0, 8.0, 25.0, 2 * np.pi / 3.6


def distance_kernels(distance: np.ndarray) -> dict[str, np.ndarray]:
    """The kernels that go by the distance along the chain alone, in residues."""
    return {
        "near": np.exp(-distance / NEAR),
        "far": np.exp(-distance / FAR),
        "helix": np.exp(-distance / HELIX) * 0.5 * (1 + np.cos(2 * np.pi * distance / 3.6)),  # 3.6 residues to a turn
    }


def position_kernels(sites: Sites) -> dict[str, np.ndarray]:
    """The position kernels by name, each [L, L] with ones on the diagonal."""
    distance = np.abs(sites.positions[:, None] - sites.positions[None]).astype(float)
    residues = residue_kernels(sites.alphabet)[1]
    parent = np.ones_like(distance)
    if sites.parent is not None:
        parent = (0.5 * np.eye(len(residues)) + 0.5 * residues)[np.ix_(sites.parent, sites.parent)]
    along = distance_kernels(distance)
    return {
        "same": np.eye(len(distance)),
        **along,
        "all": np.ones_like(distance),
        "parent": parent,
        "parent far": parent * along["far"],
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
