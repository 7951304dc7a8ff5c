"""A user's alignment of a protein's relatives, mapped to the wild type, and the mapping checked."""

from __future__ import annotations

import gzip
import io
import itertools
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import IO

import numpy as np

from activeloop.candidates import AMINO_ACIDS
from activeloop.errors import TableError
from activeloop.priors.substitutions import KMER

#: share of equal residues from which two sequences count as one: the standard threshold for proteins
#: (Morcos et al. 2011, PNAS 108:E1293)
SIMILAR = 0.8
#: sequences that cover less of the query tell of too few positions
COVERING = 0.5
#: residues that a wild type and its record in the alignment must share, as a share of those compared
IDENTITY = 0.8
#: and the least number of residues compared, of a wild type that has twice as many
COMPARED = 20
#: maximum number of sequences, and of pairs times columns (half a minute); of a larger file a part is read
MOST, PAIRED = 10_000, 3e10
#: letters of the longest line and of the longest row: no protein is longer than titin's 35,000 residues
LONGEST = 2_000_000
#: letters of a Stockholm file, whose rows are spread over it, so that it must be held whole
HELD = 300_000_000
#: a row that says less is no evidence that columns are shifted
WINDOW, SHIFTS, AGREES = 60, 15, 0.25
_CODE = np.full(256, -1, np.int8)
_CODE[np.frombuffer(AMINO_ACIDS.encode(), np.uint8)] = np.arange(len(AMINO_ACIDS))
_GAPS = "-."

#: called with (bytes read, bytes to be read)
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Alignment:
    """Aligned sequences, one column for each residue of one of them, the query.

    Args:
        query: the query's residues, all of them.
        columns: [M] positions in `query`, from 0, of the columns.
        codes: [N, M] index into `AMINO_ACIDS`, -1 for a gap and any other letter (int8); the query's row is the first.
        name: of the query's record.
        left_out: number of sequences that cover too little of the query.
        count: of all sequences of the file; of more than 10,000 (fewer of a long protein) every k-th is read.
    """

    query: str
    columns: np.ndarray
    codes: np.ndarray
    name: str
    left_out: int
    count: int

    @cached_property
    def weights(self) -> np.ndarray:
        """[N] of each sequence: 1 over the number of sequences, itself included, that it resembles."""
        known = (self.codes >= 0).sum(1)
        alike = np.empty(len(self.codes))
        letters = np.arange(len(AMINO_ACIDS), dtype=np.int8)
        for start in range(0, len(alike), 1024):
            rows = slice(start, start + 1024)
            equal = np.zeros((len(self.codes[rows]), len(self.codes)), np.float32)
            # a few columns at a time, so that memory does not grow with the protein
            for first in range(0, self.codes.shape[1], 64):
                piece = self.codes[:, first : first + 64, None] == letters
                one_hot = piece.reshape(len(piece), -1).astype(np.float32)
                equal += one_hot[rows] @ one_hot.T
            # counts of residues below 2^24 are exact in single precision
            alike[rows] = (equal >= SIMILAR * np.minimum(known[rows, None], known[None])).sum(1)
        return 1 / alike


def read_alignment(path: str | os.PathLike[str], parent: str, progress: Progress | None = None) -> Alignment:
    """Read an alignment in A3M, A2M, aligned FASTA or Stockholm form (also gzipped), for a wild type.

    The query is the record that is most alike to the wild type; columns in which it has no residue are left out, as
    are the insertions of A3M and A2M (lower-case letters). The file is gone through twice and never held whole, but
    for one in Stockholm form.

    Args:
        path: the file.
        parent: the wild type.
        progress: called with (bytes read, bytes to be read).

    Raises:
        TableError: the file is no alignment, its rows differ in length, no record is the wild type's, or its rows have
            the wild type's residues in other columns than it has.
    """
    file = os.fspath(path)
    if not parent:
        raise TableError("an alignment is read for a wild type: give its residues. Nothing was read.", file=file)
    source = _Source(file, progress)
    found = _Survey.of(source, parent)
    query = ungapped(found.chain)
    mapped = mapped_positions(query, parent)
    _check_identity(query, parent, mapped, found.name, file)
    letters = letters_of(found.chain.upper())
    residue = ~np.isin(letters, letters_of(_GAPS))
    mask = found.mask(found.chain)
    position = (np.cumsum(residue) - 1)[mask]
    # where the query has no residue, others have insertions
    kept = residue[mask]
    most = min(MOST, int((PAIRED / max(kept.sum(), 1)) ** 0.5))
    step = -(-found.count // most)
    rows = [letters[mask][kept]]
    for i, (_, row) in enumerate(source.records(2)):
        # the query is there already
        if i != found.best and (i - (i > found.best)) % step == 0:
            rows.append(letters_of(row.upper())[found.mask(row)][kept])
    codes = _CODE[np.array(rows)]
    covering = (codes >= 0).mean(1) >= COVERING
    covering[0] = True
    told = int(np.isin(mapped, position[kept]).sum())
    if told < min(COMPARED, len(parent) / 2) or covering.sum() < 2:
        what = (
            f"only {told} residues of the wild type stand in a column"
            if covering.sum() > 1
            else (f'no other sequence covers half of "{found.name}", which is the wild type')
        )
        raise TableError(f"{what}: this tells nothing of it. Search for its relatives again.", file=file)
    alignment = Alignment(query, position[kept], codes[covering], found.name, int((~covering).sum()), found.count)
    _check_columns(alignment, parent, mapped, file)
    return alignment


def _check_identity(query: str, parent: str, mapped: np.ndarray, name: str, file: str) -> None:
    """Refuse a query that is another protein than the wild type.

    Raises:
        TableError: too few residues are mapped, or too few of them agree.
    """
    compared = int((mapped >= 0).sum())
    equal = sum(query[j] == parent[i] for i, j in enumerate(mapped) if j >= 0)
    if compared < min(COMPARED, len(parent) / 2) or equal < IDENTITY * compared:
        like = f"{equal} of {compared} residues agree" if compared else "they share no stretch of residues"
        raise TableError(
            f'no record is the wild type: the nearest is "{name}", and {like}. Align the wild type of this campaign '
            "with its relatives (it is the query of the search), and give that file. Nothing was read.",
            file=file,
        )


def _check_columns(alignment: Alignment, parent: str, mapped: np.ndarray, file: str) -> None:
    """Refuse rows that have the wild type's residues in other columns than it has: these are not aligned with it.

    In each stretch of 60 residues, the share of the other rows' residues that are the wild type's is compared with
    that under shifts of up to 15 columns.

    Raises:
        TableError: under a shift it is twice as large; names both readings.
    """
    by_query = np.full((len(alignment.query), len(AMINO_ACIDS)), np.nan)
    by_query[alignment.columns] = [np.bincount(c[c >= 0], minlength=len(AMINO_ACIDS)) for c in alignment.codes[1:].T]
    counts = np.where((mapped >= 0)[:, None], by_query[mapped], np.nan)
    known = np.flatnonzero(~np.isnan(counts[:, 0]))
    parent_codes = _CODE[letters_of(parent)]
    for start in range(0, max(1, len(known) - WINDOW // 2), WINDOW // 2):
        window = known[start : start + WINDOW]
        agree = {}
        for shift in range(-SHIFTS, SHIFTS + 1):
            moved = window + shift
            inside = (moved >= 0) & (moved < len(parent)) & (parent_codes[np.clip(moved, 0, len(parent) - 1)] >= 0)
            told, own = counts[window[inside]], parent_codes[moved[inside]]
            total = told.sum()
            agree[shift] = float(told[np.arange(len(own)), own].sum() / total) if total else 0.0
        best = max(agree, key=lambda shift: agree[shift])
        if agree[best] >= AGREES and agree[best] >= 2 * agree[0]:
            raise TableError(
                f"its rows are not aligned with the wild type at residues {window[0] + 1} to {window[-1] + 1}: as its "
                f"columns stand, {agree[0]:.0%} of the residues there are the wild type's; moved by {best:+d}, "
                f"{agree[best]:.0%} are. Align the sequences again (or export the alignment anew). Nothing was read.",
                file=file,
            )


@dataclass(frozen=True)
class _Survey:
    """What a first pass over the records finds.

    Args:
        count: of records.
        best: number of the record that is most alike to the wild type, from 0.
        name: its name.
        chain: its row.
        even: [length of a row] which characters stand in the columns, where all rows are of one length; None where
            each row tells by its letters.
        lower: whether no residue of the file is a capital letter.
    """

    count: int
    best: int
    name: str
    chain: str
    even: np.ndarray | None
    lower: bool

    def mask(self, chain: str) -> np.ndarray:
        """[length of the row] bool: the characters that stand in the columns that all rows share."""
        return ~inserted(chain.upper() if self.lower else chain) if self.even is None else self.even

    @classmethod
    def of(cls, source: _Source, parent: str) -> _Survey:
        """Of all records.

        Raises:
            TableError: there are too few, or their columns differ in number.
        """
        nearest, columns, count, lower = _Nearest(parent), _Columns(source.file), 0, True
        for name, chain in source.records(1):
            lower = lower and chain == chain.lower()
            nearest.see(count, name, chain)
            columns.see(name, chain)
            count += 1
        if count < 2:
            raise TableError(
                f"the alignment holds {count} sequence(s). Give one with the relatives of the protein.",
                file=source.file,
            )
        return cls(count, nearest.number, nearest.name, nearest.chain, columns.shared(lower), lower)


class _Nearest:
    """The record that shares most stretches of residues with a wild type; the first of several."""

    def __init__(self, parent: str):
        self._parent = parent
        kmers = [parent[i : i + KMER] for i in range(len(parent) - KMER + 1)]
        self._some, self._most = kmers[:: max(1, len(kmers) // 32)], max(len(kmers), 1)
        self._quick, self._exact = 0, -1
        self.number, self.name, self.chain = 0, "", ""

    def see(self, number: int, name: str, chain: str) -> None:
        """One record after the other."""
        if self._exact >= self._most:
            return
        residues = ungapped(chain)
        # a few stretches rule out almost all records, all stretches decide among the others
        quick = sum(kmer in residues for kmer in self._some)
        if number and (not quick or quick < self._quick):
            return
        if (exact := shared_kmers(residues, self._parent)) > self._exact:
            self._quick, self._exact = quick, exact
            self.number, self.name, self.chain = number, name, chain


class _Columns:
    """Which characters of each row stand in the columns that all rows share.

    Lower-case letters and `.` are insertions that belong to no column. Where all rows have the same length, a column
    is one of insertions only if nothing else stands in it, so that soft-masked residues stay.
    """

    def __init__(self, file: str):
        self._file = file
        #: [length] whether anything but an insertion, and but a dot, stands there in any row so far
        self._solid = self._filled = np.zeros(0, bool)
        self._name, self._widths = "", (0, 0, 0)
        #: of the first row whose width is not that of the first: by length, by capitals, by all letters
        self._other: list[tuple[str, int] | None] = [None, None, None]

    def see(self, name: str, chain: str) -> None:
        """One row after the other."""
        solid, filled = ~inserted(chain), letters_of(chain) != ord(".")
        widths = (len(chain), int(solid.sum()), int(filled.sum()))
        if not self._name:
            self._name, self._widths, self._solid, self._filled = name, widths, solid, filled
        for i, (width, first) in enumerate(zip(widths, self._widths, strict=True)):
            if width != first and not self._other[i]:
                self._other[i] = (name, width)
        if not self._other[0]:
            self._solid, self._filled = self._solid | solid, self._filled | filled

    def shared(self, lower: bool) -> np.ndarray | None:
        """[length of a row] bool, where all are of one length; None where each row tells by its letters.

        Args:
            lower: whether no residue is a capital letter, so that lower-case ones are no insertions.

        Raises:
            TableError: the rows differ in length after insertions were left out.
        """
        if not self._other[0]:
            return self._filled if lower else self._solid
        if other := self._other[2 if lower else 1]:
            raise TableError(
                f'"{other[0]}" has {other[1]} columns and "{self._name}" has {self._widths[2 if lower else 1]} '
                "(lower-case letters and dots left out): these sequences are not aligned with each other. Give the "
                "aligned file.",
                file=self._file,
            )
        return None


def count_records(path: str | os.PathLike[str]) -> int:
    """How many records a file of sequences has, FASTA or an alignment; the whole of it is gone through, none is kept.

    Raises:
        TableError: it cannot be read, or is in none of the forms.
    """
    return sum(1 for _ in _Source(os.fspath(path), None).records(1))


@dataclass(frozen=True)
class _Source:
    """The records of a file, gone through as often as asked.

    Args:
        file: its path.
        progress: of two passes.
    """

    file: str
    progress: Progress | None

    def records(self, turn: int) -> Iterator[tuple[str, str]]:
        """Name and row of each record.

        Args:
            turn: 1 or 2, for the progress.

        Raises:
            TableError: it cannot be read, or is in none of the forms.
        """
        try:
            with Path(self.file).open("rb") as packed:
                lines = self._lines(packed, turn)
                first = next(lines, None)
                if first is None:
                    raise TableError("the file is empty. Export it again.", file=self.file)
                yield from (_stockholm if first.startswith("# STOCKHOLM") else _fasta)(first, lines, self.file)
        except FileNotFoundError:
            raise TableError("there is no such file. Check the name and the folder.", file=self.file) from None
        except IsADirectoryError:
            raise TableError("this is a folder. Name a file in it.", file=self.file) from None
        except (EOFError, zlib.error, gzip.BadGzipFile):
            problem = "the gzip file is damaged or cut off. Copy or download it again."
            raise TableError(problem, file=self.file) from None
        except TableError:  # a ValueError, too
            raise
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise TableError(f"the file cannot be read ({why}). Check its permissions.", file=self.file) from None

    def _lines(self, packed: IO[bytes], turn: int) -> Iterator[str]:
        """Its lines without blanks at the ends; empty ones are left out before the first."""
        size = os.fstat(packed.fileno()).st_size
        zipped = packed.read(2) == b"\x1f\x8b"
        packed.seek(0)
        stream = io.BufferedReader(gzip.GzipFile(fileobj=packed)) if zipped else packed
        begun = False
        for row in itertools.count(1):
            if not (line := stream.readline(LONGEST)):
                break
            if row % 4096 == 1 and self.progress:
                self.progress((turn - 1) * size + min(packed.tell(), size), 2 * size)
            if len(line) == LONGEST:
                problem = f"this line has more than {LONGEST:,} letters: this is no alignment of a protein."
                raise TableError(problem, file=self.file, row=row)
            # ColabFold parts the alignments of several searches by a NUL
            text = line.replace(b"\0", b"").decode("utf-8-sig" if row == 1 else "utf-8", "replace").strip()
            if not begun and (b"\0" in line or "\ufffd" in text):
                problem = "this is not an alignment but a binary file. Export it as A3M or FASTA."
                raise TableError(problem, file=self.file)
            begun = begun or bool(text)
            if begun:
                yield text
        if self.progress:
            self.progress(turn * size, 2 * size)


def _fasta(first: str, lines: Iterable[str], file: str) -> Iterator[tuple[str, str]]:
    """Name and row of each record that begins with `>`."""
    name, pieces, length = None, [], 0
    for row, line in enumerate(itertools.chain((first,), lines), 1):
        if line.startswith(">"):
            if name is not None:
                yield name, "".join(pieces)
            name, pieces, length = line[1:].split()[0] if line[1:].split() else f"sequence in line {row}", [], 0
        elif line and not line.startswith(("#", ";")):
            if name is None:
                raise TableError(
                    'this is no alignment in A3M, A2M, FASTA or Stockholm form: no line starts with ">". Other forms '
                    "(Clustal, PHYLIP, MSF) are converted by `esl-reformat a2m FILE` or Biopython.",
                    file=file,
                    row=row,
                )
            pieces.append("".join(line.split()))
            if (length := length + len(line)) > LONGEST:
                problem = f'"{name}" has more than {LONGEST:,} letters: this is no alignment of a protein.'
                raise TableError(problem, file=file, row=row)
    if name is not None:
        yield name, "".join(pieces)


def _stockholm(first: str, lines: Iterable[str], file: str) -> Iterator[tuple[str, str]]:
    """Name and row of each sequence of the first alignment, whose rows may be spread over blocks."""
    chains: dict[str, list[str]] = {}
    held = 0
    for line in lines:
        if line == "//":
            break
        if line and not line.startswith("#"):
            name, *piece = line.split()
            chains.setdefault(name, []).extend(piece)
            if (held := held + len(line)) > HELD:
                problem = "too long for the Stockholm form, whose rows are spread over the file. Convert it to A3M."
                raise TableError(problem, file=file)
    yield from ((name, "".join(pieces)) for name, pieces in chains.items())


def ungapped(chain: str) -> str:
    """The residues of a row of an alignment.

    >>> ungapped("..mK-TA")
    'MKTA'
    """
    return chain.replace("-", "").replace(".", "").upper()


def inserted(chain: str) -> np.ndarray:
    """Whether each character is a lower-case letter or a dot.

    >>> inserted("MaK.").tolist()
    [False, True, False, True]
    """
    letters = letters_of(chain)
    return (letters >= ord("a")) & (letters <= ord("z")) | (letters == ord("."))


def letters_of(chain: str) -> np.ndarray:
    """ASCII codes, `?` for any other character (uint8)."""
    return np.frombuffer(chain.encode("ascii", "replace"), np.uint8)


def shared_kmers(query: str, parent: str) -> int:
    """Number of stretches of eight residues of the wild type that stand in a sequence."""
    there = {query[i : i + KMER] for i in range(len(query) - KMER + 1)}
    return sum(parent[i : i + KMER] in there for i in range(len(parent) - KMER + 1))


def mapped_positions(query: str, parent: str) -> np.ndarray:
    """[n] position in the query, from 0, of each residue of the wild type; -1 where it has none.

    Common stretches of four residues and more are mapped, and what lies between two of them, or before the first and
    after the last, where both have equally many residues there; else one of the two has an insertion.

    >>> mapped_positions("KTAWIAKQRQ", "MKTAYIAKQRQGG").tolist()
    [-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, -1, -1]
    """
    blocks = SequenceMatcher(None, query, parent, autojunk=False).get_matching_blocks()
    common = [(block.a, block.b, block.size) for block in blocks if block.size >= 4]
    mapped = np.full(len(parent), -1)
    for start, first, size in common:
        mapped[first : first + size] = np.arange(start, start + size)
    for (a, b, size), (c, d, _) in pairwise(common):
        if c - a == d - b:
            mapped[b + size : d] = np.arange(a + size, c)
    if common:
        a, b, _ = common[0]
        before = min(a, b)
        mapped[b - before : b] = np.arange(a - before, a)
        a, b, size = common[-1]
        after = min(len(query) - a, len(parent) - b)
        mapped[b + size : b + after] = np.arange(a + size, a + after)
    return mapped
