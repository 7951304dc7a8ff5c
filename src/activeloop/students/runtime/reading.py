"""Candidates as a student reads them: letters as whole numbers, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from activeloop.candidates import AMINO_ACIDS, GAP, Pool, Sites
from activeloop.errors import NotationError, PoolError

#: behind the end of a shorter candidate
PADDING = 0
#: a letter that the student was never taught
UNKNOWN = 1
#: token of the first letter of the alphabet
FIRST = 2
#: a region is read alone when it is less than this share of the parent
MOST = 0.75
#: letters of guides; N is a letter that is not known
DNA = "ACGT"


@dataclass(frozen=True)
class StudentTokenizer:
    """How a student reads candidates; all of it stands in the student's card, so every runtime reads alike.

    A candidate is read as its own sequence of letters (a protein's or guide's residues without gaps, the characters of
    a compound's SMILES), or, with `positions`, as the letters at these positions alone.

    Args:
        kind: of the pool: `variants`, `compounds` or `guides`.
        letters: the alphabet; letter i is token `FIRST` + i.
        parent: the wild type's sequence, "" when there is none; mutations are written against it.
        positions: in the sequence, from 1, that are read; () for the whole sequence.
        width: letters that are read of the longest candidate it was taught.

    >>> pool = Pool.combinatorial("MKTA", ["K2", "A4"])
    >>> reading = StudentTokenizer.of(pool, sites=True)
    >>> reading.tokens(pool, np.array([0, 21])).tolist(), reading.texts(["MATA", "MCTC"]).tolist()
    ([[2, 2], [3, 3]], [[2, 2], [3, 3]])
    >>> StudentTokenizer.of(pool, whole=True).texts(["MK", "MCTC"]).tolist()
    [[12, 10, 0, 0], [12, 3, 18, 3]]
    """

    kind: str
    letters: str
    parent: str
    positions: tuple[int, ...]
    width: int

    @classmethod
    def of(cls, pool: Pool, *, sites: bool = False, whole: bool = False) -> StudentTokenizer:
        """How the candidates of a pool are read.

        Of a long parent that varies in one region, a student reads that region: the rest tells it nothing.

        Args:
            pool: of what the student will be taught.
            sites: read the varying columns alone.
            whole: read whole sequences also where only a region varies.

        Raises:
            PoolError: `sites` was asked of a pool without varying columns, or whose candidates differ in length.
        """
        columns = pool.sites
        if sites:
            checked = _fixed(pool, columns)
            positions = tuple(checked.positions.tolist())
            return cls(pool.kind, _letters(pool), checked.parent_sequence, positions, len(positions))
        if columns is None:
            return cls(pool.kind, _letters(pool), "", (), max(map(len, pool.names(np.arange(len(pool))))))
        region = () if whole else _region(pool, columns)
        return cls(pool.kind, _letters(pool), columns.parent_sequence, region, len(region) or _longest(pool, columns))

    @property
    def size(self) -> int:
        """How many different tokens there are, padding and unknown included."""
        return FIRST + len(self.letters)

    def tokens(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """Tokens of rows of a pool.

        Args:
            pool: of the kind that the student reads.
            rows: [N] rows of it.

        Returns:
            Int32 [N, W]; W is the length of the longest of them (with `positions`: their number).

        Raises:
            PoolError: the pool is of another kind.
            NotationError: the student reads certain positions, and a candidate differs elsewhere or in its length.
        """
        if pool.kind != self.kind:
            raise PoolError(
                f"this student was taught {self.kind}, and the pool holds {pool.kind}. Use another student."
            )
        columns = pool.sites
        if columns is None:
            return self.texts(pool.names(rows))
        if self.positions and self._same_columns(columns):
            tokens = self._of_codes(columns.alphabet)[pool.codes(rows)]
            if not (tokens == PADDING).any():
                return tokens
        # imported here: the encoders' package takes longer to load than a student on a small machine to answer
        from activeloop.foundation.aligned import aligned_rows

        aligned = aligned_rows(pool, np.asarray(rows, np.int64))
        assert aligned is not None
        letters, lengths = aligned.packed(aligned.letters)
        if self.positions:
            return self._at_positions(letters, lengths)
        return np.ascontiguousarray(self._of_letters[letters])

    def texts(self, sequences: Sequence[str]) -> np.ndarray:
        """Tokens of whole sequences.

        Args:
            sequences: N of them, without gaps (SMILES for compounds).

        Returns:
            Int32 [N, W]; W is the length of the longest of them (with `positions`: their number).

        Raises:
            NotationError: the student reads certain positions, and a sequence differs elsewhere or in its length.
        """
        lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
        letters = np.zeros((len(sequences), max(1, int(lengths.max(initial=0)))), np.uint8)
        letters[np.arange(letters.shape[1]) < lengths[:, None]] = _codes("".join(sequences))
        if self.positions:
            return self._at_positions(letters, lengths)
        return self._of_letters[letters]

    def _at_positions(self, letters: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        places = np.array(self.positions) - 1
        needed = len(self.parent) or int(places[-1]) + 1
        unlike = lengths != needed if self.parent else lengths < needed
        if unlike.any():
            problem = f"candidate {np.argmax(unlike) + 1} has {lengths[unlike][0]} letters; this student reads"
            raise NotationError(f"{problem} sequences of {needed}. Use a student that reads whole sequences.")
        if self.parent and len(letters):
            elsewhere = letters != _codes(self.parent)
            elsewhere[:, places] = False
            if elsewhere.any():
                row, place = np.argwhere(elsewhere)[0]
                problem = f"candidate {row + 1} differs from the wild type at position {place + 1}"
                raise NotationError(
                    f"{problem}; this student reads {self._told} alone. Use one that reads whole sequences."
                )
        if not len(letters):
            return np.zeros((0, len(places)), np.int32)
        return self._of_letters[letters[:, places]]

    @property
    def _told(self) -> str:
        """The positions that are read, in words."""
        first, last = self.positions[0], self.positions[-1]
        if len(self.positions) > 2 and last - first == len(self.positions) - 1:
            return f"positions {first} to {last}"
        return ", ".join(map(str, self.positions))

    def _same_columns(self, columns: Sites) -> bool:
        here = tuple(columns.positions.tolist())
        return here == self.positions and columns.parent_sequence == self.parent

    def _of_codes(self, alphabet: str) -> np.ndarray:
        """Int32 tokens of a pool's own codes; gaps are padding."""
        return np.where(_codes(alphabet) == ord(GAP), PADDING, self._of_letters[_codes(alphabet)]).astype(np.int32)

    @cached_property
    def _of_letters(self) -> np.ndarray:
        """Int32 [256] token of each letter."""
        table = np.full(256, UNKNOWN, np.int32)
        if self.kind != "compounds":
            table[ord(GAP)] = PADDING
        table[0] = PADDING
        table[_codes(self.letters)] = np.arange(FIRST, self.size)
        return table


def _codes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("latin-1", "replace"), np.uint8)


def _letters(pool: Pool) -> str:
    """What its candidates can be made of: all amino acids, all bases, or the characters that occur."""
    if pool.kind == "guides":
        return DNA
    if pool.sites is None:
        return "".join(sorted(set("".join(pool.names(np.arange(len(pool)))))))
    found = pool.sites.alphabet.replace(GAP, "")
    return AMINO_ACIDS if set(AMINO_ACIDS) <= set(found) else found


def _fixed(pool: Pool, columns: Sites | None) -> Sites:
    """The varying columns, if they can be read alone."""
    fix = "Choose a network that reads whole sequences."
    if columns is None or not len(columns.positions):
        raise PoolError(f"the pool has no varying positions that a student could read alone. {fix}")
    if not of_one_length(pool):
        raise PoolError(f"the candidates differ in length, so their letters stand at no fixed positions. {fix}")
    return columns


def _region(pool: Pool, columns: Sites) -> tuple[int, ...]:
    """Positions from the first varying column to the last; () where that is most of the parent, or lengths differ."""
    if not columns.parent_sequence or not len(columns.positions):
        return ()
    first, last = int(columns.positions.min()), int(columns.positions.max())
    short = last - first < MOST * len(columns.parent_sequence)
    return tuple(range(first, last + 1)) if short and of_one_length(pool) else ()


def of_one_length(pool: Pool) -> bool:
    """Whether every candidate of a pool with sites has as many letters as the parent."""
    columns = pool.sites
    assert columns is not None
    gap = columns.alphabet.find(GAP)
    if columns.parent is not None and (columns.parent == gap).any():
        return False
    return gap < 0 or not any((pool.codes(rows) == gap).any() for rows in _looked_at(pool))


def _looked_at(pool: Pool) -> list[np.ndarray]:
    """Rows in which a gap would be found: all of a listed pool; one of those generated on the fly has none."""
    from activeloop.candidates import CombinatorialPool

    return [np.arange(1)] if isinstance(pool, CombinatorialPool) else list(pool.chunks())


def _longest(pool: Pool, columns: Sites) -> int:
    """Letters of the parent with everything that may be inserted, at most."""
    length = len(columns.parent_sequence or pool.design(0).name)
    if columns.parent is None:
        return length
    inserted = (np.frombuffer(columns.alphabet.encode(), np.uint8)[columns.parent] == ord(GAP)).sum()
    if not inserted:
        return length
    from activeloop.foundation.aligned import aligned_rows

    return max(int(x.packed(x.letters)[1].max()) for rows in pool.chunks() if (x := aligned_rows(pool, rows)))
