"""A pool in which every candidate has been measured, in place of a laboratory."""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass, field

import numpy as np

from activeloop.candidates import AMINO_ACIDS, Pool
from activeloop.errors import PoolError
from activeloop.measurements import Assay, Dataset


@dataclass(frozen=True)
class Repeats:
    """Every value of a table, and in which group each was measured, such as the donor of its cells.

    Args:
        by: the column of the groups.
        rows: [R] of the candidates in the pool.
        values: [R] in the assay's unit.
        groups: [R] entries of that column; "" where it is empty.
    """

    by: str
    rows: np.ndarray
    values: np.ndarray
    groups: np.ndarray


@dataclass(frozen=True)
class Landscape:
    """A pool and the value of every candidate in it.

    Args:
        name: as reports call it.
        pool: N candidates.
        values: [N] in the assay's unit, none missing.
        assay: what was measured, and whether more or less of it is better.
        classes: [N] 1 = fit, 0 = unfit, as the source gives them; None when it does not.
        origin: where the values are from, in one sentence.
        history: measurements from before, of other candidates or in other screens; None without any.
        repeats: of which `values` are the means, where a column of groups was asked for.
    """

    name: str
    pool: Pool
    values: np.ndarray
    assay: Assay
    classes: np.ndarray | None = field(default=None)
    origin: str = ""
    history: Dataset | None = field(default=None, repr=False)
    repeats: Repeats | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def kind(self) -> str:
        """`variants`, `compounds`, `guides` or `treatments`."""
        return self.pool.kind

    @property
    def oriented(self) -> np.ndarray:
        """[N] values, turned so that larger is better."""
        return self.values * self.assay.sign

    @property
    def fit(self) -> np.ndarray:
        """[N] whether each candidate counts as fit (bool).

        The source's own classes when there are any, else the better half.
        """
        if self.classes is not None:
            return self.classes.astype(bool)
        oriented = self.oriented
        median = np.median(oriented)
        above = oriented > median
        return above if above.any() else oriented >= median

    @property
    def hits(self) -> np.ndarray:
        """[N] whether each candidate is a hit (bool).

        What the source calls fit; where it does not, the better of two values, else values more than two standard
        deviations better than the mean, or where there are none the best 2 %.
        """
        if self.classes is not None:
            return self.classes.astype(bool)
        oriented = self.oriented
        levels = np.unique(oriented)
        if len(levels) == 2:
            return oriented >= levels[-1]
        far = oriented > oriented.mean() + 2 * oriented.std()
        return far if far.any() else oriented >= np.sort(oriented)[-max(1, len(oriented) // 50)]

    @property
    def is_two(self) -> bool:
        """Whether it has two values alone, so that hits are looked for and none is better than another."""
        return len(np.unique(self.values)) == 2

    @property
    def fingerprint(self) -> str:
        """Depends on the candidates and their values alone; two replays with the same one may be compared."""
        digest = hashlib.sha256(self.values.astype("<f8").tobytes())
        for rows in self.pool.chunks():
            digest.update("\n".join(self.pool.names(rows)).encode())
        return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Rule:
    """How a landscape is planted.

    Args:
        sites: how many vary.
        residues: allowed at each.
        epistasis: size of the effects of pairs of sites, against single effects of size 1.
        seed: of all effects.
    """

    sites: int
    residues: str
    epistasis: float
    seed: int


PLANTED = {
    "planted": Rule(3, AMINO_ACIDS, 0.5, 0),
    "planted-additive": Rule(3, AMINO_ACIDS, 0.0, 0),
    "planted-small": Rule(2, AMINO_ACIDS[:12], 0.3, 0),
}


def planted_landscape(name: str) -> Landscape:
    """A planted landscape by its name in `PLANTED`.

    >>> landscape = planted_landscape("planted-small")
    >>> len(landscape), bool(landscape.values.max() == 1.0)
    (144, True)
    """
    sites, residues, epistasis, seed = astuple(PLANTED[name])
    return plant(Pool.combinatorial(None, range(sites), residues), epistasis, seed, name)


def plant(pool: Pool, epistasis: float, seed: int, name: str = "planted", assay: Assay | None = None) -> Landscape:
    """A landscape on any pool of sequences; its best candidate has the value 1.

    Args:
        pool: variants or guides, small enough to be listed.
        epistasis: size of the effects of pairs of sites, against single effects of size 1.
        seed: of all effects.
        name: of the landscape.
        assay: of the values.

    Raises:
        PoolError: the pool holds no sequences.
    """
    if pool.sites is None:
        raise PoolError("a landscape is planted on sequences; this pool holds compounds.")
    values = planted_values(pool.codes(np.arange(len(pool))), len(pool.sites.alphabet), epistasis, seed)
    words = f"Planted: additive effects of {len(pool.sites.labels)} sites"
    words += f" and of their pairs ({epistasis:g} as large)." if epistasis else "."
    return Landscape(name, pool, values, assay or Assay("planted value"), None, words)


def planted_values(codes: np.ndarray, letters: int, epistasis: float, seed: int) -> np.ndarray:
    """Values of sequences: a sum of normal effects of letters and of pairs of letters, made positive by `exp`.

    Args:
        codes: [N, L] letters as codes.
        letters: size of the alphabet.
        epistasis: size of pair effects against single ones.
        seed: of the effects.

    Returns:
        [N] in (0, 1]; the best candidate has 1.
    """
    rng = np.random.default_rng(seed)
    sites = codes.shape[1]
    single = rng.standard_normal((sites, letters))
    total = single[np.arange(sites), codes].sum(1)
    for i in range(sites):
        for j in range(i):
            pairs = rng.standard_normal((letters, letters))
            total += epistasis * pairs[codes[:, i], codes[:, j]]
    return np.exp(total - total.max())
