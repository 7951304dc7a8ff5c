"""A plate as a workbook: the list, and a sheet with the shape of the plate to lay beside it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from activeloop.files import write_whole
from activeloop.measurements.wells import SHAPES, row_letters, well_name
from activeloop.plates.listing import COLUMNS, list_wells
from activeloop.plates.plate import Plate

FILLS = {"candidate": "DCE9F5", "control": "F6D9A8", "empty": "F2F2F2"}


def write_xlsx(plate: Plate, path: str | Path) -> Path:
    """Write the sheets `list` (as the CSV) and `plate` (A-H down, 1-12 across).

    Raises:
        StoreError: the file cannot be written.
    """
    from openpyxl import Workbook

    book = Workbook()
    sheet: Any = book.active
    sheet.title = "list"
    _fill_list(sheet, plate)
    _fill_shape(book.create_sheet("plate"), plate)
    buffer = io.BytesIO()
    book.save(buffer)
    return write_whole(path, buffer.getvalue())


def _fill_list(sheet: Any, plate: Plate) -> None:
    from openpyxl.styles import Font

    for row, cells in enumerate([list(COLUMNS), *list_wells(plate)], 1):
        for column, value in enumerate(cells, 1):
            _put(sheet, row, column, value)
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for letter, width in zip("ABCDEFGHIJK", (12, 7, 11, 24, 10, 7, 11, 11, 11, 11, 60), strict=True):
        sheet.column_dimensions[letter].width = width
    sheet.freeze_panes = "C2"
    sheet.auto_filter.ref = sheet.dimensions


def _fill_shape(sheet: Any, plate: Plate) -> None:
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    rows, columns = SHAPES[plate.size]
    _put(sheet, 1, 1, plate.id).font = Font(bold=True)
    for c in range(columns):
        _put(sheet, 1, c + 2, c + 1).font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(c + 2)].width = 13
    for r in range(rows):
        _put(sheet, r + 2, 1, row_letters(r)).font = Font(bold=True)
        for c in range(columns):
            well = plate.wells.get(well_name(r, c))
            kind = "empty" if well is None else "control" if well.control else "candidate"
            cell = _put(sheet, r + 2, c + 2, well.candidate if well else None)
            cell.fill = PatternFill("solid", fgColor=FILLS[kind])
            cell.alignment = Alignment(wrap_text=True, horizontal="center", vertical="center")
    sheet.freeze_panes = "B2"


def _put(sheet: Any, row: int, column: int, value: str | int | float | None) -> Any:
    cell = sheet.cell(row, column, value)
    if isinstance(value, str):
        # A name that begins with "=" is no formula, and one such as MAR1 must not become a date.
        cell.data_type, cell.number_format = "s", "@"
    return cell
