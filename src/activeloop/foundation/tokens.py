"""Candidates as token ids: padding, special tokens, and the tokens of the columns that vary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Tokens:
    """N candidates as token ids, padded at the end.

    Args:
        ids: [N, T] int32.
        lengths: [N] tokens of each candidate, special ones included (int32).
        first: special tokens before the first residue.
        last: special tokens after the last residue.
        pad: id of the padding.
        columns: [N, S] which token stands at each varying column of the pool (int32; -1: a gap);
            S = 0 for pools without sites.
        changed: [N, S] which of these columns differ from the parent (False everywhere without a parent).
    """

    ids: np.ndarray
    lengths: np.ndarray
    first: int
    last: int
    pad: int
    columns: np.ndarray
    changed: np.ndarray

    @classmethod
    def around(
        cls,
        inner: np.ndarray,
        lengths: np.ndarray,
        special: tuple[tuple[int, ...], tuple[int, ...], int],
        columns: np.ndarray,
        changed: np.ndarray,
    ) -> Tokens:
        """Special tokens put around sequences.

        Args:
            inner: [N, W] ids of the residues, anything behind them.
            lengths: [N] residues of each candidate.
            special: ids before the first residue, after the last, and of padding.
            columns: [N, S] which residue stands at each varying column, from 0 (-1: a gap).
            changed: [N, S].

        >>> one = Tokens.around(np.array([[5, 6], [7, 0]]), np.array([2, 1]), ((0,), (2,), 1), *np.zeros((2, 2, 0)))
        >>> one.ids.tolist(), one.lengths.tolist()
        ([[0, 5, 6, 2], [0, 7, 2, 1]], [4, 3])
        """
        before, after, pad = special
        first, last = len(before), len(after)
        ids = np.full((len(inner), inner.shape[1] + first + last), pad, np.int32)
        ids[:, :first] = before
        body = ids[:, first : first + inner.shape[1]]
        body[:] = np.where(np.arange(inner.shape[1]) < lengths[:, None], inner, pad)
        for k, token in enumerate(after):
            ids[np.arange(len(ids)), first + lengths + k] = token
        columns = np.where(columns < 0, -1, columns + first).astype(np.int32)
        return cls(ids, (lengths + first + last).astype(np.int32), first, last, pad, columns, changed.astype(bool))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def real(self) -> np.ndarray:
        """Bool [N, T]: not padding."""
        return np.arange(self.ids.shape[1]) < self.lengths[:, None]

    @property
    def residues(self) -> np.ndarray:
        """Bool [N, T]: neither padding nor special."""
        position = np.arange(self.ids.shape[1])
        return (position >= self.first) & (position < self.lengths[:, None] - self.last)

    def take(self, index: np.ndarray) -> Tokens:
        """Some of the candidates, cut to the longest of them."""
        lengths = self.lengths[index]
        longest = int(lengths.max(initial=1))
        return replace(
            self,
            ids=self.ids[index, :longest],
            lengths=lengths,
            columns=self.columns[index],
            changed=self.changed[index],
        )

    def buckets(self, tokens: int) -> Iterator[np.ndarray]:
        """All candidates, in groups of one length with at most `tokens` tokens (at least one candidate each).

        So nothing is padded, and the features of a candidate do not depend on which others are computed with it:
        padding moves products to another rounding, in half precision by parts in a thousand of a feature.

        >>> one = Tokens(np.ones((3, 4), np.int32), np.array([2, 4, 2]), 1, 1, 0, np.zeros((3, 0)), np.zeros((3, 0)))
        >>> [group.tolist() for group in one.buckets(4)]
        [[0, 2], [1]]
        """
        for length in np.unique(self.lengths).tolist():
            group, most = np.flatnonzero(self.lengths == length), max(1, tokens // max(1, length))
            yield from (group[start : start + most] for start in range(0, len(group), most))
