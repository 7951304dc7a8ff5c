"""Two kinds of protein pools: mutational scans and combinatorial libraries."""

from __future__ import annotations

import numpy as np

from activeloop.candidates.pool import Pool

#: more varied sites than this are no combinatorial library
LIBRARY_SITES = 24
#: mean number of mutations up to which variants of a parent are a scan
SCAN_MUTATIONS = 2.0
#: candidates looked at to tell
LOOKED_AT = 2000


def is_scan(pool: Pool) -> bool:
    """Whether candidates are a parent with few mutations each, rather than members of a combinatorial library.

    >>> is_scan(Pool.single_mutants("MKTAYIAKQR")), is_scan(Pool.combinatorial("MKTAYIAKQR", [1, 2, 3]))
    (True, False)
    """
    sites = pool.sites
    if sites is None or sites.parent is None:
        return False
    return len(sites.labels) > LIBRARY_SITES or float(_mutations(pool).mean()) <= SCAN_MUTATIONS


def mostly_multiple(pool: Pool) -> bool:
    """Whether more than half of the variants of a parent carry two mutations or more.

    >>> mostly_multiple(Pool.single_mutants("MKTAYIAKQR")), mostly_multiple(Pool.combinatorial("MKTAYIAKQR", [1, 2]))
    (False, True)
    """
    sites = pool.sites
    return sites is not None and sites.parent is not None and float((_mutations(pool) > 1).mean()) > 0.5


def _mutations(pool: Pool) -> np.ndarray:
    """How many mutations some variants carry, taken evenly from the whole pool."""
    rows = np.unique(np.linspace(0, len(pool) - 1, min(LOOKED_AT, len(pool))).astype(np.int64))
    assert pool.sites is not None
    return (pool.codes(rows) != pool.sites.parent).sum(1)
