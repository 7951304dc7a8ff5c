"""What can be wrong with a file of results: the message names file, row and fix, and nothing is returned."""

from __future__ import annotations

import zipfile

import pytest

from activeloop.errors import InputError, MeasurementError
from activeloop.measurements import Assay, read_measurements
from activeloop.plates import Plate

KD = Assay("KD", "µM", "minimise")
FOLDS = Assay("folds", goal="classify")

CASES = [
    # name, lines, row (None: the whole file), what the message must say, fix
    ("not in the pool", ["mutant,kcat", "K2R,1", "W2R,1"], 3, 'Did you mean "K2R"', "Correct the name"),
    ("unknown letter", ["mutant,kcat", "K2J,1"], 2, "K2J", "Correct the name"),
    ("wrong wild type", ["mutant,kcat", "A2R,1"], 2, "A2R", "Correct the name"),
    ("no candidate", ["mutant,kcat", "K2R,1", ",2"], 3, "empty", "Fill in"),
    ("a date for a variant", ["mutant,kcat", "01-Mar,2"], 2, "Excel turned", "Text"),
    ("not a number", ["mutant,kcat", "K2R,high"], 2, '"high" is not a number', "leave it empty"),
    ("two points", ["mutant,kcat", "K2R,1.2.3"], 2, "1.2.3", "Write"),
    ("infinite", ["mutant,kcat", "K2R,inf"], 2, '"inf" is not a measured value', "a limit"),
    ("minus infinity", ["mutant,kcat", "K2R,-Infinity"], 2, "not a measured value", 'write "failed"'),
    ("too large", ["mutant,kcat", "K2R,1e999"], 2, "too large", "Correct"),
    ("spreadsheet error", ["mutant,kcat", "K2R,1", "T3S,#DIV/0!"], 3, "#DIV/0!", "Correct the cell"),
    ("formula", ["mutant,kcat", "K2R,=B1+1"], 2, "formula", "paste values"),
    ("wrong unit in the header", ["mutant,kcat (nM)", "K2R,1"], 2, "in nM, but kcat is measured in 1/s", "Convert"),
    ("wrong unit in the cell", ["mutant,kcat", "K2R,1 nM"], 2, "in nM", "Convert"),
    ("moles for seconds", ["mutant,kcat (µmol/s)", "K2R,1"], 2, "in µmol/s", "Convert"),
    ("wrong unit in its column", ["mutant,kcat,unit", "K2R,1,1/s", "T3S,1,M"], 3, "in M,", "correct the unit"),
    ("something behind the number", ["mutant,kcat", "K2R,1 2"], 2, '"1 2" is not a number', "leave it empty"),
    ("replicate zero", ["mutant,replicate,kcat", "K2R,0,1"], 2, 'replicate "0"', "Number the replicates"),
    ("replicate a letter", ["mutant,replicate,kcat", "K2R,A,1"], 2, 'replicate "A"', "Number the replicates"),
    ("replicate twice", ["mutant,replicate,kcat", "K2R,1,1", "K2R,1,2"], 3, "in row 2 already", "Delete one"),
    ("well twice", ["mutant,well,kcat", "K2R,A1,1", "K2R,a01,2"], 3, "in row 2 already", "Delete one"),
    ("well, no plate", ["well,kcat", "A1,1"], 2, "no plate shows its candidate", "add a column"),
    ("no well", ["mutant,well,kcat", "K2R,99,1"], 2, '"99" is not a well', "A1 ... H12"),
    ("ambiguous date", ["mutant,kcat,date", "K2R,1,03/04/2026"], 2, "03/04/2026", "Write it as 2026-03-01"),
    ("impossible date", ["mutant,kcat,date", "K2R,1,31.02.2026"], 2, "31.02.2026", "Write it as"),
    ("no column of values", ["mutant,score", "K2R,1"], None, "no column of values", "--column kcat=..."),
    ("unknown assay", ["mutant,assay,value", "K2R,Tm,1"], 2, '"Tm" is not an assay', "Correct the name"),
    ("header only", ["mutant,kcat"], 1, "no row below", "Add rows"),
    ("half a row", ["mutant,kcat,date", "K2R,1,", "T3S"], 3, "half-written", "Export it again"),
    ("open quote", ["mutant,kcat", '"K2R,1'], 2, "not closed", "Export it again"),
    ("column twice", ["mutant,kcat,kcat", "K2R,1,2"], 1, "both named", "own name"),
    ("no header", ["K2R,1.5", "T3S,2.5"], 1, "no header", "Add a first row"),
]


@pytest.mark.parametrize(("lines", "row", "expected", "fix"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_wrong_file_is_refused(write, pool, kcat, lines, row, expected, fix):
    path = write(*lines)
    with pytest.raises(InputError) as caught:
        read_measurements(path, pool=pool, assays=kcat)
    message = str(caught.value)
    assert (caught.value.file, caught.value.row) == (str(path), row)
    assert message.startswith(f"{path}, row {row}: " if row else f"{path}: ")
    assert expected in message
    assert fix in message


ON_A_PLATE = [
    ("well off the plate", ["well,kcat", "A3,1", "H12,1"], 3, "a 24-well plate (A1-D6)", "Correct the well"),
    ("never filled", ["well,kcat", "A3,1", "D6,1"], 3, 'well "D6" of plate-1 was never filled', "Correct the well"),
    ("failed but never filled", ["well,kcat", "D6,failed"], 2, "was never filled", "Correct the well"),
    ("another candidate", ["well,mutant,kcat", "A3,T3S,1"], 2, 'holds "K2R", not "T3S"', "Correct the well"),
    ("unknown plate", ["plate,well,kcat", "plate-9,A3,1"], 2, 'no plate "plate-9"', "Plates: plate-1"),
    ("grid of a larger plate", ["," + ",".join(map(str, range(1, 13))), *(f"{r}{',1' * 12}" for r in "ABCDEFGH")], None,
     "the shape of a 96-well plate, but plate-1 has 24", "Give the plate"),
    ("grid with a value in an empty well", [",1,2,3,4,5,6", "A,1,1,1,1,1,1", "B,1,1,1,,,", "C,,,,,,", "D,,,,,,"], 3,
     'well "B3" of plate-1 was never filled', "Correct the well"),
    ("no result at all", ["well,kcat", "D5,", "D6,"], None, "no result in it", "Export it again"),
    ("well twice", ["well,kcat", "A3,1", "A03,1"], 3, "in row 2 already", "Delete one"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "row", "expected", "fix"), [c[1:] for c in ON_A_PLATE], ids=[c[0] for c in ON_A_PLATE]
)
def test_a_result_that_does_not_fit_the_plate_is_refused(write, pool, kcat, plate, lines, row, expected, fix):
    path = write(*lines)
    with pytest.raises(MeasurementError) as caught:
        read_measurements(path, pool=pool, assays=kcat, plates=plate)
    assert (caught.value.file, caught.value.row) == (str(path), row)
    assert expected in str(caught.value)
    assert fix in str(caught.value)


def test_two_plates_and_no_word_which(write, pool, kcat, plate):
    other = Plate("plate-2", 24, plate.wells)
    with pytest.raises(MeasurementError, match=r"row 2: which plate\? .*plate-1, plate-2.*column `plate`"):
        read_measurements(write("well,kcat", "A3,1"), pool=pool, assays=kcat, plates=[plate, other])


def test_several_assays_in_a_table_for_one(write, pool, kcat):
    for lines in (["mutant,value", "K2R,1"], [",1,2,3,4,5,6", *(f"{r},1,1,1,1,1,1" for r in "ABCD")]):
        with pytest.raises(MeasurementError, match="can hold one assay, and there are 2"):
            read_measurements(write(*lines), pool=pool, assays=[kcat, KD])


def test_a_class_that_is_none(write, pool):
    with pytest.raises(MeasurementError, match=r'row 2: "2" is no class of folds\. Write 1, fit or hit'):
        read_measurements(write("mutant,folds", "K2R,2"), pool=pool, assays=FOLDS)
    with pytest.raises(MeasurementError, match='"maybe" is no class'):
        read_measurements(write("mutant,folds", "K2R,maybe"), pool=pool, assays=FOLDS)


def test_a_cell_in_another_unit_than_its_column(write, pool):
    with pytest.raises(MeasurementError, match=r'row 2: "1 µM" carries another unit than its column \(nM\)'):
        read_measurements(write("mutant,KD (nM)", "K2R,1 µM"), pool=pool, assays=KD)
    with pytest.raises(MeasurementError, match=r'row 2: "5 or 6" is no number in nM: "or 6" stands behind it'):
        read_measurements(write("mutant,KD (nM)", "K2R,5 or 6"), pool=pool, assays=KD)


def test_mixed_units_of_an_assay_without_one(write, pool):
    path = write("mutant,KD,unit", "K2R,1,nM", "T3S,2,µM")
    with pytest.raises(MeasurementError, match='row 3: KD is in "nM" further up and in "µM" here'):
        read_measurements(path, pool=pool, assays=Assay("KD"))


def test_five_wrong_rows_are_named_and_no_more(write, pool, kcat):
    lines = [f"K2R,{'x1' * 3}" if i % 2 else f"T3S,{i}" for i in range(20)]
    with pytest.raises(MeasurementError) as caught:
        read_measurements(write("mutant,kcat", *lines), pool=pool, assays=kcat)
    message = str(caught.value)
    assert caught.value.row == 3
    assert [f"Also row {r}:" in message for r in (5, 7, 9, 11, 13)] == [True, True, True, True, False]
    assert message.endswith("No row was stored.")


@pytest.mark.parametrize("offset", [1, -1, 10])
def test_numbering_off_by_a_constant_is_named(write, pool, kcat, offset):
    shifted = []
    for name in pool.names(range(0, 200, 21)):
        if name != "WT":
            shifted.append(f"{name[0]}{int(name[1:-1]) + offset}{name[-1]},1")
    with pytest.raises(MeasurementError, match=f"all 9 variants fit if {abs(offset)} is .*offset={-offset}") as caught:
        read_measurements(write("mutant,kcat", *shifted), pool=pool, assays=kcat)
    assert ("subtracted" in str(caught.value)) == (offset > 0)


def test_files_that_are_no_tables(tmp_path, pool, kcat):
    def refused(name: str, expected: str) -> None:
        with pytest.raises(InputError, match=expected) as caught:
            read_measurements(tmp_path / name, pool=pool, assays=kcat)
        assert caught.value.file == str(tmp_path / name)

    refused("absent.csv", "no such file")
    (tmp_path / "empty.csv").write_bytes(b"")
    refused("empty.csv", "the file is empty")
    (tmp_path / "half.xlsx").write_bytes(b"PK\x03\x04 and then the copy stopped")
    refused("half.xlsx", "damaged or half-written")
    with zipfile.ZipFile(tmp_path / "archive.xlsx", "w") as archive:
        archive.writestr("a.txt", "x")
    refused("archive.xlsx", "not an .xlsx workbook")
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)))
    refused("binary.csv", "not a text table")
    (tmp_path / "folder.csv").mkdir()
    refused("folder.csv", "a folder")


def test_a_missing_named_column(write, pool, kcat):
    with pytest.raises(InputError, match=r'no column "OD"\. Columns: mutant, kcat'):
        read_measurements(write("mutant,kcat", "K2R,1"), pool=pool, assays=kcat, columns={"value": "OD"})


def test_a_missing_sheet(write, pool, kcat):
    with pytest.raises(InputError, match='no sheet "north"'):
        read_measurements(write("mutant,kcat", "K2R,1", name="r.xlsx"), pool=pool, assays=kcat, sheet="north")


def test_predictions_are_no_results(write, pool, kcat):
    path = write("candidate,kcat,kcat model sd,kcat measurement low,kcat measurement high", "K2R,1,0.5,0,2")
    with pytest.raises(MeasurementError, match="it holds predictions of kcat"):
        read_measurements(path, pool=pool, assays=kcat)
