"""Results of several plates in one file, and plates that a corner, a barcode, a sheet or somebody names."""

from __future__ import annotations

import csv
import io
import re

import pytest
from openpyxl import Workbook

from activeloop.candidates import Pool
from activeloop.errors import MeasurementError
from activeloop.measurements import Assay, read_measurements
from activeloop.measurements.wells import SHAPES, Well, row_letters, well_name
from activeloop.plates import Plate

POOL = Pool.single_mutants("MKTAYIAKQR")
NAMES = POOL.names(range(80))
ASSAYS = (Assay("kcat", "1/s"), Assay("Tm", "°C"))


def plate(number: str, first: int, size: int = 24) -> Plate:
    rows, columns = SHAPES[size]
    wells = {well_name(r, c): Well(NAMES[first + r * columns + c]) for r in range(rows) for c in range(columns)}
    return Plate(f"plate-{number}", size, wells)


PLATES = (plate("1", 0), plate("2", 24), plate("3", 48))
METADATA = [["Reader 7", "", "s/n 4711"], ["Date", "2026-03-01"], []]


def value(p: Plate, well: str, shift: float = 0.0) -> float:
    return NAMES.index(p.wells[well].candidate) + 1.25 + shift


def grid(p: Plate, corner: str = "", shift: float = 0.0) -> list[list[str]]:
    rows, columns = SHAPES[p.size]
    lines = [[corner, *map(str, range(1, columns + 1))]]
    for r in range(rows):
        lines.append([row_letters(r), *(str(value(p, well_name(r, c), shift)) for c in range(columns))])
    return lines


def listed(p: Plate, name: str = "") -> list[list[str]]:
    return [["Well", "kcat (1/s)"], *([w, str(value(p, w))] for w in p.wells)]


def as_csv(path, rows, delimiter=","):
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter).writerows(rows)
    path.write_text(buffer.getvalue(), "utf-8")
    return path


def as_workbook(path, sheets):
    book = Workbook()
    del book["Sheet"]
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(
                [float(c) if re.fullmatch(r"\d+\.\d+", c) else int(c) if c.isdigit() else c or None for c in row]
            )
    book.save(path)
    return path


def read(path, plates=PLATES, assays=ASSAYS[:1], **options):
    return read_measurements(path, pool=POOL, assays=assays, plates=plates, **options)


def expected(*plates: Plate) -> dict[tuple[str, str], tuple[str, float]]:
    return {(p.id, w): (held.candidate, value(p, w)) for p in plates for w, held in p.wells.items()}


def found(reading) -> dict[tuple[str, str], tuple[str, float]]:
    return {(m.plate, m.well): (m.candidate, m.value) for m in reading.measurements}


FORMS = {
    "corner": lambda p: [grid(p, p.id)[0], *grid(p)[1:]],
    "corner in words": lambda p: [grid(p, p.id.replace("-", " ").title())[0], *grid(p)[1:]],
    "barcode above": lambda p: [["Barcode", p.id], ["Temperature", "30.1"], *grid(p)],
    "name above": lambda p: [[f"Plate: {p.id}"], [], *grid(p)],
    "barcode in one cell": lambda p: [[f"Barcode: {p.id}", "OD600"], *grid(p, "<>")],
}


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
@pytest.mark.parametrize("form", list(FORMS))
def test_blocks_of_one_sheet_name_their_plates(tmp_path, form, ending):
    rows = [*METADATA, *FORMS[form](PLATES[1]), [], *FORMS[form](PLATES[0]), [], ["End time", "10:00"]]
    path = tmp_path / f"r.{ending}"
    path = as_csv(path, rows) if ending == "csv" else as_workbook(path, {"Results": rows})
    assert found(read(path)) == expected(*PLATES[:2])


@pytest.mark.parametrize("form", list(FORMS))
def test_a_single_block_names_its_plate(tmp_path, form):
    path = as_csv(tmp_path / "r.csv", [*METADATA, *FORMS[form](PLATES[2])], ";")
    assert found(read(path)) == expected(PLATES[2])


def test_blocks_side_by_side_name_their_plates(tmp_path):
    pairs = zip(grid(PLATES[0], "plate-1"), grid(PLATES[2], "plate-3"), strict=True)
    path = as_csv(tmp_path / "r.csv", [[*left, "", *right] for left, right in pairs])
    assert found(read(path)) == expected(PLATES[0], PLATES[2])
    assert found(read(path, columns={"block": "I1"}, plate="plate-3")) == expected(PLATES[2])


@pytest.mark.parametrize("form", ["grid", "list"])
def test_a_sheet_for_each_plate(tmp_path, form):
    rows = grid if form == "grid" else listed
    path = as_workbook(tmp_path / "r.xlsx", {"Notes": [["by Ann"]], **{p.id: rows(p) for p in PLATES}})
    assert found(read(path)) == expected(*PLATES)
    assert found(read(path, sheet="plate-2", plate="plate-2")) == expected(PLATES[1])


def test_blocks_of_several_assays(tmp_path):
    rows = []
    for p in PLATES[:2]:
        for i, assay in enumerate(ASSAYS):
            rows += [[p.id, assay.name], *grid(p, f"{assay.name} ({assay.unit})", shift=100.0 * i), []]
    path = as_csv(tmp_path / "r.csv", rows)
    reading = read(path, assays=ASSAYS)
    got = {(m.assay, m.plate, m.well): m.value for m in reading.measurements}
    assert len(got) == 96
    assert got["kcat", "plate-2", "A1"] == value(PLATES[1], "A1")
    assert got["Tm", "plate-2", "A1"] == value(PLATES[1], "A1") + 100.0
    one = as_csv(tmp_path / "plate-2.csv", [["kcat"], *grid(PLATES[1]), [], ["Tm"], *grid(PLATES[1], shift=100.0)])
    assert len(read(one, plates=PLATES[1:2], assays=ASSAYS).measurements) == 48


@pytest.mark.parametrize("header", ["Barcode", "Plate Barcode", "Run"])
def test_a_column_of_barcodes_is_that_of_plates(tmp_path, header):
    rows = [[header, "Well", "kcat"], *([p.id, w, str(value(p, w))] for p in PLATES for w in p.wells)]
    assert found(read(as_csv(tmp_path / "r.csv", rows))) == expected(*PLATES)


def test_somebody_says_which_plate_it_is(tmp_path):
    path = as_csv(tmp_path / "r.csv", listed(PLATES[1]))
    with pytest.raises(MeasurementError, match=r"which plate\? There are plate-1, plate-2, plate-3"):
        read(path)
    assert found(read(path, plate="plate-2")) == expected(PLATES[1])
    assert found(read(path, plate="Plate 2")) == expected(PLATES[1])
    counted = as_csv(tmp_path / "c.csv", [["Plate", "Barcode", *listed(PLATES[1])[0]]] + [
        ["1", "BC0001", *row] for row in listed(PLATES[1])[1:]
    ])  # fmt: skip
    assert found(read(counted, plate="plate-2")) == expected(PLATES[1])
    block = as_csv(tmp_path / "b.csv", [*METADATA, *grid(PLATES[1])])
    assert found(read(block, plate="plate-2")) == expected(PLATES[1])
    with pytest.raises(MeasurementError, match=r'there is no plate "plate-9"\. Plates: plate-1, plate-2, plate-3'):
        read(path, plate="plate-9")


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (
            [["plate-1"], *grid(PLATES[0]), [], ["raw"], *grid(PLATES[1])],
            {},
            "names no plate (plate-1, plate-2, plate-3)",
        ),
        ([["plate-1"], *grid(PLATES[0]), [], ["plate-1"], *grid(PLATES[0])], {}, "are both of plate-1. Say which one"),
        ([["plate-1"], *grid(PLATES[0])], {"plate": "plate-2"}, "names plate-1, and plate-2 was said to be the plate"),
        ([["plate-9"], *grid(plate("9", 0, 6))], {"plates": (plate("9", 0, 12),)}, "has 6 wells, but plate-9 has 12"),
        ([["Plate", "Well", "kcat"], ["plate-3", "A1", "2.5"]], {"plate": "plate-2"}, 'the plate is "plate-3" here'),
        ([*grid(PLATES[0]), [], *grid(PLATES[1])], {}, "there are 2 blocks shaped like a plate here"),
    ],
)
def test_files_whose_plates_are_not_clear(tmp_path, rows, options, message):
    path = as_csv(tmp_path / "r.csv", rows)
    with pytest.raises(Exception, match=re.escape(message)):
        read(path, **options)


def test_the_workbook_of_a_plate_is_a_list_whatever_its_other_sheet_shows(tmp_path):
    from activeloop.plates import write_plate

    named = Pool.of(POOL[i].design for i in range(24))
    path = write_plate(PLATES[0], tmp_path / "plate-1.xlsx", ASSAYS[:1])
    from openpyxl import load_workbook

    book = load_workbook(path)
    for row in range(2, 26):
        book["list"].cell(row, 6, 2.5)
    book.save(path)
    reading = read_measurements(path, pool=named, assays=ASSAYS[:1], plates=PLATES[:2])
    assert {m.value for m in reading.measurements} == {2.5}
    assert not reading.notes
