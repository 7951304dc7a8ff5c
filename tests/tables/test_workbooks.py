"""Workbooks as people and instruments save them, and as nobody should."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
import zipfile
from typing import Any

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from activeloop.errors import TableError
from activeloop.tables import parse_number, read_table

SHEET, RELATIONS = "xl/worksheets/sheet1.xml", "xl/_rels/workbook.xml.rels"


@pytest.fixture
def save(tmp_path):
    """Writes rows to the first sheet, applies a change to the book, saves it and returns its path."""

    def make(*rows, change=None):
        book: Any = openpyxl.Workbook()
        for row in rows or (["candidate", "a"], ["K2R", 1]):
            book.active.append(row)
        if change:
            change(book)
        path = tmp_path / "book.xlsx"
        book.save(path)
        return path

    return make


def rewritten(path, part: str, content: Any):
    """The same archive with one part written anew: bytes, or a function from the old bytes; None leaves it out."""
    other = path.with_name("other.xlsx")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as new:
        for name in dict.fromkeys([*old.namelist(), part]):
            data: Any = old.read(name) if name in old.namelist() else b""
            if name == part:
                data = content(data) if callable(content) else content
            if data is not None:
                new.writestr(name, data)
    return other


def test_cells_are_read_as_the_sheet_shows_them(save):
    def formats(book):
        sheet = book.active
        for cell, code in (
            ("B2", "0.00%"),
            ("B3", "0%"),
            ("C2", '0.0" nM"'),
            ("C3", "0.0\\ \\n\\M"),
            ("D2", "#,##0.0,"),
        ):
            sheet[cell].number_format = code
        sheet["D3"].number_format = "[$-409]d-mmm;@"

    rows = [
        ["x", "percent", "unit", "other"],
        ["a", 0.45, 1.125, 1500],
        ["b", 0.07, 2, 46143],
        ["c", None, "3 nM", 0.1],
    ]
    table = read_table(save(*rows, change=formats))
    assert table.column("percent") == ["45%", "7%", ""]
    assert [n[1:] for n in table.numbers("percent")][:2] == [(45.0, "%"), (7.0, "%")]
    assert [n[1:] for n in table.numbers("unit")] == [(1.125, "nM"), (2.0, "nM"), (3.0, "nM")]
    assert table.column("other") == ["1.5", "2026-05-01 00:00:00", "0.1"]
    with pytest.raises(TableError, match=r"row 3.*is a date or a time, not a number"):
        table.numbers("other")


#: format code, stored number -> the cell's text, and qualifier, value and unit; None where it is no number
SHOWN: dict[tuple[str, float], tuple[str, tuple[str, float, str] | None]] = {
    ('"<"0.0', 1.25): ("<1.25", ("<", 1.25, "")),
    ('">"0', 12.0): (">12", (">", 12, "")),
    ('"≤"0.000', 1.125): ("≤1.125", ("<", 1.125, "")),
    ('[<1]"<LOD";0.0', 0.25): ("<LOD", None),
    ('[<1]"<LOD";0.0', 2.25): ("2.25", ("=", 2.25, "")),
    ('0.0;"neg";"n.d."', 0.0): ("n.d.", ("=", float("nan"), "")),
    ('0.0;"neg";"n.d."', -2.0): ("neg", None),
    ('"n.d."', 3.5): ("n.d.", ("=", float("nan"), "")),
    (";;;", 3.5): ("3.5 shown as ;;;", None),
    ('"~"0', 3.5): ("~3.5", None),
    ('"-"0.0', 1.5): ('1.5 shown as "-"0.0', None),
    ('"1"0.0', 1.5): ('1.5 shown as "1"0.0', None),
    ('0"0"', 1.5): ('1.5 shown as 0"0"', None),
    ('0\\-0', 15.0): ("15 shown as 0\\-0", None),
    ('"µM "0.0', 1.5): ("µM1.5", None),
    ("[$nM]0.0", 1.5): ("nM1.5", None),
    ('General" nM"', 1.5): ("1.5 nM", ("=", 1.5, "nM")),
    ('0.0E+0" M"', 1.5e-9): ("1.5e-09 M", ("=", 1.5e-9, "M")),
    ('0.0" %"', 12.5): ("12.5%", ("=", 12.5, "%")),
    ("0.0\\%", 12.5): ("12.5%", ("=", 12.5, "%")),
    ('0.0"‰"', 12.5): ("12.5 ‰", ("=", 12.5, "‰")),
    ("0.00;[Red]0.00", -1.5): ("-1.5", ("=", -1.5, "")),
    ("0.0_);(0.0)", -1.5): ("-1.5", ("=", -1.5, "")),
    ('_-* #,##0.00_-;-* #,##0.00_-;_-* "-"??_-;_-@_-', -1.5): ("-1.5", ("=", -1.5, "")),
    ('_-* #,##0.00_-;-* #,##0.00_-;_-* "-"??_-;_-@_-', 0.0): ("0", ("=", 0, "")),
    ('_-* #,##0.00\\ "€"_-;-* #,##0.00\\ "€"_-', 1234.5): ("1234.5", ("=", 1234.5, "")),
    ("[$€-407] #,##0.00", 1234.5): ("1234.5", ("=", 1234.5, "")),
    ("#,##0.00\\ [$CHF]", 12.5): ("12.5", ("=", 12.5, "")),
    ("00000", 42.0): ("00042", ("=", 42, "")),
    ('"CMP-"0000', 7.0): ("CMP-0007", None),
    ("# ?/?", 1.5): ("1.5", ("=", 1.5, "")),
    ("0.00E+00", 1500.0): ("1500", ("=", 1500, "")),
    ('0.0,"k"', 1500.0): ("1.5 k", ("=", 1.5, "k")),
}  # fmt: skip


def refused(cell: str) -> bool:
    """Whether a cell is no number, or one with text behind it, which only its own unit may be."""
    try:
        return parse_number(cell).unit not in ("", "nM", "%")
    except TableError:
        return True


@pytest.mark.parametrize(("code", "stored"), SHOWN, ids=lambda x: ascii(x))
def test_a_number_is_read_as_its_format_shows_it(save, code, stored):
    text, number = SHOWN[code, stored]

    def formatted(book):
        book.active["B2"].number_format = code

    table = read_table(save(["candidate", "x"], ["K2R", stored], change=formatted))
    assert table.column("x") == [text]
    if number is None:
        assert refused(table.columns[1][0])
    else:
        assert repr(tuple(table.numbers("x")[0])) == repr((number[0], float(number[1]), number[2]))


def test_what_is_struck_through_or_raised_is_no_digit_of_a_number(save):
    from openpyxl.styles import Font

    def struck(book):
        book.active["B2"].font = Font(strike=True)
        book.active["A3"].font = Font(strike=True)

    table = read_table(save(["candidate", "x"], ["K2R", 1.5], ["T3S", 2], change=struck))
    assert table.columns == (["K2R", "T\u03363\u0336S\u0336"], ["1\u0336.\u03365\u0336", "2"])
    runs = (
        '<row r="3"><c r="A3" t="inlineStr"><is><t>T3S</t></is></c><c r="B3" t="inlineStr"><is><r><t>1.5</t></r><r>'
        '<rPr><vertAlign val="superscript"/></rPr><t>2</t></r></is></c></row><row r="4"><c r="B4" t="inlineStr"><is><r>'
        '<t>1.5x10</t></r><r><rPr><vertAlign val="superscript"/></rPr><t>-5</t></r></is></c></row><row r="5"><c r="B5" '
        't="inlineStr"><is><r><rPr><strike/></rPr><t>1</t></r><r><rPr><strike val="0"/></rPr><t>2.5</t></r></is></c>'
        "</row>"
    )
    xml = lambda xml: xml.replace(b"</sheetData>", runs.encode() + b"</sheetData>")  # noqa: E731
    table = read_table(rewritten(save(["candidate", "x"], ["K2R", 1]), SHEET, xml))
    assert table.columns[1] == ["1", "1.5²", "1.5x10⁻⁵", "1\u03362.5"]
    assert parse_number(table.columns[1][2]).value == 1.5e-5
    assert refused(table.columns[1][1])
    assert refused(table.columns[1][3])


def test_cells_merged_downwards_are_not_taken_for_empty_ones(save):
    def merged(book):
        for area in ("A2:A3", "B3:B4", "C1:D1"):
            book.active.merge_cells(area)

    table = read_table(save(["mutant", "x", "y"], ["K2R", 1, 1], ["", 2, 1], ["T3S", "", 1], change=merged))
    assert table.columns[:2] == (["K2R", "(merged with row 2)", "T3S"], ["1", "2", "(merged with row 3)"])

    def title(book):
        book.active.insert_rows(1, 2)
        book.active["A1"] = "Results"
        book.active.merge_cells("A1:B2")

    with pytest.raises(TableError, match=r"seems to begin in row 3|end at A"):
        read_table(save(["mutant", "x"], ["K2R", 1], change=title))


def test_hidden_rows_are_read_and_named(save):
    def hidden(book):
        book.active.row_dimensions[3].hidden = True

    table = read_table(save(["mutant", "x"], ["K2R", 1], ["T3S", 2], change=hidden))
    assert table.values("x").tolist() == [1, 2]
    assert table.notes == ("a row that is hidden in the sheet (by a filter, for instance) was read: 3.",)


@pytest.mark.parametrize("stored", ["1_000", "0x10", "1,5", "--1", "١"])
def test_what_no_program_stores_as_a_number_is_damage(save, stored):
    xml = lambda xml: xml.replace(b"<v>1</v>", f"<v>{stored}</v>".encode())  # noqa: E731
    with pytest.raises(TableError, match="damaged"):
        read_table(rewritten(save(), SHEET, xml))


@pytest.mark.parametrize(("stored", "why"), [("1e400", "too large"), ("1e-400", "too small")])
def test_a_number_beyond_what_a_float_holds_is_refused_not_rounded(save, stored, why):
    xml = lambda xml: xml.replace(b"<v>1</v>", f"<v>{stored}</v>".encode())  # noqa: E731
    with pytest.raises(TableError, match=why):
        read_table(rewritten(save(), SHEET, xml)).numbers("a")


def test_numbers_of_a_workbook_need_no_decimal_sign_but_its_text_does(save):
    assert read_table(save(["x"], [1.125], [12.375], [3])).values("x").tolist() == [1.125, 12.375, 3]
    with pytest.raises(TableError, match=r"row 3.*two different numbers"):
        read_table(save(["x"], [0.5], ["1,500"])).values("x")
    assert read_table(save(["x"], [1.125], ["1,5"])).values("x").tolist() == [1.125, 1.5]


def test_dates_and_times(save):
    moments = [datetime.date(2026, 3, 1), datetime.datetime(1900, 1, 5), datetime.datetime(2026, 3, 1, 14, 30)]
    table = read_table(save(["x"], *([m] for m in moments), [datetime.time(1, 30)]))
    expected = ["2026-03-01 00:00:00", "1900-01-05 00:00:00", "2026-03-01 14:30:00", "01:30:00"]
    assert table.column("x") == expected

    def since_1904(book):
        book.epoch = CALENDAR_MAC_1904

    assert read_table(save(["x"], *([m] for m in moments[::2]), change=since_1904)).column("x") == expected[::2]


def test_hidden_and_chart_sheets_are_passed_over(save):
    def first(book):
        book.create_chartsheet("picture", 0)
        hidden = book.create_sheet("old", 1)
        hidden.append(["candidate", "a"])
        hidden.append(["W1A", 9])
        hidden.sheet_state = "hidden"

    path = save(change=first)
    assert read_table(path).column("candidate") == ["K2R"]
    table = read_table(path)
    assert len(table.notes) == 1
    assert table.notes[0].startswith('sheet "Sheet" was read, and not "old" (hidden): put another one first')
    assert 'Sheet "Sheet" was read, and not "old"' in table.listed
    assert read_table(path, sheet="old").notes == ()
    assert read_table(path, sheet="OLD").column("candidate") == ["W1A"]
    with pytest.raises(TableError, match='"picture" holds no cells but a chart'):
        read_table(path, sheet="picture")
    with pytest.raises(TableError, match=r"no sheet \"x\"\. Sheets: old, Sheet\."):
        read_table(path, sheet="x")


def test_an_empty_first_sheet_is_named(save):
    with pytest.raises(TableError, match=r'"cover" is empty.*cover, Sheet'):
        read_table(save(change=lambda book: book.create_sheet("cover", 0)))


def test_strings_in_all_their_forms(save):
    cells = (
        '<row r="2"><c r="A2" t="inlineStr"><is><r><t>K2</t></r><r><t>R</t></r><rPh><t>no</t></rPh></is></c>'
        '<c r="B2" t="str"><f>1+1</f><v>2</v></c></row><row><c t="b"><v>1</v></c><c><f>A1*2</f></c></row>'
        '<row r="4"><c r="A4" t="s"><v>1</v></c><c r="B4" t="s"><v>0</v></c></row>'
        '<row r="9"><c r="A9" t="str"><v>x_x0041_y</v></c><c r="B9" t="e"><v>#N/A</v></c></row>'
    )
    path = rewritten(
        save(["candidate", "a"]), SHEET, lambda xml: xml.replace(b"</sheetData>", cells.encode() + b"</sheetData>")
    )
    path = path.rename(path.with_name("first.xlsx"))
    shared = b"<sst><si><t>zero</t></si><si><r><t>K3</t></r><r><t>R </t></r><rPh><t>no</t></rPh></si></sst>"
    path = rewritten(path, "xl/sharedStrings.xml", shared).rename(path.with_name("second.xlsx"))
    related = b'<Relationship Type="x/sharedStrings" Target="sharedStrings.xml" Id="rId9"/></Relationships>'
    path = rewritten(path, RELATIONS, lambda xml: xml.replace(b"</Relationships>", related))
    table = read_table(path)
    assert table.column("candidate") == ["K2R", "TRUE", "K3R", "xAy"]
    assert table.columns[1] == ["2", "=A1*2", "zero", "#N/A"]
    assert list(table.row_numbers) == [2, 3, 4, 9]


def test_prefixed_names_and_relative_targets(save):
    path = save()
    with zipfile.ZipFile(path) as archive:
        xml = archive.read(SHEET).decode()
    for tag in ("worksheet", "sheetData", "row", "c", "v", "t", "is"):
        for mark in ("<", "</"):
            xml = xml.replace(f"{mark}{tag}>", f"{mark}x:{tag}>").replace(f"{mark}{tag} ", f"{mark}x:{tag} ")
    path = rewritten(path, SHEET, xml.replace("xmlns=", "xmlns:x=").encode())
    path = rewritten(
        path.rename(path.with_name("first.xlsx")),
        RELATIONS,
        lambda xml: xml.replace(b'Target="/xl/worksheets', b'Target="./worksheets'),
    )
    assert read_table(path).column("candidate") == ["K2R"]


def far(book):
    book.active.cell(1_048_576, 16_384, "x")


def far_in_every_row(book):
    for row in range(3, 400):
        book.active.cell(row, 16_384, "x")


ROWS = b"".join(b'<row r="%d"><c r="A%d" s="0"/></row>' % (i, i) for i in range(3, 200_000))
ENTITIES = b'<!DOCTYPE d [<!ENTITY a "%s">%s]>' % (
    b"x" * 50,
    b"".join(b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 20) for i in range(8)),
)
HOSTILE = {
    "a stray cell far out": (far, None, "column XFD holds a cell, but the names of columns end at B"),
    "stray cells in many rows": (far_in_every_row, None, "column XFD|far outside"),
    "a part that nobody reads": (None, ("xl/worksheets/sheet9.xml", b"0" * 300_000_000), ""),
    "a sheet of zeros": (None, (SHEET, b"0" * 300_000_000), "damaged"),
    "a sheet of spaces": (None, (SHEET, lambda xml: xml[:-12] + b" " * 300_000_000 + xml[-12:]), "unpacks to more"),
    "a long comment": (None, (SHEET, lambda xml: xml[:-12] + b"<!--" + b" " * 99_000_000 + xml[-12:]), "damaged"),
    "one long cell": (
        None,
        (SHEET, lambda xml: xml.replace(b"</sheetData>", b'<row r="3"><c r="A3" t="str"><v>' + b"x" * 99_000_000
                                        + b"</v></c></row></sheetData>")),
        "a cell holds more than",
    ),
    "empty rows": (None, (SHEET, lambda xml: xml.replace(b"</sheetData>", ROWS + b"</sheetData>")), ""),
    "entities": (
        None,
        (SHEET, lambda xml: ENTITIES + xml.replace(b"</sheetData>", b"<row><c><v>&i;</v></c></row></sheetData>")),
        "document type",
    ),
    "half a sheet": (None, (SHEET, lambda xml: xml[:-30]), "damaged"),
    "no sheet": (None, (SHEET, lambda _: None), "damaged"),
    "a string that is not there": (None, (SHEET, lambda xml: xml.replace(b't="n"', b't="s"')), "damaged"),
    "no style": (None, ("xl/styles.xml", b"<styleSheet/>"), ""),
    "a row of no number": (None, (SHEET, lambda xml: xml.replace(b'r="2"', b'r="two"')), "damaged"),
    "elements in elements": (None, (SHEET, lambda xml: xml.replace(b"</sheetData>", b"<a>" * 4_000_000)), "damaged"),
    "very many sheets": (
        None,
        ("xl/workbook.xml", lambda xml: xml.replace(b"</sheets>", b'<sheet name="a" r:id="rId1"/>' * 500_000
                                                    + b"</sheets>").replace(b"<workbook ", b'<workbook xmlns:r="r" ')),
        "damaged",
    ),
    "very many styles": (
        None,
        ("xl/styles.xml", b"<styleSheet><cellXfs>" + b'<xf numFmtId="1"/>' * 3_000_000 + b"</cellXfs></styleSheet>"),
        "unpacks to more",
    ),
    "a long format": (
        None,
        ("xl/styles.xml", b'<styleSheet><numFmts><numFmt numFmtId="200" formatCode="' + b"[ " * 200_000 + b'"/>'
                          b'</numFmts><cellXfs><xf numFmtId="200"/></cellXfs></styleSheet>'),
        "damaged",
    ),
    "rows of plate columns": (
        None,
        (SHEET, lambda xml: xml.replace(b"</sheetData>", (b"<row>" + b"<c><v>1</v></c>" * 16_000 + b"</row>") * 8
                                        + b"</sheetData>")),
        "names of columns end at B",
    ),
    "very many merged cells": (
        None,
        (SHEET, lambda xml: xml.replace(b"</worksheet>", b"<mergeCells>" + b'<mergeCell ref="A1:A1048576"/>' * 100_000
                                        + b"</mergeCells></worksheet>")),
        "damaged",
    ),
    "a column that no sheet has": (None, (SHEET, lambda xml: xml.replace(b'r="A2"', b'r="ZZZ2"')), "damaged"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "part", "expected"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_workbook_is_read_or_refused_in_bounded_memory_and_time(save, change, part, expected):
    path = save(change=change)
    path = rewritten(path, *part) if part else path
    code = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2**29, 2**29))\n"
        "from activeloop.errors import TableError\n"
        "from activeloop.tables import read_table\n"
        "try:\n    print(read_table(sys.argv[1]).column('candidate'))\n"
        "except TableError as error:\n    print(error)\n"
    )
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=10, env=environment, check=True
    )
    assert not done.stderr
    if expected:
        assert any(part in done.stdout for part in expected.split("|"))
        assert str(path) in done.stdout
    else:
        assert done.stdout == "['K2R']\n"
