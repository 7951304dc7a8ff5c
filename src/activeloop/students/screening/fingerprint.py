"""By what a pool is recognised when a screen goes on."""

from __future__ import annotations

import hashlib

import numpy as np

from activeloop.acquisition.eligible import Eligible
from activeloop.candidates import Pool, StreamedPool

#: rows whose names take part, beside the first and the last
NAMED = 64
#: rows that are looked at together where eligible ones are rare
STRETCH = 100_000


def fingerprint(eligible: Eligible) -> str:
    """A hash of a pool's description, of some of its names, and of what is excluded."""
    pool = eligible.pool
    digest = hashlib.blake2b(digest_size=16)
    rules = "" if pool.rules is None else repr(pool.rules)
    content = [pool.digest] if isinstance(pool, StreamedPool) else _names(pool)
    for text in (pool.describe(), rules, *content):
        digest.update(text.encode() + b"\n")
    digest.update(np.ascontiguousarray(eligible.excluded, np.int64).tobytes())
    return digest.hexdigest()


def _names(pool: Pool) -> list[str]:
    some = np.random.default_rng(0).integers(len(pool), size=NAMED)
    return pool.names(np.unique(np.concatenate([[0, len(pool) - 1], some])))


def some_rows(eligible: Eligible, n: int, seed: int) -> np.ndarray:
    """At most n eligible rows, at random where they are not rare; increasing."""
    n = min(n, len(eligible))
    rows = eligible.sample(n, np.random.default_rng([seed, 5])) if 4 * n <= len(eligible) else None
    if rows is not None:
        return rows
    found = np.zeros(0, np.int64)
    for _, rows in eligible.chunks(STRETCH):
        found = np.concatenate([found, rows])
        if len(found) >= n:
            break
    return found[:n]
