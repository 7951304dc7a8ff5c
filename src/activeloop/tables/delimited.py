"""Text tables: encoding, delimiter, and whether they are whole."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter

from activeloop.errors import TableError
from activeloop.tables.table import Table, checked_table

DELIMITERS = "\t;,|"
#: bytes from which delimiter and encoding are guessed
HEAD = 2**16
#: different cells that are held once however often they stand in a long file
SHARED = 10_000
#: letters that are UTF-8 and, in other encodings, two or three signs that seldom stand together
_UTF8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe1-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")

#: how files of other kinds begin, in small letters, and what they are
_OTHER = (
    *(
        (mark, "a web page (HTML), as some instruments write it under the name .xls")
        for mark in (b"<html", b"<!doctype html", b"<table", b"<head", b"<meta")
    ),
    *((mark, "XML, such as a workbook of Excel 2003") for mark in (b"<?xml", b"<workbook")),
    (b"%pdf-", "a PDF"),
    (b"{\\rtf", "a text with formats (RTF)"),
    *((mark, "JSON") for mark in (b"[{", b'{"')),
    *(
        (mark, "a packed file (only .gz is unpacked)")
        for mark in (b"bzh9", b"\xfd7zxz", b"7z\xbc\xaf", b"(\xb5/\xfd", b"rar!")
    ),
    (b"par1", "a Parquet file"),
    (b"pk\x05\x06", "an empty archive"),
    (b"\x89hdf", "an HDF5 file"),
    (b"sqlite format 3", "a database (SQLite)"),
)


def read_delimited(data: bytes, file: str, content_hash: str, block: str | None = None) -> Table:
    """Parse CSV or TSV.

    Args:
        data: the file's content, unpacked.
        file: its name, for messages.
        content_hash: of the file.
        block: row or label of the block shaped like a plate that is meant.

    Raises:
        TableError: binary content, unterminated quote, rows of unequal length, or what `checked_table` refuses.
    """
    records, delimiter = delimited_records(data, file)
    return checked_table(records, file, content_hash, delimiter=delimiter, block=block)


def delimited_records(data: bytes, file: str) -> tuple[list[list[str]], str]:
    """The records of a text table and what stands between their cells; errors as in `read_delimited`."""
    encoding = _encoding(data, file)
    # A stream, because the whole text beside bytes and cells would double the memory of a long file.
    with io.TextIOWrapper(io.BytesIO(data), encoding, newline="") as text:
        head = text.read(HEAD)
        text.seek(0)
        declared = re.match(r"sep=(.)\1*\r?\n", head)  # Excel writes this line and does not count it as a row.
        if declared:
            text.readline()
        delimiter = declared[1] if declared else _sniff(head)
        records: list[list[str]] = []
        seen: dict[str, str] = {}
        try:
            # Strict, because otherwise a quote that is never closed swallows the rest of the file in silence.
            for record in csv.reader(text, delimiter=delimiter, strict=True):
                for i, cell in enumerate(record):
                    if (same := seen.get(cell)) is not None:
                        record[i] = same
                    elif len(seen) < SHARED:
                        seen[cell] = cell
                records.append(record)
        except csv.Error as error:
            problem = 'a quotation mark (") opens here and is not closed: the file is half-written. Export it again.'
            if "field limit" in str(error):
                problem = (
                    f'a cell from here on holds more than {csv.field_size_limit():,} characters: a quotation mark (") '
                    "is not closed, or this is no table. Export it again."
                )
            raise TableError(problem, file=file, row=len(records) + 1) from None
    return records, delimiter


def _encoding(data: bytes, file: str) -> str:
    """UTF-8, UTF-16 with a mark, else Windows' or Latin-1, which instruments and old spreadsheets write.

    Not by charset-normalizer, whose statistics need running text: it takes "kcat (µM)" in Latin-1 for Chinese (Big5).
    """
    if data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        problem = "this is a workbook of the old .xls format, or one with a password. Save it as .xlsx or CSV."
        raise TableError(problem, file=file)
    start = data[:1024].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    for mark, what in _OTHER:
        if start.startswith(mark):
            raise TableError(f"this is {what}, not a table. Save or export it as .xlsx or CSV.", file=file)
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        try:
            text = data.decode("utf-16")
        except UnicodeDecodeError as error:
            row = data[: error.start].decode("utf-16", errors="replace").count("\n") + 1
            raise TableError("a character is cut in half here: export the table again.", file=file, row=row) from None
        if "\x00" in text:
            raise TableError("this is not a text table: it holds NUL characters. Export it as CSV or XLSX.", file=file)
        return "utf-16"
    if b"\x00" in data:
        row = data[: data.index(b"\x00")].count(b"\n") + 1
        raise TableError("this is not a text table: it holds NUL bytes. Export it as CSV or XLSX.", file=file, row=row)
    try:
        data.decode("utf-8-sig")
        return "utf-8-sig"
    except UnicodeDecodeError as error:
        bad = error.start
    if sum(byte < 32 and byte not in b"\t\r\n" for byte in data[:4096]):
        raise TableError("this is not a text table but a binary file. Export it as CSV or XLSX.", file=file)
    if data[:3] == codecs.BOM_UTF8 or _UTF8.search(data):
        problem = "letters of two encodings are mixed here. Save the table as UTF-8 (in Excel: CSV UTF-8)."
        raise TableError(problem, file=file, row=data[:bad].count(b"\n") + 1)
    try:
        data.decode("cp1252")
        return "cp1252"
    except UnicodeDecodeError:
        return "latin-1"


def _sniff(text: str) -> str:
    """The delimiter that splits the first lines into the most columns of one width; a comma when none does."""
    lines = [line for line in text.splitlines()[:40] if line.strip()]
    best, best_rank = ",", (0, 0, 0)
    for delimiter in DELIMITERS:
        try:
            widths = [len(r) for r in csv.reader(lines[:20], delimiter=delimiter)]
            split = Counter(w for record in csv.reader(lines, delimiter=delimiter) if (w := len(record)) > 1)
        except csv.Error:
            continue
        if not split:
            continue
        width, rows = split.most_common(1)[0]
        # Where the first line, such as an instrument's name, is not split by any, most lines decide.
        first = sum(w == widths[0] for w in widths) if widths[0] > 1 else 0
        rank = (first, widths[0] if first else rows, width)
        best, best_rank = (delimiter, rank) if rank > best_rank else (best, best_rank)
    return best
