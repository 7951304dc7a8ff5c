"""Reading a file as a table: CSV, TSV or XLSX, also gzipped, by its content and not by its name."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from pathlib import Path

from activeloop.errors import InputError, TableError
from activeloop.tables.delimited import read_delimited
from activeloop.tables.table import Table


def read_table(path: str | os.PathLike[str], *, sheet: str | None = None) -> Table:
    """Read a CSV, TSV or XLSX file (also gzipped).

    Delimiter (comma, semicolon, tab) and encoding (UTF-8, UTF-16 with mark, Latin-1) are recognised; blank lines are
    skipped but counted, so row numbers are those a spreadsheet shows.

    Args:
        path: the file.
        sheet: the sheet of a workbook; the first when None.

    Raises:
        TableError: it is missing, empty, half-written or not a table; the message names the row and the fix.
    """
    file = os.fspath(path)
    data, content_hash = read_file(path)
    if data[:4] == b"PK\x03\x04":
        from activeloop.tables.workbook import read_workbook

        return read_workbook(data, file, sheet, content_hash)
    return read_delimited(data, file, content_hash)


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
            data = gzip.decompress(content)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise failure("the gzip file is damaged or cut off. Copy or download it again.", file=file) from None
        if not data.strip():
            raise failure("the gzip file holds nothing. Export it again.", file=file)
    return data, hashlib.blake2b(content, digest_size=16).hexdigest()
