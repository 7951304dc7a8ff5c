"""Excel workbooks (.xlsx)."""

from __future__ import annotations

import datetime
import io
import zipfile
from dataclasses import replace
from typing import Any

from activeloop.errors import TableError
from activeloop.tables.table import Table, checked_table


def read_workbook(data: bytes, file: str, sheet: str | None, content_hash: str) -> Table:
    """Read one sheet.

    Args:
        data: the file's content.
        file: its name, for messages.
        sheet: name of the sheet; the first when None.
        content_hash: of the file.

    Raises:
        TableError: not a whole workbook, no such sheet, or what `checked_table` refuses.
    """
    _check_zip(data, file)
    values = _cells(data, file, sheet, values=True)
    if _has_formulas(data):
        # A program that never calculated (openpyxl, a script) stores formulas without values: show the formula instead.
        formulas = _cells(data, file, sheet, values=False)
        values = [
            [w if v is None and isinstance(w, str) and w.startswith("=") else v for v, w in zip(a, b, strict=False)]
            for a, b in zip(values, formulas, strict=False)
        ]
    records = [[_text(v) for v in row] for row in values]
    width = max((len(r) for r in records), default=0)
    # A row ends at its last touched cell. No row is half-written here: the archive itself would not open.
    return replace(checked_table([r + [""] * (width - len(r)) for r in records], file, content_hash), delimiter="")


def _check_zip(data: bytes, file: str) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names, damaged = archive.namelist(), archive.testzip()
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError):
        names, damaged = [], "it"
    if damaged:
        raise TableError("the workbook is damaged or half-written. Save it again, or copy it again.", file=file)
    if "xl/workbook.xml" not in names:
        raise TableError("this is an archive but not an .xlsx workbook. Save the table as .xlsx or CSV.", file=file)


def _has_formulas(data: bytes) -> bool:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sheets = [n for n in archive.namelist() if n.startswith("xl/worksheets/") and n.endswith(".xml")]
        return any(mark in archive.read(n) for n in sheets for mark in (b"<f>", b"<f ", b"<f/"))


def _cells(data: bytes, file: str, sheet: str | None, *, values: bool) -> list[list[Any]]:
    import openpyxl

    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=values)
    except (KeyError, ValueError, TypeError, SyntaxError) as error:
        raise TableError("the workbook is damaged. Save it again as .xlsx.", file=file) from error
    try:
        if sheet is not None and sheet not in book.sheetnames:
            problem = f'no sheet "{sheet}". Sheets: {", ".join(book.sheetnames)}.'
            raise TableError(problem, file=file)
        page: Any = book[sheet] if sheet is not None else book.worksheets[0]
        page.reset_dimensions()  # Some instruments write a wrong size, and read-only mode would believe it.
        return [list(row) for row in page.iter_rows(values_only=True)]
    finally:
        book.close()


def _text(value: Any) -> str:
    """A cell as it would be typed."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    return str(value)
