"""Reading a file as a table: CSV, TSV or XLSX, also gzipped, by its content and not by its name."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import zlib
from dataclasses import replace
from pathlib import Path

from activeloop.errors import InputError, TableError
from activeloop.tables.delimited import read_delimited
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
        block: row or label of the block shaped like a plate, where a file has several.

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
