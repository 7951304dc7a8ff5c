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
    if len(sites.labels) > LIBRARY_SITES:
        return True
    rows = np.unique(np.linspace(0, len(pool) - 1, min(LOOKED_AT, len(pool))).astype(np.int64))
    return float((pool.codes(rows) != sites.parent).sum(1).mean()) <= SCAN_MUTATIONS
