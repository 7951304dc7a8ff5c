"""How far the pool goes that a student was made for, so that a page can say what is extrapolated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.candidates import CombinatorialPool, Pool

#: candidates that are looked at; of larger pools a random part
MOST = 200_000


@dataclass(frozen=True)
class Varied:
    """Where a pool varies.

    Args:
        mutations: of the candidate with most of them; 0 where the pool has no wild type.
        positions: in the wild type, that vary; () where it has none.

    >>> Varied.of(Pool.single_mutants("MKTA", positions=[2, 3]))
    Varied(mutations=1, positions=(2, 3))
    """

    mutations: int
    positions: tuple[int, ...]

    @classmethod
    def of(cls, pool: Pool) -> Varied:
        """That of a pool; of one too large to be looked at whole, that of a random part."""
        sites = pool.sites
        if sites is None or sites.parent is None:
            return cls(0, ())
        positions = tuple(sorted({int(p) for p in sites.positions}))
        if isinstance(pool, CombinatorialPool) and len(pool) > MOST:
            return cls(len(positions), positions)
        rows = np.arange(len(pool))
        if len(rows) > MOST:
            rows = np.random.default_rng(0).choice(rows, MOST, replace=False)
        return cls(int((pool.codes(rows) != sites.parent).sum(1).max(initial=0)), positions)

    def told(self) -> dict[str, object]:
        """As JSON writes it."""
        return {"mutations": self.mutations, "positions": list(self.positions)}
