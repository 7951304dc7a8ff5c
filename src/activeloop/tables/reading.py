"""Reading a file as a table: CSV, TSV or XLSX, also gzipped, by its content and not by its name."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from activeloop.errors import InputError, TableError, wrong_type
from activeloop.tables.delimited import delimited_records
from activeloop.tables.grids import SHAPES, cell_of, find_grids
from activeloop.tables.table import Table, checked_table

#: bytes to which a gzipped file may unpack: such a file can hold a thousand times its size
UNPACKED = 2**28


def read_table(path: str | os.PathLike[str], *, sheet: str | None = None, block: str | None = None) -> Table:
    """Read a CSV, TSV or XLSX file (also gzipped).

    Delimiter (comma, semicolon, tab, `|`) and encoding (UTF-8, UTF-16 with mark, Windows, Latin-1) are recognised;
    blank lines are skipped but counted, so row numbers are those a spreadsheet shows. Of a file with one block shaped
    like a plate (A, B, C ... down, 1, 2, 3 ... across) the block is read, whatever an instrument writes around it.

    Args:
        path: the file.
        sheet: the sheet of a workbook; the first visible one when None.
        block: row, cell or label of the block shaped like a plate, where a file has several.

    Raises:
        TableError: it is missing, empty, half-written or not a table; the message names the row and the fix.
    """
    return Book.open(path, sheet).table(sheet=sheet, block=block)


@dataclass(frozen=True)
class Block:
    """A block shaped like a plate, or a sheet without one.

    Args:
        sheet: its name; "" in a text file.
        place: by what `read_table` finds the block, "" for a sheet without one.
        words: what stands in its corner, beside it and above it, and the name of its sheet.
        size: wells of the plate; 0 for a sheet without a block.
    """

    sheet: str
    place: str
    words: tuple[str, ...]
    size: int


#: a file of blocks of plates is smaller, in bytes
BLOCKS = 2**23


@dataclass(frozen=True)
class Cells:
    """The rows of a sheet that are not blank.

    Args:
        records: the cells of each row.
        numbers: of each row, as a spreadsheet shows it.
        notes: what was not read or is hidden, in sentences.
    """

    records: list[list[str]]
    numbers: Sequence[int]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Book:
    """A file taken apart into cells, from which tables and blocks are read without the file.

    Args:
        file: its name, for messages.
        content_hash: of its bytes.
        delimiter: between its cells; "" in a workbook.
        first: the sheet that is read when none is named, or the one that was asked for; None where it has a problem.
        sheets: name -> cells, of the visible sheets of a workbook where they were asked for.
        sheet: which sheet `first` is, where it was asked for.
        problem: why there is no `first`.
        large: whether the file is too large for one of blocks.
    """

    file: str
    content_hash: str
    delimiter: str
    first: Cells | None
    sheets: Mapping[str, Cells] = field(default_factory=dict)
    sheet: str | None = None
    problem: str = ""
    large: bool = False

    @classmethod
    def open(cls, path: str | os.PathLike[str], sheet: str | None = None, *, others: bool = False) -> Book:
        """Take a file apart; arguments and errors as in `read_table`.

        Args:
            path: the file.
            sheet: of a workbook.
            others: whether the other visible sheets are read, too, as far as they can be; not those of a large file.
        """
        file = os.fspath(path)
        data, content_hash = read_file(path)
        large = len(data) > BLOCKS
        if data[:4] != b"PK\x03\x04":
            records, delimiter = delimited_records(data, file)
            cells = Cells(records, range(1, len(records) + 1))
            book = cls(file, content_hash, delimiter, cells, large=large)
            book._of(sheet)
            return book
        from activeloop.tables.workbook import read_workbook, sheet_names

        sheets: dict[str, Cells] = {}
        for name in sheet_names(data, file) if others and sheet is None and not large else ():
            try:
                sheets[name] = Cells(*read_workbook(data, file, name))
            except TableError:
                continue
        try:
            return cls(file, content_hash, "", Cells(*read_workbook(data, file, sheet)), sheets, sheet, large=large)
        except TableError as error:
            if not sheets:
                raise
            return cls(file, content_hash, "", None, sheets, sheet, error.problem)

    def table(self, *, sheet: str | None = None, block: str | None = None) -> Table:
        """The table of a sheet, or of a block in it; arguments and errors as in `read_table`."""
        cells = self._of(sheet)
        records = list(map(list, cells.records)) if self.sheets else cells.records  # others are read from it, too
        made = checked_table(
            records, self.file, self.content_hash, numbers=cells.numbers, delimiter=self.delimiter, block=block
        )
        return replace(made, notes=cells.notes)

    def blocks(self, *, sheet: str | None = None) -> list[Block]:
        """The blocks shaped like a plate, sheet by sheet, each with the words around it; () of a large file.

        Args:
            sheet: of a workbook; that which was asked for, else all, when None.

        Raises:
            TableError: there is no such sheet.
        """
        sheet = self.sheet if sheet is None else sheet
        if self.large:
            return []
        chosen = self.sheets if sheet is None and not self.delimiter else {sheet or "": self._of(sheet)}
        return [block for name, cells in chosen.items() for block in _blocks(name, cells.records, cells.numbers)]

    def _of(self, sheet: str | None) -> Cells:
        if self.delimiter and sheet is not None:
            raise TableError(f'a text file has no sheet "{sheet}". Leave the sheet out.', file=self.file)
        found = self.first if sheet is None or sheet == self.sheet else self.sheets.get(sheet)
        if found is not None:
            return found
        if sheet is None or sheet == self.sheet:
            raise TableError(self.problem, file=self.file)
        there = ", ".join(self.sheets) or "none that can be named"
        raise TableError(f'no sheet "{sheet}". Sheets: {there}.', file=self.file)


def _blocks(sheet: str, records: list[list[str]], numbers: Sequence[int]) -> list[Block]:
    grids, last, found = find_grids(records), -1, []
    for grid in grids:
        alone = sum(other.first == grid.first for other in grids) == 1
        columns = slice(None) if alone else slice(grid.left, grid.left + SHAPES[grid.size][1] + 1)
        above = [cell for record in records[last + 1 : grid.first] for cell in record[columns]]
        words = (records[grid.first][grid.left], grid.label, *above, sheet)
        place = str(numbers[grid.place]) if alone else cell_of(grid, numbers)
        found.append(Block(sheet, place, tuple(filter(None, map(str.strip, words))), grid.size))
        if alone:
            last = grid.rows[-1]
    return found or [Block(sheet, "", (sheet,), 0)]


def as_table(source: Any, *, sheet: str | None = None, block: str | None = None) -> Table:
    """The table that something is or holds: the one entrance of files, DataFrames and tables.

    Args:
        source: a file's name, a file taken apart, a DataFrame (of pandas, polars, pyarrow ...), column name -> cells,
            or a table.
        sheet: as in `read_table`; of a file alone.
        block: as in `read_table`.

    Raises:
        TableError: as `read_table`.
        InputError: it is none of these.

    >>> as_table({"mutant": ["K2R"], "kcat": [1.5]}).columns
    (['K2R'], ['1.5'])
    """
    from activeloop.tables.frames import is_frame, table_of_frame

    if isinstance(source, Table):
        return source
    if isinstance(source, Book):
        return source.table(sheet=sheet, block=block)
    if isinstance(source, (str, os.PathLike)):
        return read_table(source, sheet=sheet, block=block)
    if not is_frame(source):
        raise wrong_type("a table", source, "a file's name or a DataFrame (pandas, polars, pyarrow ...)")
    if sheet is not None:
        raise TableError(f'a DataFrame has no sheet "{sheet}". Leave the sheet out.')
    return table_of_frame(source, block=block)


def read_file(path: str | os.PathLike[str], failure: type[InputError] = TableError) -> tuple[bytes, str]:
    """The content of a file, unpacked when it is gzipped, and a hash of its bytes (BLAKE2b, 32 hexadecimal digits).

    Args:
        path: the file.
        failure: the error to raise.

    Raises:
        InputError: of type `failure`: it is missing, a folder, unreadable, empty, or damaged.
    """
    file = os.fspath(path)
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise failure("there is no such file. Check the name and the folder.", file=file) from None
    except IsADirectoryError:
        raise failure("this is a folder. Name a file in it.", file=file) from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise failure(f"the file cannot be read ({why}). Check its name and permissions.", file=file) from None
    if not content.strip():
        raise failure("the file is empty. Export it again.", file=file)
    data = content
    if content[:2] == b"\x1f\x8b":
        try:
            with gzip.open(io.BytesIO(content)) as stream:
                data = stream.read(UNPACKED + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise failure("the gzip file is damaged or cut off. Copy or download it again.", file=file) from None
        if len(data) > UNPACKED:
            problem = f"the gzip file unpacks to more than {UNPACKED // 2**20} MB. Unpack it, if it is what you want."
            raise failure(problem, file=file)
        if not data.strip():
            raise failure("the gzip file holds nothing. Export it again.", file=file)
    return data, hashlib.blake2b(content, digest_size=16).hexdigest()
