"""A plate as a file: list (CSV, XLSX) and picture (SVG); reading a list back, also one that was edited by hand."""

from __future__ import annotations

import io
import math
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from activeloop.errors import InputError, PlateError
from activeloop.files import csv_text, write_whole
from activeloop.measurements import Assay
from activeloop.measurements.columns import OURS, PLATE_LIST, is_plate_list, label_headers, result_header
from activeloop.measurements.rows import read_replicate
from activeloop.measurements.wells import SHAPES, Well, parse_well, row_letters, well_name, well_names
from activeloop.plates.layout import sort_wells
from activeloop.plates.picture import draw
from activeloop.plates.plate import Pick, PickPrediction, Plate, unwritable_in
from activeloop.tables import Table, read_table
from activeloop.tables.names import plain, split_unit

Row = list[str | int | float | None]
PREDICTED = PLATE_LIST[6:9]
KINDS = ("candidate", "control", "empty")


#: endings of the files of a plate
ENDINGS = (".svg", ".xlsx", ".csv")


def write_plate(plate: Plate, path: str | Path, assays: Sequence[Assay] = ()) -> Path:
    """Write a plate as `.csv` (a list), `.xlsx` (a list and a sheet of the plate's shape) or `.svg` (a picture).

    Args:
        plate: what to write.
        path: of the file; its ending says the format.
        assays: what will be measured: a list gets an empty column for the results of each.

    Raises:
        PlateError: another ending, or a name that no file can hold.
        StoreError: the file cannot be written; an older file of that name is as it was.
    """
    return write_whole(path, plate_content(plate, path, assays))


def plate_content(plate: Plate, path: str | Path, assays: Sequence[Assay] = ()) -> str | bytes:
    """What `write_plate` writes into a file of that name."""
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS:
        raise PlateError(
            f'"{ending}" is no format of plates. Use .csv or .xlsx (lists) or .svg (picture); pick lists for robots '
            "are written by write_echo and write_opentrons. Nothing was written.",
            file=str(path),
        )
    for name in (plate.id, *(well.candidate for well in plate.wells.values())):
        if unwritable := unwritable_in(name):
            raise PlateError(f"{unwritable} Nothing was written.", file=str(path))
    if ending == ".svg":
        return draw(plate, label=_colours(plate, assays), pages=True)
    form = _Form.of(plate, assays)
    return csv_text(form.header, form.rows()) if ending == ".csv" else _workbook(form)


def _colours(plate: Plate, assays: Sequence[Assay]) -> str:
    """What the colours of a picture stand for, with the unit; "" where nothing is predicted."""
    if not assays or not any(math.isfinite(p.mean) for p in plate.picks):
        return ""
    name = next((one.assay for p in plate.picks for one in p.predictions), assays[0].name)
    assay = next((a for a in assays if a.name == name), assays[0])
    fit = assay.goal == "classify"
    return f"{assay.name}, probability of fit" if fit else f"{assay.predicted}{assay.unit and f' ({assay.unit})'}"


def refuse_typed_results(path: str | Path, assays: Sequence[Assay], unchanged: str) -> None:
    """Refuse to write over a plate's list into which somebody typed results that were not recorded.

    Args:
        path: of a file that is going to be written; nothing is refused where there is none.
        assays: of the campaign.
        unchanged: the last sentence of the message.

    Raises:
        PlateError: its column of an assay has values.
    """
    if Path(path).suffix.lower() not in (".csv", ".xlsx") or not Path(path).is_file():
        return
    try:
        table = read_table(path)
    except InputError:  # what is no table holds no results
        return
    named = {plain(split_unit(result_header(a))[0]) for a in assays}
    typed = {
        header: count
        for header, cells in zip(table.header, table.columns, strict=True)
        if plain(split_unit(header)[0]) in named and (count := sum(bool(cell.strip()) for cell in cells))
    }
    if typed:
        held = ", ".join(f'{count:,} in "{header}"' for header, count in typed.items())
        problem = f"results were typed into it ({held}), and it would be written anew without them."
        raise PlateError(f"{problem} Record it first, or move it elsewhere. {unchanged}", file=str(path))


def _assays(plate: Plate) -> list[str]:
    """The names of the predicted assays; none where there is only one, whose columns need no name."""
    names = list(dict.fromkeys(one.assay for pick in plate.picks for one in pick.predictions))
    return names if len(names) > 1 else []


@dataclass(frozen=True)
class _Form:
    """The list of a plate: what stands where.

    Args:
        plate: it.
        predicted: names of its predicted assays; () where there is only one, whose columns need no name.
        results: headers of the columns for results, "" in every row.
        labels: label of a pick -> header of its column.
    """

    plate: Plate
    predicted: tuple[str, ...]
    results: tuple[str, ...]
    labels: dict[str, str]

    @classmethod
    def of(cls, plate: Plate, assays: Sequence[Assay]) -> _Form:
        predicted, results = tuple(_assays(plate)), tuple(map(result_header, assays))
        names = dict.fromkeys(name for pick in plate.picks for name, _ in pick.labels)
        known = dict.fromkeys((*predicted, *(a.name for a in assays)))
        return cls(plate, predicted, results, label_headers(tuple(names), known))

    @property
    def header(self) -> list[str]:
        """`PLATE_LIST`, with labels and results before the rank.

        Of several assays each has its own `NAME predicted`, `NAME low` and `NAME high`. An assay that is called as one
        of our columns goes first.
        """
        named = [f"{assay} {what}" for assay in self.predicted for what in PREDICTED] or list(PREDICTED)
        asked = {plain(split_unit(name)[0]) for name in self.results}
        ours = [name if plain(name) not in asked else f"{OURS}{name}" for name in ("rank", *named, "score", "reason")]
        return [*PLATE_LIST[:5], *self.labels.values(), *self.results, *ours]

    def rows(self) -> list[Row]:
        """One row a well, empty wells too, so that the size of the plate can be read back."""
        picks, width = {p.name: p for p in self.plate.picks}, len(self.header)
        rows: list[Row] = []
        for name in well_names(self.plate.size):
            well = self.plate.wells.get(name)
            if well is None:
                rows.append([self.plate.id, name, "empty", *[None] * (width - 3)])
                continue
            pick = None if well.control else picks.get(well.candidate)
            known = dict(pick.labels) if pick else {}
            labels = [known.get(label, "") or None for label in self.labels]
            values = [*_numbers(pick, self.predicted), pick.score] if pick else []
            numbers = [None if math.isnan(v) else v for v in values]
            row: Row = [self.plate.id, name, KINDS[well.control], well.candidate, well.replicate, *labels]
            row += [None] * len(self.results)
            row += [pick.rank, *numbers, pick.reason] if pick else []
            rows.append(row + [None] * (width - len(row)))
        return rows


def _numbers(pick: Pick, assays: Sequence[str]) -> list[float]:
    """What is predicted of a pick, under the columns between its rank and its score."""
    if not assays:
        return [pick.mean, pick.low, pick.high]
    known = {p.assay: (p.mean, p.low, p.high) for p in pick.predictions}
    return [v for assay in assays for v in known.get(assay, (math.nan,) * 3)]


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

    Only `well` and `candidate` are needed; without a column `plate` the file's name is the plate's. Further columns are
    labels of the picks. The size is
    the number of rows where that is the size of a plate, else that of the smallest plate that has all the wells.
    """
    return _plates(read_table(path, sheet=sheet))


@dataclass(frozen=True)
class PlateFolder:
    """The plates in a folder.

    Args:
        plates: in the order of the names of their files.
        foreign: names of CSV files that are no plates, and why: results that were saved there, copies, leftovers of
            programs.
    """

    plates: tuple[Plate, ...]
    foreign: dict[str, str]


def plates_in(folder: str | Path) -> PlateFolder:
    """The plates whose lists (CSV) stand in a folder, and the files that are none.

    A list is a plate's when it has the columns of one and no others, or when its column `plate` holds the file's name.
    A file with the name of a proposal's plate (`plate-1.csv`, `plate-2-1.csv`) must be one.

    Raises:
        InputError: such a file cannot be read, or two files list one plate; names the file.
    """
    found: dict[str, tuple[Path, Plate]] = {}
    foreign: dict[str, str] = {}
    for path in sorted(Path(folder).glob("*.csv")):
        ours = _PLATE_NAME.fullmatch(path.stem) is not None
        try:
            plates = _plates_of_file(path)
        except InputError as error:
            if ours:
                raise
            foreign[path.name] = error.problem
            continue
        for plate in plates:
            if plate.id not in found or (path.stem == plate.id != found[plate.id][0].stem):
                if plate.id in found:
                    foreign[found[plate.id][0].name] = f"{plate.id} is listed in {path.name}"
                found[plate.id] = path, plate
            elif found[plate.id][0].stem == plate.id:
                foreign[path.name] = f"{plate.id} is listed in {found[plate.id][0].name}"
            else:
                problem = f"it lists {plate.id}, and so does {found[plate.id][0].name}. Remove one of the two files."
                raise PlateError(problem, file=str(path))
    return PlateFolder(tuple(plate for _, plate in sorted(found.values(), key=lambda pair: pair[0])), foreign)


#: names of the files of a proposal's plates
_PLATE_NAME = re.compile(r"plate-\d+(?:-\d+)?")


def _plates_of_file(path: Path) -> list[Plate]:
    if path.name.startswith(".") or not path.is_file():
        raise PlateError("it is no list of wells.", file=str(path))
    table = read_table(path)
    plates = _plates(table)
    others = [] if is_plate_list(table) else _further(table)
    if others and (table.find("plate") is None or [p.id for p in plates] != [path.stem]):
        raise PlateError(f'it has the column "{others[0]}", which no list of a plate has.', file=str(path))
    return plates


def _further(table: Table) -> list[str]:
    """The columns that are not ours: labels, and results that somebody typed in."""
    named = [f"{assay} {what}" for assay in _named_assays(table) for what in PREDICTED]
    return [h for h in table.header if h.casefold().removeprefix(OURS) not in PLATE_LIST and h not in named]


def _plates(table: Table) -> list[Plate]:
    for needed in ("well", "candidate"):
        if table.find(needed) is None:
            table.column(needed)  # raises
    rows: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for number, row in table.rows():
        cells = {h.casefold(): cell for h, cell in row.items()}
        cells |= {h.removeprefix(OURS): cell for h, cell in cells.items() if h.removeprefix(OURS) in PLATE_LIST[5:]}
        rows.setdefault(cells.get("plate", "") or Path(table.file).stem, []).append((number, cells))
    further = [h for h in _further(table) if any(table.cells(h))]
    return [_plate(plate_id, mine, table, further) for plate_id, mine in rows.items()]


def _plate(plate_id: str, rows: list[tuple[int, dict[str, str]]], table: Table, labels: Sequence[str]) -> Plate:
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
                pick = _pick(cells, _named_assays(table))
                pick = replace(pick, labels=tuple((label, cells[label.casefold()]) for label in labels))
                picks.setdefault(cells["candidate"], pick)
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


def _named_assays(table: Table) -> list[str]:
    """The assays that have columns of predictions of their own."""
    names = [h.removesuffix(f" {PREDICTED[0]}") for h in table.header if h.endswith(f" {PREDICTED[0]}")]
    return [name for name in names if all(f"{name} {what}" in table.header for what in PREDICTED)]


def _pick(cells: dict[str, str], assays: list[str]) -> Pick:
    score, *first = (_float(cells.get(name, "")) for name in ("score", *PREDICTED))
    if not cells["rank"].isdecimal():
        raise PlateError(f'rank "{cells["rank"]}" is not a whole number.')
    each = [[_float(cells[f"{assay} {what}".casefold()]) for what in PREDICTED] for assay in assays]
    predictions = tuple(
        PickPrediction(assay, *one) for assay, one in zip(assays, each, strict=True) if not math.isnan(one[0])
    )
    mean, low, high = (predictions[0].mean, predictions[0].low, predictions[0].high) if predictions else first
    why = cells.get("reason", "")
    return Pick("", cells["candidate"], int(cells["rank"]), score, mean, low, high, why, predictions)


def _float(text: str) -> float:
    try:
        # A list that was saved by a spreadsheet with decimal commas.
        return float((text if "." in text else text.replace(",", ".")) or "nan")
    except ValueError:
        raise PlateError(f'"{text}" is not a number.') from None


FILLS = {"candidate": "DCE9F5", "control": "F6D9A8", "empty": "F2F2F2", "result": "FFF9DB"}


def _workbook(form: _Form) -> bytes:
    """The sheets `list` (as the CSV) and `plate` (A-H down, 1-12 across)."""
    from openpyxl import Workbook

    book = Workbook()
    sheet: Any = book.active
    sheet.title = "list"
    _fill_list(sheet, form)
    _fill_shape(book.create_sheet("plate"), form.plate)
    buffer = io.BytesIO()
    book.save(buffer)
    return _without_moments(buffer.getvalue())


def _without_moments(workbook: bytes) -> bytes:
    """A workbook that does not say when it was written: the same plate gives the same bytes."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as old, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*", rb"\g<1>2000-01-01T00:00:00Z", content)
            new.writestr(zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return written.getvalue()


def _fill_list(sheet: Any, form: _Form) -> None:
    from openpyxl.styles import Font, PatternFill
    from openpyxl.utils import get_column_letter

    header, rows = form.header, form.rows()
    for row, cells in enumerate([list(header), *rows], 1):
        for column, value in enumerate(cells, 1):
            _put(sheet, row, column, value)
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    first = len(PLATE_LIST[:5]) + len(form.labels)
    for column in range(first + 1, first + len(form.results) + 1):  # here results are typed in
        for row, cells in enumerate(rows, 2):
            if cells[2] != "empty":
                sheet.cell(row, column).fill = PatternFill("solid", fgColor=FILLS["result"])
    widths = [12, 7, 11, 24, 10, *[14] * (len(form.labels) + len(form.results)), 7]
    widths += [11] * (len(header) - len(widths) - 1) + [60]
    for column, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(column)].width = width
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
            cell = _put(sheet, r + 2, c + 2, plate.called(well.candidate) if well else None)
            cell.fill = PatternFill("solid", fgColor=FILLS[kind])
            cell.alignment = Alignment(wrap_text=True, horizontal="center", vertical="center")
    sheet.freeze_panes = "B2"


def _put(sheet: Any, row: int, column: int, value: str | int | float | None) -> Any:
    cell = sheet.cell(row, column, value)
    if isinstance(value, str):
        # A name that begins with "=" is no formula, and one such as MAR1 must not become a date.
        cell.data_type, cell.number_format = "s", "@"
    return cell
