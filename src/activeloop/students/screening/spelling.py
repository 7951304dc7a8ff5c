"""The tokens of combinatorial candidates at the speed of copying: each site writes its own columns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from activeloop.candidates import CombinatorialPool, Pool
from activeloop.students.reading import Reading

#: candidates whose spelling is compared with that of the reading, letter by letter
CHECKED = 64
#: numbers in the table of endings
LARGEST = 2**21
#: of so many neighbours one must be wanted
SPARSE = 50


@dataclass(frozen=True)
class Spelling:
    """Tokens of any row of a combinatorial pool.

    The last sites of a pool run through all their letters again and again while the first ones stand still. So the
    tokens of all endings are made once and copied, and only the few columns of the first sites are written anew.

    Args:
        endings: [E, W] int32 tokens of the first E rows, in which only the last sites vary.
        sizes: [F] letters at each of the first sites.
        columns: for each of them the columns it writes.
        tokens_at: for each of them [letters, columns] what it writes.
    """

    endings: np.ndarray
    sizes: tuple[int, ...]
    columns: tuple[np.ndarray, ...]
    tokens_at: tuple[np.ndarray, ...]

    def covers(self, rows: np.ndarray) -> bool:
        """Whether so few rows are left out between the first and the last that it pays to spell them all."""
        return int(rows[-1]) - int(rows[0]) < SPARSE * len(rows)

    def tokens(self, rows: np.ndarray) -> np.ndarray:
        """Int32 [N, W] of rows in increasing order."""
        start, stop, many = int(rows[0]), int(rows[-1]) + 1, len(self.endings)
        out = np.empty((stop - start, self.endings.shape[1]), np.int32)
        for beginning in range(start // many, (stop - 1) // many + 1):
            low, high = max(start, beginning * many), min(stop, (beginning + 1) * many)
            part = out[low - start : high - start]
            part[:] = self.endings[low - beginning * many : high - beginning * many]
            self._begin(part, beginning)
        return out if len(rows) == len(out) else out[rows - start]

    def _begin(self, part: np.ndarray, beginning: int) -> None:
        for site in range(len(self.sizes) - 1, -1, -1):
            beginning, digit = divmod(beginning, self.sizes[site])
            part[:, self.columns[site]] = self.tokens_at[site][digit]


def spelling_of(pool: Pool, reading: Reading) -> Spelling | None:
    """How a combinatorial pool is spelled; None when a site may write more than its own columns (gaps, other pools).

    It is found by asking the reading for candidates that differ from the first in one site, and checked on others.

    >>> pool = Pool.combinatorial("MKTA", ["K2", "A4"])
    >>> spelled = spelling_of(pool, Reading.of(pool))
    >>> bool((spelled.tokens(np.arange(400)) == Reading.of(pool).tokens(pool, np.arange(400))).all())
    True
    """
    if not isinstance(pool, CombinatorialPool):
        return None
    sizes = [len(x) for x in pool.letters]
    strides = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
    rows = np.concatenate([np.arange(k) * s for k, s in zip(sizes, strides, strict=True)])
    tokens = reading.tokens(pool, rows)
    if (tokens == 0).any():  # a gap, which moves what stands behind it
        return None
    starts = np.cumsum([0, *sizes])
    alone = [tokens[a:b] for a, b in pairwise(starts)]
    columns = [np.flatnonzero((x != x[0]).any(0)) for x in alone]
    written = [x[:, c] for x, c in zip(alone, columns, strict=True)]
    first = _endings(sizes, tokens.shape[1])
    endings = np.tile(tokens[0], (math.prod(sizes[first:]), 1))
    inner = np.arange(len(endings))
    for site in range(first, len(sizes)):
        endings[:, columns[site]] = written[site][inner // strides[site] % sizes[site]]
    spelled = Spelling(endings, tuple(sizes[:first]), tuple(columns[:first]), tuple(written[:first]))
    some = np.unique(np.random.default_rng(0).integers(len(pool), size=CHECKED))
    same = all((spelled.tokens(some[[i]]) == reading.tokens(pool, some[[i]])).all() for i in range(len(some)))
    return spelled if same else None


def _endings(sizes: list[int], width: int) -> int:
    """The first of the last sites: as many as fit into the table."""
    first = len(sizes)
    while first and math.prod(sizes[first - 1 :]) * width <= LARGEST:
        first -= 1
    return first
