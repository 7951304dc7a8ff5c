"""Plate-shaped blocks in the files of plate readers."""

from __future__ import annotations

from typing import Any

import openpyxl
import pytest

from activeloop.errors import TableError
from activeloop.tables import read_table

HEAD = ["<>", *range(1, 13)]
BODY = [[letter, *[i + c / 100 for c in range(1, 13)]] for i, letter in enumerate("ABCDEFGH")]
ABOVE = [["Application: Tecan i-control"], ["Mode", "Absorbance"], ["Wavelength", 600, "nm"], []]
BELOW = [[], ["End Time:", "11/29/2026 10:00:00 AM"]]


def saved(tmp_path, rows, ending: str):
    path = tmp_path / f"reader{ending}"
    if ending == ".xlsx":
        book: Any = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        book.save(path)
    else:
        delimiter = {".csv": ",", ".tsv": "\t", ".txt": ";"}[ending]
        width = 13 if ending == ".txt" else 0
        lines = [delimiter.join(map(str, row + [""] * (width - len(row)))) for row in rows]
        path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("ending", [".xlsx", ".csv", ".tsv", ".txt"])
@pytest.mark.parametrize("above", [ABOVE, []], ids=["above", "first"])
@pytest.mark.parametrize("below", [BELOW, []], ids=["below", "last"])
@pytest.mark.parametrize("left", [0, 2])
def test_the_block_is_found_between_an_instruments_lines(tmp_path, ending, above, below, left):
    shift = [""] * left
    rows = [*above, shift + HEAD, *(shift + row for row in BODY), *below]
    table = read_table(saved(tmp_path, rows, ending))
    assert table.header == ("<>", *map(str, range(1, 13)))
    assert table.columns[0] == list("ABCDEFGH")
    assert [table.values(str(c))[7] for c in (1, 12)] == [7.01, 7.12]
    assert list(table.row_numbers) == list(range(len(above) + 2, len(above) + 10))


@pytest.mark.parametrize("ending", [".xlsx", ".csv"])
def test_several_blocks_are_named_and_chosen(tmp_path, ending):
    other = [["GFP", *HEAD[1:]], *BODY]
    path = saved(tmp_path, [*ABOVE, ["OD 600"], HEAD, *BODY, [], *other], ending)
    with pytest.raises(
        TableError, match=r"2 blocks shaped like a plate here: row 6 \(OD 600\); row 16 \(GFP\).*block=6"
    ):
        read_table(path)
    assert read_table(path, block="6").row_numbers[0] == 7
    assert read_table(path, block="od_600").row_numbers[0] == 7
    assert read_table(path, block="GFP").row_numbers[0] == 17
    with pytest.raises(TableError, match='not one block "LUC" here'):
        read_table(path, block="LUC")


def test_two_blocks_side_by_side(tmp_path):
    rows = [[*a, "", *b] for a, b in zip([HEAD, *BODY], [HEAD, *BODY], strict=True)]
    with pytest.raises(TableError, match="2 blocks"):
        read_table(saved(tmp_path, rows, ".csv"))


def test_a_table_that_only_begins_like_a_block_stays_a_table(tmp_path):
    rows = [["mutant", "1", "2", "3"], ["A", "5", "6", "7"], ["C", "8", "9", "1"]]
    assert read_table(saved(tmp_path, rows, ".csv")).header == ("mutant", "1", "2", "3")


def test_lines_above_a_list_are_named(tmp_path):
    rows = [["Exported by Gen5"], [], ["candidate", "well", "OD"], ["K2R", "A1", "0.5"], ["K2C", "A2", "0.6"]]
    for ending in (".csv", ".xlsx"):
        with pytest.raises(TableError, match=r"row 1: .*\"Exported by Gen5\".*begin in row 3\. Delete the lines above"):
            read_table(saved(tmp_path, rows, ending))


def test_readings_below_each_other_are_blocks_of_their_own(tmp_path):
    layout = [["Layout"], ["", *HEAD[1:]], *([letter, *["SPL1"] * 12, "Well ID"] for letter in "ABCDEFGH"), []]
    rows = [["Results"], ["", *HEAD[1:]]]
    for row in BODY:
        rows += [[*row, "450"], ["", *(value - 0.5 for value in row[1:]), "Blank 450"]]
    path = saved(tmp_path, [*ABOVE, *layout, *rows, *BELOW], ".tsv")
    with pytest.raises(TableError, match=r"2 blocks shaped like a plate here: row 18 \(450\); row 19 \(Blank 450\)\."):
        read_table(path)
    for block, value in (("450", 1.01), ("18", 1.01), ("blank 450", 0.51), ("19", 0.51)):
        table = read_table(path, block=block)
        assert table.columns[0] == list("ABCDEFGH")
        assert table.values("1")[1] == pytest.approx(value)


def test_what_was_typed_in_before_the_measurement_is_not_taken_for_it(tmp_path):
    path = saved(tmp_path, [["Layout"], ["", *HEAD[1:]], *([*row, "Conc/Dil"] for row in BODY)], ".tsv")
    with pytest.raises(TableError, match=r"there is only one block .*row 2 \(Conc/Dil\)\. Say which one"):
        read_table(path)
    assert read_table(path, block="2").values("1")[1] == 1.01


def test_a_layout_is_no_result(tmp_path):
    layout = [["", *HEAD[1:]], *([letter, *["SPL1"] * 12] for letter in "ABCDEFGH")]
    path = saved(tmp_path, [*layout, [], ["", *HEAD[1:]], *BODY], ".csv")
    assert read_table(path).values("1")[1] == 1.01
    assert read_table(saved(tmp_path, layout, ".csv")).column("1") == ["SPL1"] * 8
