"""How hidden states become features: the kinds of pooling, and which one a pool is given."""

from __future__ import annotations

from typing import Literal

from activeloop.candidates import Pool
from activeloop.errors import PoolError

#: how hidden states become one vector a candidate, see `activeloop.foundation.pooling.Pooler`
Pooling = Literal["auto", "mean", "mutated", "difference", "sites", "attention"]
#: raised when the same weights and tokens give other features
READING_VERSION = 2
#: most columns whose hidden states `sites` puts side by side
MAX_SITES = 8


def pooling_for(pool: Pool, pooling: Pooling) -> Pooling:
    """What `auto` stands for: `sites` for a few columns, `mutated` where there is a parent, else `mean`.

    Raises:
        PoolError: the pooling needs a parent, or few columns, and the pool has none.
    """
    sites = pool.sites
    few = sites is not None and 0 < len(sites.labels) <= MAX_SITES
    has_parent = sites is not None and sites.parent is not None and bool(sites.parent_sequence)
    if pooling == "auto":
        return "sites" if few else "mutated" if has_parent else "mean"
    if pooling == "sites" and not few:
        raise PoolError(
            f'pooling "sites" needs 1 to {MAX_SITES} varying columns. Choose "mutated"; nothing was encoded.'
        )
    if pooling in ("mutated", "difference") and not has_parent:
        raise PoolError(f'pooling "{pooling}" needs a wild type. Give one, or choose "mean"; nothing was encoded.')
    return pooling
