"""A plate as a file: list (CSV, XLSX) and picture (SVG); reading a list back, also one that was edited by hand."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

from activeloop.errors import InputError, PlateError
from activeloop.files import csv_text, write_whole
from activeloop.measurements.rows import read_replicate
from activeloop.measurements.wells import SHAPES, Well, parse_well, row_letters, well_name, well_names
from activeloop.plates.layout import sort_wells
from activeloop.plates.picture import draw
from activeloop.plates.plate import Pick, Plate
from activeloop.tables import Table, read_table

Row = list[str | int | float | None]
COLUMNS = (
    *("plate", "well", "kind", "candidate", "replicate"),
    *("rank", "predicted", "low", "high", "score", "reason"),
)
KINDS = ("candidate", "control", "empty")


def write_plate(plate: Plate, path: str | Path) -> Path:
    """Write a plate as `.csv` (a list), `.xlsx` (a list and a sheet of the plate's shape) or `.svg` (a picture).

    Raises:
        PlateError: another ending.
        StoreError: the file cannot be written; an older file of that name is as it was.
    """
    ending = Path(path).suffix.lower()
    if ending == ".csv":
        return write_whole(path, csv_text(COLUMNS, _wells(plate)))
    if ending == ".xlsx":
        return write_whole(path, _workbook(plate))
    if ending == ".svg":
        return write_whole(path, draw(plate))
    raise PlateError(
        f'"{ending}" is no format of plates. Use .csv or .xlsx (lists) or .svg (picture); pick lists for robots are '
        "written by write_echo and write_opentrons. Nothing was written.",
        file=str(path),
    )


def _wells(plate: Plate) -> list[Row]:
    """One row a well under `COLUMNS`, empty wells too, so that the size of the plate can be read back."""
    picks = {p.name: p for p in plate.picks}
    rows: list[Row] = []
    for name in well_names(plate.size):
        well = plate.wells.get(name)
        if well is None:
            rows.append([plate.id, name, "empty", *[None] * 8])
            continue
        pick = None if well.control else picks.get(well.candidate)
        numbers = [None if math.isnan(v) else v for v in (pick.mean, pick.low, pick.high, pick.score)] if pick else []
        predicted: Row = [pick.rank, *numbers, pick.reason] if pick else [None] * 6
        rows.append([plate.id, name, KINDS[well.control], well.candidate, well.replicate, *predicted])
    return rows


def read_plate(path: str | Path, *, sheet: str | None = None) -> Plate:
    """Read one plate back from its list (CSV or XLSX).

    Raises:
        TableError: it is no table, or a column is missing.
        PlateError: it holds several plates, a well twice, or a well that is on no plate; names the row.
    """
    plates = read_plates(path, sheet=sheet)
    if len(plates) > 1:
        names = ", ".join(p.id for p in plates)
        raise PlateError(f"it lists {len(plates)} plates ({names}). Use read_plates.", file=str(path))
    return plates[0]


def read_plates(path: str | Path, *, sheet: str | None = None) -> list[Plate]:
    """Read all plates of a list, in the order in which they begin; errors as in `read_plate`.

    Only `well` and `candidate` are needed; without a column `plate` the file's name is the plate's. The size is
    the number of rows where that is the size of a plate, else that of the smallest plate that has all the wells.
    """
    table = read_table(path, sheet=sheet)
    for needed in ("well", "candidate"):
        table.column(needed)
    rows: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for number, row in table.rows():
        cells = {h.casefold(): cell for h, cell in row.items()}
        rows.setdefault(cells.get("plate", "") or Path(table.file).stem, []).append((number, cells))
    return [_plate(plate_id, mine, table) for plate_id, mine in rows.items()]


def _plate(plate_id: str, rows: list[tuple[int, dict[str, str]]], table: Table) -> Plate:
    wells: dict[str, Well] = {}
    picks: dict[str, Pick] = {}
    seen: dict[str, int] = {}
    for number, cells in rows:
        try:
            name = _well_name(cells["well"])
            if name in seen:
                raise PlateError(
                    f'well "{name}" of {plate_id} stands in row {seen[name]} already. Delete one of the two.'
                )
            seen[name] = number
            kind = cells.get("kind", "").casefold() or "candidate"
            if kind not in KINDS:
                raise PlateError(f'kind "{kind}" is not known. Use candidate, control or empty.')
            if kind == "empty" or not cells["candidate"]:
                continue
            replicate = read_replicate(cells.get("replicate", "")) or 1
            wells[name] = Well(cells["candidate"], replicate, kind == "control")
            if kind == "candidate" and cells.get("rank"):
                picks.setdefault(cells["candidate"], _pick(cells))
        except InputError as error:
            raise PlateError(f"{error.problem} No plate was read.", file=table.file, row=number) from None
    ordered = tuple(sorted(picks.values(), key=lambda p: p.rank))
    return Plate(plate_id, _size(seen, table), sort_wells(wells), ordered)


def _well_name(text: str) -> str:
    place = parse_well(text)
    rows, columns = SHAPES[1536]
    if place is None or place[0] >= rows or place[1] >= columns:
        raise PlateError(f'"{text}" is not a well. Write it as A1 ... H12.')
    return well_name(*place)


def _size(seen: dict[str, int], table: Table) -> int:
    places = [parse_well(name) or (0, 0) for name in seen]
    rows, columns = max(p[0] for p in places) + 1, max(p[1] for p in places) + 1
    fitting = [s for s, shape in SHAPES.items() if shape[0] >= rows and shape[1] >= columns]
    # A list without its empty wells: fewer than 96 of 96 wells must not make it a plate of 48.
    return fitting[0] if len(seen) == fitting[0] else max(fitting[0], min(96, fitting[-1]))


def _pick(cells: dict[str, str]) -> Pick:
    score, mean, low, high = (_float(cells.get(name, "")) for name in ("score", "predicted", "low", "high"))
    if not cells["rank"].isdecimal():
        raise PlateError(f'rank "{cells["rank"]}" is not a whole number.')
    return Pick("", cells["candidate"], int(cells["rank"]), score, mean, low, high, cells.get("reason", ""))


def _float(text: str) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        raise PlateError(f'"{text}" is not a number.') from None


FILLS = {"candidate": "DCE9F5", "control": "F6D9A8", "empty": "F2F2F2"}


def _workbook(plate: Plate) -> bytes:
    """The sheets `list` (as the CSV) and `plate` (A-H down, 1-12 across)."""
    from openpyxl import Workbook

    book = Workbook()
    sheet: Any = book.active
    sheet.title = "list"
    _fill_list(sheet, plate)
    _fill_shape(book.create_sheet("plate"), plate)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _fill_list(sheet: Any, plate: Plate) -> None:
    from openpyxl.styles import Font

    for row, cells in enumerate([list(COLUMNS), *_wells(plate)], 1):
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
