"""Two kinds of protein pools: mutational scans and combinatorial libraries."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from activeloop.candidates.designs import Variant
from activeloop.candidates.pool import ExplicitPool, Pool

#: more varied sites than this are no combinatorial library
LIBRARY_SITES = 24
#: mean number of mutations up to which variants of a parent are a scan
SCAN_MUTATIONS = 2.0
#: candidates looked at to tell
LOOKED_AT = 2000


def is_scan(pool: Pool) -> bool:
    """Whether candidates are a parent with few mutations each, rather than members of a combinatorial library.

    Of a pool that grew, those that were there first decide.

    >>> is_scan(Pool.single_mutants("MKTAYIAKQR")), is_scan(Pool.combinatorial("MKTAYIAKQR", [1, 2, 3]))
    (True, False)
    """
    sites = pool.sites
    if sites is None or sites.parent is None:
        return False
    first = _mutated(pool, 0, len(pool) - pool.added)
    varied = int(first.any(0).sum()) if pool.added else len(sites.labels)
    return varied > LIBRARY_SITES or float(first.sum(1).mean()) <= SCAN_MUTATIONS


def mostly_multiple(pool: Pool) -> bool:
    """Whether more than half of the variants of a parent carry two mutations or more.

    Of a pool that grew, more than half of what was there first or of what was added.

    >>> mostly_multiple(Pool.single_mutants("MKTAYIAKQR")), mostly_multiple(Pool.combinatorial("MKTAYIAKQR", [1, 2]))
    (False, True)
    """
    sites, first = pool.sites, len(pool) - pool.added
    if sites is None or sites.parent is None:
        return False
    parts = [(0, first), (first, len(pool))] if pool.added else [(0, first)]
    return any(float((_mutated(pool, *part).sum(1) > 1).mean()) > 0.5 for part in parts)


def _mutated(pool: Pool, start: int, stop: int) -> np.ndarray:
    """[n, L] which columns some variants change, taken evenly from rows `start` to `stop` - 1."""
    rows = np.unique(np.linspace(start, stop - 1, min(LOOKED_AT, stop - start)).astype(np.int64))
    assert pool.sites is not None
    return pool.codes(rows) != pool.sites.parent


def position_of_single(pool: Pool, rows: np.ndarray) -> np.ndarray | None:
    """[n] column of the only mutation of each row, -1 where it has none or several; None without a parent.

    >>> position_of_single(Pool.single_mutants("MKT"), np.array([0, 19, 38])).tolist()
    [0, 1, 2]
    """
    sites = pool.sites
    if sites is None or sites.parent is None:
        return None
    mutated = pool.codes(rows) != sites.parent
    return np.where(mutated.sum(1) == 1, mutated.argmax(1), -1)


def row_of_parent(pool: Pool) -> int | None:
    """The row of the wild type; None where it is not in the pool.

    >>> row_of_parent(Pool.combinatorial("MKTA", ["K2"])), row_of_parent(Pool.single_mutants("MKTA"))
    (8, None)
    """
    first = pool.design(0)
    if not isinstance(first, Variant):
        return None
    (row,) = pool.rows_of([Variant(first.parent, ()).name]).tolist()
    return row if row >= 0 else None


def with_parent(pool: Pool) -> tuple[Pool, int | None]:
    """A pool of variants with the wild type, behind the others if it was not there; and its row.

    Of pools to which nothing can be added the row is that of the wild type in it, or None.

    >>> pool, row = with_parent(Pool.single_mutants("MKTA"))
    >>> row, pool.names([row])
    (76, ['WT'])
    """
    first, row = pool.design(0), row_of_parent(pool)
    if row is not None or not isinstance(pool, ExplicitPool) or not isinstance(first, Variant):
        return pool, row
    return extended(pool, [Variant(first.parent, ())]), len(pool)


def extended(pool: ExplicitPool, designs: Sequence[Variant]) -> ExplicitPool:
    """A pool, and variants behind it."""
    listed = [*map(pool.design, range(len(pool))), *designs]
    return ExplicitPool(listed, kind=pool.kind, origin=f"{pool.origin}, and mutants of it", notation=pool.notation)
