"""Text tables: encoding, delimiter, decimal sign, and whether they are whole."""

from __future__ import annotations

import codecs
import csv
import io
import re
from dataclasses import replace

from activeloop.errors import TableError
from activeloop.tables.table import Table, checked_table

DELIMITERS = "\t;,"


def read_delimited(data: bytes, file: str, content_hash: str) -> Table:
    """Parse CSV or TSV.

    Args:
        data: the file's content, unpacked.
        file: its name, for messages.
        content_hash: of the file.

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
        raise TableError(problem, file=file, row=len(records) + 1) from None
    return replace(checked_table(records, file, content_hash), delimiter=delimiter)


def _decode(data: bytes, file: str) -> str:
    """The text: UTF-8, UTF-16 with a mark, else Latin-1, which instruments and old spreadsheets write.

    Not by charset-normalizer, whose statistics need running text: it takes "kcat (µM)" in Latin-1 for Chinese (Big5).
    """
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
