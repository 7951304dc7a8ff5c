"""Candidates as a student reads them: letters as whole numbers, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from activeloop.candidates import Pool

#: behind the end of a shorter candidate
PADDING = 0
#: a letter that the student was never taught
UNKNOWN = 1
#: token of the first letter of the alphabet
FIRST = 2


@dataclass(frozen=True)
class Reading:
    """How a student reads candidates; all of it stands in the student's card, so every runtime reads alike.

    A candidate is read as its own sequence of letters (a protein's or guide's residues without gaps, the characters of
    a compound's SMILES), or, with `positions`, as the letters at these positions alone.

    Args:
        kind: of the pool: `variants`, `compounds` or `guides`.
        letters: the alphabet; letter i is token `FIRST` + i.
        parent: the wild type's sequence, "" when there is none; mutations are written against it.
        positions: in the sequence, from 1, that are read; () for the whole sequence.
        width: letters of the longest candidate it was taught.
    """

    kind: str
    letters: str
    parent: str
    positions: tuple[int, ...]
    width: int

    @classmethod
    def of(cls, pool: Pool, *, sites: bool = False) -> Reading:
        """How the candidates of a pool are read.

        Args:
            pool: of what the student will be taught.
            sites: read the varying columns alone.

        Raises:
            PoolError: `sites` was asked of a pool without varying columns, or whose candidates differ in length.
        """
        raise NotImplementedError

    def tokens(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """Int32 [N, W] of rows of a pool; W is the longest of them (with `positions`: their number)."""
        raise NotImplementedError

    def texts(self, sequences: Sequence[str]) -> np.ndarray:
        """Int32 [N, W] of whole sequences."""
        raise NotImplementedError
