"""Tokens of combinatorial pools by copying, which is faster than to encode one candidate after another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from activeloop.candidates import CombinatorialPool, Pool
from activeloop.students.runtime.tokenizer import PADDING, StudentTokenizer

#: candidates on which copied tokens are compared with the tokenizer's
COMPARED = 64
#: tokens in the table of endings
LARGEST = 2**21
#: rows are copied where at least one in this many neighbours is wanted
SPARSE = 50


@dataclass(frozen=True)
class TokenWriter:
    """Tokens of any row of a combinatorial pool.

    The last sites of a pool run through all their residues again and again while the first ones stand still. So the
    tokens of all endings are made once and copied, and only the few columns of the first sites are written anew.

    Args:
        endings: [E, W] int32 tokens of the first E rows, in which only the last sites vary.
        sizes: [F] residues at each of the first sites.
        columns: for each of them the columns it writes.
        tokens_at: for each of them [residues, columns] what it writes.
    """

    endings: np.ndarray
    sizes: tuple[int, ...]
    columns: tuple[np.ndarray, ...]
    tokens_at: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, pool: Pool, tokenizer: StudentTokenizer) -> TokenWriter | None:
        """That of a combinatorial pool; None where a site may write more than its own columns (gaps, other pools).

        It is derived from candidates that differ from the first in one site, and checked on others.

        >>> pool = Pool.combinatorial("MKTA", ["K2", "A4"])
        >>> writer = TokenWriter.of(pool, StudentTokenizer.of(pool))
        >>> bool((writer.tokens(np.arange(400)) == StudentTokenizer.of(pool).tokens(pool, np.arange(400))).all())
        True
        """
        if not isinstance(pool, CombinatorialPool):
            return None
        sizes = [len(x) for x in pool.letters]
        strides = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
        rows = np.concatenate([np.arange(k) * s for k, s in zip(sizes, strides, strict=True)])
        tokens = tokenizer.tokens(pool, rows)
        if (tokens == PADDING).any():  # a gap, which moves what is behind it
            return None
        of_site = [tokens[a:b] for a, b in pairwise(np.cumsum([0, *sizes]))]
        columns = [np.flatnonzero((x != x[0]).any(0)) for x in of_site]
        written = [x[:, c] for x, c in zip(of_site, columns, strict=True)]
        first = len(sizes)  # of the last sites: as many as fit into the table
        while first and math.prod(sizes[first - 1 :]) * tokens.shape[1] <= LARGEST:
            first -= 1
        endings = np.tile(tokens[0], (math.prod(sizes[first:]), 1))
        inner = np.arange(len(endings))
        for site in range(first, len(sizes)):
            endings[:, columns[site]] = written[site][inner // strides[site] % sizes[site]]
        writer = cls(endings, tuple(sizes[:first]), tuple(columns[:first]), tuple(written[:first]))
        some = np.unique(np.random.default_rng(0).integers(len(pool), size=COMPARED))
        same = all((writer.tokens(some[[i]]) == tokenizer.tokens(pool, some[[i]])).all() for i in range(len(some)))
        return writer if same else None

    def covers(self, rows: np.ndarray) -> bool:
        """Whether so few rows are left out between the first and the last that it pays to write them all."""
        return int(rows[-1]) - int(rows[0]) < SPARSE * len(rows)

    def tokens(self, rows: np.ndarray) -> np.ndarray:
        """Int32 [N, W] of rows in increasing order."""
        start, stop, many = int(rows[0]), int(rows[-1]) + 1, len(self.endings)
        out = np.empty((stop - start, self.endings.shape[1]), np.int32)
        for beginning in range(start // many, (stop - 1) // many + 1):
            low, high = max(start, beginning * many), min(stop, (beginning + 1) * many)
            part = out[low - start : high - start]
            part[:] = self.endings[low - beginning * many : high - beginning * many]
            self._write_first_sites(part, beginning)
        return out if len(rows) == len(out) else out[rows - start]

    def _write_first_sites(self, part: np.ndarray, beginning: int) -> None:
        for site in range(len(self.sizes) - 1, -1, -1):
            beginning, digit = divmod(beginning, self.sizes[site])
            part[:, self.columns[site]] = self.tokens_at[site][digit]
