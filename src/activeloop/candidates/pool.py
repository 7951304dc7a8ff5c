"""What may be tested: a pool is a numbered list of candidates, explicit or generated on the fly.

A pool never needs all its candidates in memory at once. Rows are counted from 0; every part of the loop that works on
many candidates works on arrays of rows, and asks for `Candidate` objects only for those that a person will see.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from collections.abc import Sequence as Rows
from dataclasses import dataclass

import numpy as np

from activeloop.candidates.designs import Candidate, Design

KINDS = ("variants", "compounds", "guides")


@dataclass(frozen=True)
class Sites:
    """The columns of a pool's aligned sequences that vary.

    Args:
        alphabet: letters by code; code i stands for `alphabet[i]`.
        labels: one name a column, such as `V39` (parent residue and position) or `3` (no parent).
        positions: [L] position of each column in the parent, from 1 (int32).
        parent: [L] code of the parent's letter in each column (uint8), or None when there is no parent.
        parent_sequence: the whole parent, or "".
    """

    alphabet: str
    labels: tuple[str, ...]
    positions: np.ndarray
    parent: np.ndarray | None
    parent_sequence: str


class Pool(ABC):
    """What may be tested. Two final classes: `ExplicitPool` (listed) and `CombinatorialPool` (generated on the fly)."""

    kind: str
    origin: str

    @abstractmethod
    def __len__(self) -> int:
        """How many candidates."""

    @abstractmethod
    def design(self, row: int) -> Design:
        """The design in one row."""

    @abstractmethod
    def row_of(self, name: str) -> int | None:
        """The row of a candidate by any of its notations, or None when it is not in the pool."""

    @property
    @abstractmethod
    def sites(self) -> Sites | None:
        """The varying columns of sequence-like pools (variants, guides); None for compounds."""

    @abstractmethod
    def codes(self, rows: np.ndarray | Rows[int] | None = None) -> np.ndarray:
        """Letters of the varying columns as codes into `sites.alphabet`: uint8 [n, L]; all rows when `rows` is None."""

    def __getitem__(self, row: int) -> Candidate:
        """The candidate in one row."""
        return Candidate.of(self.design(int(row)))

    def names(self, rows: np.ndarray | Rows[int]) -> list[str]:
        """Standard notation of the given rows."""
        return [self.design(int(r)).name for r in rows]

    def chunks(self, size: int = 100_000) -> Iterator[np.ndarray]:
        """All rows in order, `size` at a time."""
        for start in range(0, len(self), size):
            yield np.arange(start, min(start + size, len(self)))
