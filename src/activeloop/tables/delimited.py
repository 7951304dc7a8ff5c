"""Text tables: encoding, delimiter, and whether they are whole."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import os
import re
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from activeloop.errors import InputError, TableError


def read_file(path: str | os.PathLike[str], failure: type[InputError] = TableError) -> bytes:
    """The bytes of a file.

    Args:
        path: the file.
        failure: the error to raise.

    Raises:
        InputError: of type `failure`: it is missing, a folder, unreadable or empty.
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
    return content


def unpack(content: bytes, file: str, failure: type[InputError] = TableError) -> bytes:
    """The content of a gzipped file; any other content as it is.

    Args:
        content: the file's bytes.
        file: its name, for messages.
        failure: the error to raise.

    Raises:
        InputError: of type `failure`: the packed file is damaged, cut off or empty.
    """
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        data = gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise failure("the gzip file is damaged or cut off. Copy or download it again.", file=file) from None
    if not data.strip():
        raise failure("the gzip file holds nothing. Export it again.", file=file)
    return data


DELIMITERS = "\t;,"
_VARIANT = re.compile(r"(?:p\.)?[A-Z]\d+[A-Z](?:[:,;/+][A-Z]\d+[A-Z])*")
_DECIMAL_COMMA = re.compile(r"[<>=]?\s*[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
_DECIMAL_POINT = re.compile(r"[<>=]?\s*[+-]?\d*\.\d+(?:[eE][+-]?\d+)?")


@dataclass(frozen=True)
class RawTable:
    """Checked header and cells, whatever format they came from."""

    header: tuple[str, ...]
    columns: tuple[list[str], ...]
    row_numbers: tuple[int, ...] | range
    decimal: Literal[".", ","] = "."


def read_delimited(data: bytes, file: str) -> RawTable:
    """Parse CSV or TSV.

    Args:
        data: the file's content, unpacked.
        file: its name, for messages.

    Raises:
        TableError: binary content, unterminated quote, rows of unequal length, or what `checked_table` refuses.
    """
    text = _decode(data, file)
    declared = re.match(r"sep=(.)\r?\n", text)  # Excel writes this line and does not count it as a row.
    if declared:
        text = text[declared.end() :]
    delimiter = declared[1] if declared else _sniff(text)
    records: list[list[str]] = []
    try:
        # Strict, because otherwise a quote that is never closed swallows the rest of the file in silence.
        records.extend(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        problem = 'a quotation mark (") opens here and is not closed: the file is half-written. Export it again.'
        raise TableError(problem, file=file, row=_broken_row(text, delimiter)) from None
    table = checked_table(records, file)
    decimal = "," if delimiter != "," and _uses_comma(table.columns) else "."
    return RawTable(table.header, table.columns, table.row_numbers, decimal)


def checked_table(records: list[list[str]], file: str) -> RawTable:
    """Split records into header and columns.

    Args:
        records: all rows of the sheet from row 1 on; a blank row is an empty list or has empty cells only.
        file: its name, for messages.

    Raises:
        TableError: no header, no data, a name twice, or rows that do not fit the header.
    """
    top = next((i for i, r in enumerate(records) if any(c.strip() for c in r)), None)
    if top is None:
        raise TableError("the table is empty. Export it again.", file=file)
    header = [c.strip() for c in records[top]]
    body = records[top + 1 :]
    numbers: tuple[int, ...] | range = range(top + 2, top + 2 + len(body))
    if not all(map(any, body)):
        kept = [i for i, r in enumerate(body) if any(c.strip() for c in r)]
        body, numbers = [body[i] for i in kept], tuple(numbers[i] for i in kept)
    if not body:
        raise TableError(
            "there is a header but no row below it. Add rows, or export the table again.", file=file, row=top + 1
        )
    _check_widths(header, body, numbers, file)
    columns = tuple([c.strip() for c in column] for column in zip(*body, strict=True))
    while header and not header[-1] and not any(columns[-1]):
        header, columns = header[:-1], columns[:-1]
    names = tuple(h or f"column {i}" for i, h in enumerate(header, 1))
    _check_names(names, file, top + 1)
    _check_is_header(names, columns, file, top + 1)
    return RawTable(names, columns, numbers)


def _decode(data: bytes, file: str) -> str:
    if data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise TableError("this is a workbook of the old .xls format. Save it as .xlsx or CSV.", file=file)
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return data.decode("utf-16", errors="replace")
    if b"\x00" in data:
        row = data[: data.index(b"\x00")].count(b"\n") + 1
        raise TableError("this is not a text table: it holds NUL bytes. Export it as CSV or XLSX.", file=file, row=row)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    if sum(c < " " and c not in "\t\r\n" for c in text[:4096]):
        raise TableError("this is not a text table but a binary file. Export it as CSV or XLSX.", file=file)
    return text


def _sniff(text: str) -> str:
    """The delimiter that splits the first lines into the most columns of one width; a comma when none does."""
    lines = [line for line in text[:65536].splitlines()[:20] if line.strip()]
    best, best_rank = ",", (0, 0)
    for delimiter in DELIMITERS:
        widths = [len(r) for r in csv.reader(lines, delimiter=delimiter)]
        if widths and widths[0] > 1:
            rank = (sum(w == widths[0] for w in widths), widths[0])
            best, best_rank = (delimiter, rank) if rank > best_rank else (best, best_rank)
    return best


def _broken_row(text: str, delimiter: str) -> int:
    """The row in which strict reading stops."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    row = 1
    try:
        for _ in reader:
            row += 1
    except csv.Error:
        pass
    return row


def _check_widths(header: list[str], body: list[list[str]], numbers: tuple[int, ...] | range, file: str) -> None:
    if set(map(len, body)) == {len(header)}:
        return
    for number, record in zip(numbers, body, strict=True):
        if len(record) < len(header):
            last = "the file looks half-written" if number == numbers[-1] else "cells are missing"
            problem = f"{len(record)} of {len(header)} cells: {last}. Export it again, or complete the row."
            raise TableError(problem, file=file, row=number)
        if any(c.strip() for c in record[len(header) :]):
            problem = (
                f"{len(record)} cells under {len(header)} column names. Name every column, and put cells that hold the "
                "delimiter in quotation marks."
            )
            raise TableError(problem, file=file, row=number)
        del record[len(header) :]


def _check_names(names: tuple[str, ...], file: str, row: int) -> None:
    twice = [n for n, count in Counter(n.casefold() for n in names).items() if count > 1]
    if twice:
        where = [i for i, n in enumerate(names, 1) if n.casefold() == twice[0]]
        name = names[where[0] - 1]
        problem = f'columns {where[0]} and {where[1]} are both named "{name}". Give each its own name.'
        raise TableError(problem, file=file, row=row)


def _check_is_header(names: tuple[str, ...], columns: tuple[list[str], ...], file: str, row: int) -> None:
    """Refuse a first row that is data: its cells look like those below them."""
    for name, column in zip(names, columns, strict=True):
        number = _DECIMAL_POINT.fullmatch(name) or _DECIMAL_COMMA.fullmatch(name)
        variant = _VARIANT.fullmatch(name) and any(_VARIANT.fullmatch(c) for c in column[:20])
        if number or variant:
            problem = (
                f'"{name}" stands where a column name should: the table has no header. Add a first row, such as '
                '"mutant,score".'
            )
            raise TableError(problem, file=file, row=row)


def _uses_comma(columns: tuple[list[str], ...]) -> bool:
    """Whether numbers are written with a decimal comma: some are, and none with a point."""
    sample = [c for column in columns for c in column[:1000] if c]
    return any(map(_DECIMAL_COMMA.fullmatch, sample)) and not any(map(_DECIMAL_POINT.fullmatch, sample))
