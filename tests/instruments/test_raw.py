"""What stands in a file, looked up without its parser."""

import io
import math
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from openpyxl import Workbook

from activeloop.errors import MeasurementError, TableError
from activeloop.instruments import InstrumentFile, Reading, read_instrument
from activeloop.instruments.raw import checked, confirm, look, looks_exported
from activeloop.instruments.results import results_table
from exports import gen5

GRID = "Reader 7\n\n,1,2,3,4,5,6\nA,0.1,0.2,0.3,0.4,0.5,0.6\nB,1.1,1.2,1.3,1.4,1.5,1.6\n"


TENTHS = "\t".join(f"{whole}.{c}" for whole in (0, 1) for c in range(1, 7))


def written(tmp_path, content, name="run.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def reading(well, value):
    return Reading("P1", well, f"P1 {well}", "absorbance", "", value, "mAU")


def file_of(**values):
    return InstrumentFile("run.csv", "", "reader", tuple(reading(w, v) for w, v in values.items()))


@pytest.mark.parametrize(
    "content",
    [
        GRID,
        GRID.replace(",", "\t"),
        GRID.replace(",", ";").replace(".", ","),
        GRID.encode("utf-16"),
        "Well,Value\n" + "".join(f"{r}0{c},{v}.{c}\n" for v, r in enumerate("AB") for c in range(1, 7)),
        "Row,Column,OD\n" + "".join(f"{r},{c},{v}.{c}\n" for v, r in enumerate("AB") for c in range(1, 7)),
        "\tTemp\t" + "\t".join(f"{r}{c}" for r in "AB" for c in range(1, 7)) + f"\n\t25\t{TENTHS}",
    ],
)
def test_values_are_found_at_their_wells_in_every_layout(tmp_path, content):
    raw = look(written(tmp_path, content))
    assert confirm(file_of(A1=0.1, A6=0.6, B2=1.2), raw).at_well == 3
    assert confirm(file_of(A1=0.1, B2=1.3), raw).wrong_well == (reading("B2", 1.3),)


def test_a_workbook_and_a_zip_are_looked_into(tmp_path):
    book = Workbook()
    for line in GRID.splitlines():
        book.active.append([float(c) if c.replace(".", "").isdigit() else c for c in line.split(",")])  # type: ignore[union-attr]
    book.save(tmp_path / "run.xlsx")
    assert confirm(file_of(A1=0.1, B6=1.6), look(tmp_path / "run.xlsx")).at_well == 2
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("plate.csv", GRID)
    assert confirm(file_of(A1=0.1, B6=1.6), look(written(tmp_path, packed.getvalue(), "run.zip"))).at_well == 2
    with pytest.raises(TableError, match="no workbook"):
        look(written(tmp_path, packed.getvalue()[:40], "cut.zip"))


def test_numbers_without_letters_are_a_plate_when_they_have_its_shape(tmp_path):
    lines = "\n".join(",".join(f"{r}.{c:02d}" for c in range(12)) for r in range(8))
    raw = look(written(tmp_path, f"Barcode,7\n\n{lines}\n\nend,1"))
    assert confirm(file_of(A1=0.0, C2=2.01, H12=7.11), raw).at_well == 3


def plates_of(content, tmp_path, **wells):
    """Readings of two plates, confirmed by a file."""
    readings = [replace(reading(w, v), plate=p) for p, held in wells.items() for w, v in held.items()]
    raw = look(written(tmp_path, content), wells)
    return confirm(InstrumentFile("run.csv", "", "reader", tuple(readings)), raw), readings


@pytest.mark.parametrize(
    "content",
    [
        "".join(f"Plate:,{p}\n{GRID.replace('0.', f'{n}.')}\n" for n, p in ((3, "left"), (4, "right"))),
        "".join(f"Barcode: {p}\n{GRID.replace('0.', f'{n}.')}\n" for n, p in ((3, "left"), (4, "right"))),
        "Plate,Well,OD\n" + "".join(f"{p},A{c},{n}.{c}\n" for n, p in ((3, "left"), (4, "right")) for c in range(1, 7)),
    ],
)
def test_wells_stay_with_their_plate(tmp_path, content):
    found, _ = plates_of(content, tmp_path, left={"A1": 3.1, "A6": 3.6}, right={"A1": 4.1, "A2": 4.2})
    assert (found.at_well, found.wrong_well) == (4, ())
    found, readings = plates_of(content, tmp_path, left={"A1": 3.1, "A2": 4.2}, right={"A1": 4.1})
    assert found.wrong_well == (readings[1],)


def test_plates_that_no_line_names_are_looked_at_together(tmp_path):
    found, _ = plates_of(GRID, tmp_path, one={"A1": 0.1}, two={"A2": 0.2})
    assert (found.at_well, found.wrong_well) == (2, ())


def test_several_exports_of_gen5_in_one_file_are_read_one_by_one(reader, tmp_path):
    rng = np.random.default_rng(5)
    values = {f"Plate {n}": rng.integers(100, 9000, (8, 12)).tolist() for n in (1, 2, 3)}
    file = read_instrument(gen5(tmp_path / "run.txt", values), reader)
    assert file.notes[0] == "it holds 3 exports, one for each plate."
    found = {(r.plate, r.well): r.value for r in file.readings}
    wells = [(r, c, f"{'ABCDEFGH'[r]}{c + 1}") for r in range(8) for c in range(12)]
    assert found == {(p, well): rows[r][c] for p, rows in values.items() for r, c, well in wells}
    table, _ = results_table(file, assay="lum", plates=["plate-1", "plate-2", "plate-3"])
    assert table.header == ("plate", "well", "lum")
    assert set(table.columns[0]) == {"plate-1", "plate-2", "plate-3"}
    cut = (tmp_path / "run.txt").read_text(encoding="cp1252")
    (tmp_path / "cut.txt").write_text(cut[: cut.rindex("Results")])
    with pytest.raises(MeasurementError, match="export 3 of 3 in it: "):
        read_instrument(tmp_path / "cut.txt", reader)


def test_rows_that_a_parser_counted_get_the_letters_that_stand_there(tmp_path):
    raw = look(written(tmp_path, GRID.replace("\nB,", "\nC,")))
    found = checked(file_of(A1=0.1, B1=1.1, B2=1.2), raw)
    assert [(r.well, r.sample, r.value) for r in found.readings] == [
        ("A1", "P1 A1", 0.1),
        ("C1", "P1 C1", 1.1),
        ("C2", "P1 C2", 1.2),
    ]
    assert found.notes == ("its rows are A, C; the parser had counted them from A.",)


def test_a_value_at_another_well_is_refused(tmp_path):
    raw = look(written(tmp_path, GRID))
    with pytest.raises(MeasurementError, match=r"1 values stand at other wells .* 1\.1 mAU read for A2"):
        checked(file_of(A1=0.1, A2=1.1), raw)
    same = file_of(A1=0.1, A2=math.nan, B1=1.1)
    assert checked(same, raw) is same


def test_values_that_the_parser_converted_are_counted_and_kept(tmp_path):
    found = confirm(file_of(A1=0.1, A2=200.0), look(written(tmp_path, GRID)))
    assert (found.at_well, found.not_found, found.wrong_well) == (1, 1, ())


def test_a_large_packed_file_speaks_of_its_instrument(tmp_path):
    with zipfile.ZipFile(tmp_path / "run.zip", "w") as archive:
        archive.writestr("run.txt", "Software Version\t3.12\n" + "0.125\t0.25\n" * 200_000)
    assert (tmp_path / "run.zip").stat().st_size > 1 << 20
    assert looks_exported(tmp_path / "run.zip")


def test_a_workbook_that_is_damaged_or_has_a_stray_cell_is_no_export_and_takes_no_time(tmp_path):
    """It was opened by openpyxl, which fills the space up to a far cell and fails where a sheet is cut off."""
    book = Workbook()
    assert book.active is not None
    book.active.append(["candidate", "a"])
    book.save(tmp_path / "whole.xlsx")
    for part in ("xl/worksheets/sheet1.xml", "xl/workbook.xml"):
        with zipfile.ZipFile(tmp_path / "whole.xlsx") as whole, zipfile.ZipFile(tmp_path / "cut.xlsx", "w") as cut:
            for name in whole.namelist():
                cut.writestr(name, whole.read(name)[: -30 if name == part else None])
        assert not looks_exported(tmp_path / "cut.xlsx")
        with pytest.raises(TableError):
            look(tmp_path / "cut.xlsx")
    book.active.cell(1_048_576, 16_384, "x")
    book.save(tmp_path / "far.xlsx")
    assert not looks_exported(tmp_path / "far.xlsx")
    book.active.cell(3, 1, "Software Version 3.12")
    book.save(tmp_path / "far.xlsx")
    assert looks_exported(tmp_path / "far.xlsx")
