"""Candidates as tokens of a student: whole numbers for residues, bases or characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from activeloop.candidates import AMINO_ACIDS, GAP, CombinatorialPool, Pool, Sites
from activeloop.errors import NotationError, PoolError

#: behind the end of a shorter candidate
PADDING = 0
#: a character outside the alphabet
UNKNOWN = 1
#: token of the first character of the alphabet
FIRST = 2
#: a varying region is encoded alone when it is shorter than this share of the parent
REGION_SHARE = 0.75
#: kinds of candidates that have letters to be read
READ = ("variants", "compounds", "guides")
#: alphabet of guides; N is unknown
DNA = "ACGT"


@dataclass(frozen=True)
class StudentTokenizer:
    """How a student encodes candidates. Its model card holds all of it, so that every runtime encodes alike.

    A candidate is encoded as its own sequence (residues of a protein or bases of a guide without gaps, characters of a
    SMILES), or, with `positions`, as the characters at these positions alone.

    Args:
        kind: of the pool: `variants`, `compounds` or `guides`.
        alphabet: character i has token `FIRST` + i.
        parent: sequence of the wild type, "" for none; mutations are written against it.
        positions: in the sequence, from 1; () for the whole sequence.
        width: tokens of the longest candidate in training.

    >>> pool = Pool.combinatorial("MKTA", ["K2", "A4"])
    >>> tokenizer = StudentTokenizer.of(pool, sites=True)
    >>> tokenizer.tokens(pool, np.array([0, 21])).tolist(), tokenizer.encode(["MATA", "MCTC"]).tolist()
    ([[2, 2], [3, 3]], [[2, 2], [3, 3]])
    >>> StudentTokenizer.of(pool, whole=True).encode(["MK", "MCTC"]).tolist()
    [[12, 10, 0, 0], [12, 3, 18, 3]]
    """

    kind: str
    alphabet: str
    parent: str
    positions: tuple[int, ...]
    width: int

    @classmethod
    def of(cls, pool: Pool, *, sites: bool = False, whole: bool = False) -> StudentTokenizer:
        """The tokenizer for a pool.

        Of a long parent that varies in one region only that region is encoded.

        Args:
            pool: of the training candidates.
            sites: encode the varying columns alone.
            whole: encode whole sequences also where only a region varies.

        Raises:
            PoolError: `sites` for a pool without varying columns, or whose candidates differ in length; treatments.
        """
        if pool.kind not in READ:
            raise PoolError(
                f"students read sequences and structures letter by letter, and {pool.kind} have none. Take predictions "
                "along as a table: `activeloop predict DIR --out predictions.csv`."
            )
        columns, alphabet = pool.sites, _alphabet(pool)
        if sites:
            columns = _fixed_columns(pool)
            positions = tuple(columns.positions.tolist())
            return cls(pool.kind, alphabet, columns.parent_sequence, positions, len(positions))
        if columns is None:
            return cls(pool.kind, alphabet, "", (), max(map(len, pool.names(np.arange(len(pool))))))
        region = () if whole else _region(pool, columns)
        return cls(pool.kind, alphabet, columns.parent_sequence, region, len(region) or _longest(pool, columns))

    @property
    def vocabulary_size(self) -> int:
        """Different tokens, padding and unknown included."""
        return FIRST + len(self.alphabet)

    def tokens(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """Tokens of rows [N] of a pool.

        Returns:
            Int32 [N, W]; W is the length of the longest of them (with `positions`: their number).

        Raises:
            PoolError: the pool is of another kind.
            NotationError: with `positions`, a candidate differs elsewhere or in its length.
        """
        if pool.kind != self.kind:
            raise PoolError(
                f"this student was trained on {self.kind}, and the pool holds {pool.kind}. Use another student."
            )
        columns = pool.sites
        if columns is None:
            return self.encode(pool.names(rows))
        if self.positions and self._same_columns(columns):
            codes = _codes(columns.alphabet)
            of_code = np.where(codes == ord(GAP), PADDING, self._table[codes]).astype(np.int32)
            tokens = of_code[pool.codes(rows)]
            if not (tokens == PADDING).any():
                return tokens
        # imported here: loading it takes longer than a prediction on a small machine
        from activeloop.foundation.aligned import aligned_rows

        aligned = aligned_rows(pool, np.asarray(rows, np.int64))
        assert aligned is not None
        return self._encoded(*aligned.packed(aligned.residues))

    def encode(self, sequences: Sequence[str]) -> np.ndarray:
        """Tokens of N whole sequences without gaps (SMILES for compounds).

        Returns:
            Int32 [N, W]; W is the length of the longest of them (with `positions`: their number).

        Raises:
            NotationError: with `positions`, a sequence differs elsewhere or in its length.
        """
        lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
        characters = np.zeros((len(sequences), max(1, int(lengths.max(initial=0)))), np.uint8)
        characters[np.arange(characters.shape[1]) < lengths[:, None]] = _codes("".join(sequences))
        return self._encoded(characters, lengths)

    def _encoded(self, characters: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Tokens of character codes [N, W], 0 behind the lengths [N]."""
        if not self.positions:
            return np.ascontiguousarray(self._table[characters])
        columns = np.array(self.positions) - 1
        needed = len(self.parent) or int(columns[-1]) + 1
        unlike = lengths != needed if self.parent else lengths < needed
        if unlike.any():
            problem = f"candidate {np.argmax(unlike) + 1} has {lengths[unlike][0]} characters; this student reads"
            raise NotationError(f"{problem} sequences of {needed}. Use a student that reads whole sequences.")
        if not len(characters):
            return np.zeros((0, len(columns)), np.int32)
        if self.parent:
            elsewhere = characters != _codes(self.parent)
            elsewhere[:, columns] = False
            if elsewhere.any():
                row, column = np.argwhere(elsewhere)[0]
                problem = f"candidate {row + 1} differs from the wild type at position {column + 1}"
                raise NotationError(
                    f"{problem}; this student reads {self._position_words} alone. Use one that reads whole sequences."
                )
        return self._table[characters[:, columns]]

    @property
    def _position_words(self) -> str:
        first, last = self.positions[0], self.positions[-1]
        if len(self.positions) > 2 and last - first == len(self.positions) - 1:
            return f"positions {first} to {last}"
        return ", ".join(map(str, self.positions))

    def _same_columns(self, columns: Sites) -> bool:
        return tuple(columns.positions.tolist()) == self.positions and columns.parent_sequence == self.parent

    @cached_property
    def _table(self) -> np.ndarray:
        """Int32 [256] token of each character code."""
        table = np.full(256, UNKNOWN, np.int32)
        if self.kind != "compounds":
            table[ord(GAP)] = PADDING
        table[0] = PADDING
        table[_codes(self.alphabet)] = np.arange(FIRST, self.vocabulary_size)
        return table


def has_fixed_length(pool: Pool) -> bool:
    """Whether every candidate of a pool with sites is as long as the parent."""
    columns = pool.sites
    assert columns is not None
    gap = columns.alphabet.find(GAP)
    if columns.parent is not None and (columns.parent == gap).any():
        return False
    # a pool that is generated on the fly has gaps in all rows or in none
    chunks = [np.arange(1)] if isinstance(pool, CombinatorialPool) else list(pool.chunks())
    return gap < 0 or not any((pool.codes(rows) == gap).any() for rows in chunks)


def _codes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("latin-1", "replace"), np.uint8)


def _alphabet(pool: Pool) -> str:
    """All amino acids, all bases, or the characters that occur."""
    if pool.kind == "guides":
        return DNA
    if pool.sites is None:
        return "".join(sorted(set("".join(pool.names(np.arange(len(pool)))))))
    found = pool.sites.alphabet.replace(GAP, "")
    return AMINO_ACIDS if set(AMINO_ACIDS) <= set(found) else found


def _fixed_columns(pool: Pool) -> Sites:
    """The varying columns, if they can be encoded alone."""
    columns, fix = pool.sites, "Choose a network that reads whole sequences."
    if columns is None or not len(columns.positions):
        raise PoolError(f"the pool has no varying positions that a student could read alone. {fix}")
    if not has_fixed_length(pool):
        raise PoolError(f"the candidates differ in length, so their residues stand at no fixed positions. {fix}")
    return columns


def _region(pool: Pool, columns: Sites) -> tuple[int, ...]:
    """Positions from the first varying column to the last; () where that is most of the parent, or lengths differ."""
    if not columns.parent_sequence or not len(columns.positions):
        return ()
    first, last = int(columns.positions.min()), int(columns.positions.max())
    short = last - first < REGION_SHARE * len(columns.parent_sequence)
    return tuple(range(first, last + 1)) if short and has_fixed_length(pool) else ()


def _longest(pool: Pool, columns: Sites) -> int:
    """Length of the longest candidate, at most: the parent's with everything that may be inserted."""
    length = len(columns.parent_sequence or pool.design(0).name)
    if columns.parent is None or not (_codes(columns.alphabet)[columns.parent] == ord(GAP)).any():
        return length
    from activeloop.foundation.aligned import aligned_rows

    return max(int(x.packed(x.residues)[1].max()) for rows in pool.chunks() if (x := aligned_rows(pool, rows)))
