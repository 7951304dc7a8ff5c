"""Pools in a file too long for memory: each candidate is read when it is needed."""

from __future__ import annotations

import csv
import os
import threading
from collections.abc import Callable, Iterable
from collections.abc import Sequence as Rows
from pathlib import Path
from typing import Any, cast, final

import numpy as np

from activeloop.candidates.designs import Compound, Design, Variant
from activeloop.candidates.pool import Pool
from activeloop.candidates.reading import ListReader, candidate_column
from activeloop.candidates.sites import Sites
from activeloop.errors import InputError, NotationError, PoolError
from activeloop.tables.delimited import DELIMITERS, read_delimited
from activeloop.tables.long_file import LongFile

FASTA = (".fasta", ".fa", ".faa")
PLAIN = (".smi", ".txt")
#: lines from which the columns of a table are found
HEAD = 50
#: names from which their numbering is found
HEAD_NAMES = 2000
#: rows that are searched together
STRETCH = 4096


@final
class StreamedPool(Pool):
    """Candidates listed in a file of any length; memory holds the place of each 256th.

    They are written in the notation of another pool and encoded at its sites, so that a model of that pool can predict
    them. A table (CSV, TSV) has a header and one candidate in a line; FASTA one in a record; `.smi` and `.txt` one at
    the start of each line. The same candidate may be listed twice.

    Args:
        path: the file.
        like: the other pool.
        column: of a table; found by name and content when None.
        without: candidates that are not allowed, such as those measured.
        skip_unreadable: rows that cannot be read are not allowed, instead of an error.
        offset: added to each written position to get the position in the wild type; None: as the other pool's
            `numbering` and the first rows show.

    Raises:
        NotationError: the first rows can be read in two ways; see `ListReader`.
        TableError: the file is missing, packed or no table, or has no such column.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        like: Pool,
        column: str | None = None,
        *,
        without: Iterable[Design] = (),
        skip_unreadable: bool = False,
        offset: int | None = None,
    ):
        name = Path(path).name
        ending = Path(path).suffix.lower()
        self._file = LongFile.of(path, ending in FASTA)
        self._column = _Column.of(self._file, like.kind, column) if ending not in (*FASTA, *PLAIN) else None
        self.kind, self.notation, self.rules = like.kind, like.notation, like.rules
        self.origin = f"the candidates in {name}"
        self._like, self._skip = like, skip_unreadable
        self._without: dict[str, set[str]] = {}
        for design in without:
            self._without.setdefault(self.notation.quick_key(design), set()).add(self.notation.key(design))
        self._encode = None if like.sites is None else site_encoder(like)
        self._own = threading.local()
        head = np.arange(min(len(self), HEAD_NAMES) if like.kind == "variants" else 0)
        first = (self._cell_or_none(text) for text in self._file.records(head + (self._column is not None)))
        try:
            names = [text for text in first if text]
            self._reader = ListReader(like.notation, names, offset=offset, numbering=like.numbering)
        except NotationError as error:
            raise NotationError(error.problem, file=self._file.path) from None

    def __len__(self) -> int:
        return self._file.count - (self._column is not None)

    @property
    def digest(self) -> str:
        """SHA-256 of the file."""
        return self._file.digest

    @property
    def hash(self) -> str:
        """Of the file; see `Pool.hash`."""
        return self.digest

    @property
    def sites(self) -> Sites | None:
        """The sites of the other pool."""
        return self._like.sites

    def design(self, row: int) -> Design:
        """The design in one row."""
        return self._read(np.array([row]))[0]

    def names(self, rows: np.ndarray | Rows[int]) -> list[str]:
        """Standard notation of the given rows."""
        return [design.name for design in self._read(np.asarray(rows, np.int64))]

    def row_of_design(self, design: Design) -> int | None:
        """The row of a design, or None: reads the file from its beginning."""
        wanted, quick = self.notation.key(design), self.notation.quick_key(design)
        for rows in self.chunks(STRETCH):
            readable = rows[self.readable(rows)]
            for row, found in zip(readable.tolist(), self._read(readable), strict=True):
                if self.notation.quick_key(found) == quick and self.notation.key(found) == wanted:
                    return row
        return None

    def codes(self, rows: np.ndarray | Rows[int] | None = None) -> np.ndarray:
        """Letters at the sites as codes: uint8 [n, L]; all rows when `rows` is None (mind the memory)."""
        if self._encode is None:
            raise PoolError("compounds have no sequence. Use an encoder that reads structures.")
        chosen = np.arange(len(self)) if rows is None else np.asarray(rows, np.int64)
        found = [self._encode(design) for design in self._read(chosen)]
        return np.array(found, np.uint8).reshape(len(chosen), -1)

    def readable(self, rows: np.ndarray) -> np.ndarray:
        """Which rows can be read: bool [n]."""
        return np.array([not isinstance(found, InputError) for found in self._found(rows)], bool)

    def allowed(self, rows: np.ndarray | Rows[int]) -> np.ndarray:
        """Which of the given rows may be proposed: bool [n].

        Raises:
            InputError: a row cannot be read, and such rows are not skipped.
        """
        rows = np.asarray(rows, np.int64)
        found = self._found(rows)
        wrong = next((x for x in found if isinstance(x, InputError)), None)
        if wrong is not None and not self._skip:
            fix = "Correct it, or leave such rows out (--skip-unreadable, skip_unreadable=True). What was done is kept."
            raise NotationError(f"{wrong.problem} {fix}", file=wrong.file, row=wrong.row)
        fine = np.array([x is not None and not isinstance(x, InputError) for x in found], bool)
        if self._without:
            fine[fine] = [not self._excluded(cast("Design", found[i])) for i in np.flatnonzero(fine)]
        if self.rules is not None and self.sites is not None and fine.any():
            fine[fine] = self.rules.allow(self.codes(rows[fine]), self.sites)
        return fine

    def _excluded(self, design: Design) -> bool:
        keys = self._without.get(self.notation.quick_key(design))
        return keys is not None and self.notation.key(design) in keys

    def _read(self, rows: np.ndarray) -> list[Design]:
        found = self._found(rows)
        for row, design in zip(rows.tolist(), found, strict=True):
            if isinstance(design, InputError):
                raise design
            if design is None:
                raise self._error(row, "this line is empty.")
        return cast("list[Design]", found)

    def _found(self, rows: np.ndarray) -> list[Design | InputError | None]:
        """Designs; None for empty lines, an error for what cannot be read. The last rows are cached."""
        rows = np.asarray(rows, np.int64)
        kept: dict[int, Design | InputError | None] = getattr(self._own, "kept", {})
        if not all(row in kept for row in rows.tolist()):
            texts = self._file.records(rows + (self._column is not None))
            kept = {row: self._understood(row, text) for row, text in zip(rows.tolist(), texts, strict=True)}
            self._own.kept = kept
        return [kept[row] for row in rows.tolist()]

    def _understood(self, row: int, text: str) -> Design | InputError | None:
        if not text.strip():
            return None
        try:
            design = self._reader.design(self._cell(text))
            if self._encode is not None:
                self._encode(design)
            return design
        except InputError as error:
            return self._error(row, error.problem)

    def _cell(self, text: str) -> str:
        return text.split()[0] if self._column is None else self._column.cell(text)

    def _cell_or_none(self, text: str) -> str | None:
        try:
            return self._cell(text).strip() if text.strip() else None
        except InputError:
            return None  # reported when its row is read

    def _error(self, row: int, problem: str) -> NotationError:
        return NotationError(problem, file=self._file.path, row=row + 1 + (self._column is not None))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_own"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._own = threading.local()


class _Column:
    """The cell of a line in which the candidate stands."""

    def __init__(self, delimiter: str, index: int):
        self.delimiter, self.index = delimiter, index

    @classmethod
    def of(cls, file: LongFile, kind: str, column: str | None) -> _Column:
        lines = [line for line in file.records(np.arange(min(file.count, HEAD))) if line.count('"') % 2 == 0]
        table = read_delimited("\n".join(lines).encode(), file.path, "")
        name = candidate_column(table, kind) if column is None else column
        table.column(name)
        first, width = lines[0].lstrip("\ufeff"), len(table.header)
        delimiter = max(DELIMITERS, key=lambda sign: len(next(csv.reader([first], delimiter=sign))) == width)
        return cls(delimiter, table.header.index(table.find(name) or name))

    def cell(self, line: str) -> str:
        if '"' in line:
            if line.count('"') % 2:
                raise NotationError('a quotation mark (") opens here and is not closed in the line. Correct it.')
            cells = next(csv.reader([line], delimiter=self.delimiter))
        else:
            cells = line.split(self.delimiter)
        if self.index >= len(cells):
            raise NotationError(f"the line has only {len(cells)} cells. Correct it.")
        return cells[self.index]


def site_encoder(like: Pool) -> Callable[[Design], np.ndarray]:
    """From designs to codes [L] at the sites of a pool; NotationError for designs that differ elsewhere.

    >>> encode = site_encoder(Pool.combinatorial("MKTA", ["K2", "A4"]))
    >>> encode(Variant("MKTA", ())).tolist(), encode(Pool.single_mutants("MKTA").design(20)).tolist()
    ([8, 0], [1, 0])
    """
    sites = like.sites
    assert sites is not None
    if sites.parent is not None:
        return _VariantEncoder(sites)
    return _SequenceEncoder(sites, like.design(0).name)


class _VariantEncoder:
    """Variants of a parent."""

    def __init__(self, sites: Sites):
        assert sites.parent is not None
        inserted = [int(x.partition("ins")[2] or 0) for x in sites.labels]
        self.parent = sites.parent
        self.at = {(int(p), k): i for i, (p, k) in enumerate(zip(sites.positions, inserted, strict=True))}
        self.code = {letter: i for i, letter in enumerate(sites.alphabet)}

    def __call__(self, design: Design) -> np.ndarray:
        assert isinstance(design, Variant)
        codes = self.parent.copy()
        for m in design.mutations:
            for k, letter in enumerate(m.new or "-", 0 if m.old else 1):
                column = self.at.get((m.position, k))
                if column is None:
                    raise NotationError(f"{m} is at a place where no candidate of the campaign differs.")
                codes[column] = self.code[letter]
        return codes


class _SequenceEncoder:
    """Strings without a parent."""

    def __init__(self, sites: Sites, example: str):
        self.columns = np.asarray(sites.positions, np.int64) - 1
        self.code = {letter: i for i, letter in enumerate(sites.alphabet)}
        self.still = [(i, x) for i, x in enumerate(example) if i not in set(self.columns.tolist())]

    def __call__(self, design: Design) -> np.ndarray:
        assert not isinstance(design, (Variant, Compound))
        name = design.name
        for i, letter in self.still:
            if name[i] != letter:
                raise NotationError(
                    f'"{name}" has {name[i]} at {i + 1}, where all candidates of the campaign have {letter}.'
                )
        try:
            return np.array([self.code[name[i]] for i in self.columns], np.uint8)
        except KeyError as error:
            raise NotationError(f'"{name}" has the letter {error}, which none of the campaign has.') from None
