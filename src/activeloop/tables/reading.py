"""Reading a file as a table: CSV, TSV or XLSX, also gzipped, by its content and not by its name."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from activeloop.errors import InputError, TableError, wrong_type
from activeloop.tables.delimited import delimited_records, read_delimited
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
    file = os.fspath(path)
    data, content_hash = read_file(path)
    if data[:4] == b"PK\x03\x04":
        from activeloop.tables.workbook import read_workbook

        records, numbers, notes = read_workbook(data, file, sheet)
        table = checked_table(records, file, content_hash, numbers=numbers, delimiter="", block=block)
        return replace(table, notes=notes)
    if sheet is not None:
        raise TableError(f'a text file has no sheet "{sheet}". Leave the sheet out.', file=file)
    return read_delimited(data, file, content_hash, block)


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


def read_blocks(path: str | os.PathLike[str], *, sheet: str | None = None) -> list[Block]:
    """The blocks shaped like a plate in a file, sheet by sheet, each with the words around it.

    Args:
        path: the file.
        sheet: of a workbook; all visible ones when None.

    Raises:
        TableError: as `read_table`; a further sheet that cannot be read is passed over.
    """
    file = os.fspath(path)
    data, _ = read_file(path)
    if len(data) > BLOCKS:
        return []
    if data[:4] != b"PK\x03\x04":
        records, _ = delimited_records(data, file)
        return _blocks("", records, range(1, len(records) + 1))
    from activeloop.tables.workbook import read_workbook, sheet_names

    found: list[Block] = []
    for name in sheet_names(data, file) if sheet is None else (sheet,):
        try:
            records, numbers, _ = read_workbook(data, file, name)
        except TableError:
            continue
        found += _blocks(name, records, numbers)
    return found


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
        source: a file's name, a DataFrame (of pandas, polars, pyarrow ...), column name -> cells, or a table.
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
