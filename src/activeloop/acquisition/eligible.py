"""Which rows of a pool may still be chosen."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from activeloop.candidates import Pool

#: a random draw from a huge pool gives up after so many rows: eligible ones are too rare then
PATIENCE = 2**22


@dataclass(frozen=True)
class Eligible:
    """A pool without some of its rows.

    Args:
        pool: the pool; rows which `pool.allowed` refuses are not eligible.
        excluded: sorted, each once (int64).
        only: the only rows that come into question, sorted, each once (int64); None for all of the pool.
    """

    pool: Pool
    excluded: np.ndarray
    only: np.ndarray | None = None

    @classmethod
    def of(cls, pool: Pool, excluded: Collection[int], only: np.ndarray | None = None) -> Eligible:
        """Any collection of rows; it may be empty and may repeat."""
        rows = excluded if isinstance(excluded, np.ndarray) else list(excluded)
        return cls(pool, np.unique(np.asarray(rows, np.int64)), None if only is None else np.unique(only))

    def __len__(self) -> int:
        """How many rows there are to look at."""
        return len(self.pool) if self.only is None else len(self.only)

    def among(self, rows: Collection[int]) -> np.ndarray:
        """Those of `rows` that are not excluded, each once, in the order given."""
        wanted = np.array(list(dict.fromkeys(int(r) for r in rows)), np.int64)
        return wanted[~np.isin(wanted, self.excluded)]

    def without(self, rows: np.ndarray) -> Eligible:
        """The same with more rows excluded."""
        return Eligible(self.pool, np.union1d(self.excluded, rows), self.only)

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Those of a stretch of the pool, in its order."""
        rows = np.arange(start, stop)
        low, high = np.searchsorted(self.excluded, [start, stop])
        keep = np.ones(len(rows), bool)
        keep[self.excluded[low:high] - start] = False
        return self._allowed(rows[keep] if high > low else rows)

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray | None:
        """[n] rows at random, each once and in the order of the pool, without a look at all the others.

        Rows are drawn and those that are not eligible are thrown away, so each set of n rows is equally likely.

        Returns:
            None when fewer than n eligible rows were met; there may be more.
        """
        found, piece = np.zeros(0, np.int64), max(4 * n, 2**12)
        for _ in range(0, PATIENCE, piece):
            drawn = rng.integers(len(self.pool), size=piece)
            drawn = np.concatenate([found, drawn[self._eligible(drawn)]])
            found = drawn[np.sort(np.unique(drawn, return_index=True)[1])]
            if len(found) >= n:
                return np.sort(found[:n])
        return None

    def _eligible(self, rows: np.ndarray) -> np.ndarray:
        """[n] whether each of some rows is."""
        return ~np.isin(rows, self.excluded) & np.asarray(self.pool.allowed(rows), bool)

    def chunks(self, size: int) -> Iterator[tuple[int, np.ndarray]]:
        """How many rows have been looked at, and the eligible ones of the last `size`."""
        if self.only is None:
            for rows in self.pool.chunks(size):
                seen = int(rows[-1]) + 1
                yield seen, self.rows(int(rows[0]), seen)
            return
        for start in range(0, len(self.only), size):
            rows = self.only[start : start + size]
            yield start + len(rows), self._allowed(rows[~np.isin(rows, self.excluded)])

    def _allowed(self, rows: np.ndarray) -> np.ndarray:
        allowed = getattr(self.pool, "allowed", None)
        return rows if allowed is None or not len(rows) else rows[np.asarray(allowed(rows), bool)]
