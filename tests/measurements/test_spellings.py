"""Each number is stored as it was written, or the file is refused: spelling x language x delimiter x encoding x layout.

What is right is known from the number that was drawn and the language it was written in, not from the reader.
"""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import NamedTuple

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activeloop.errors import InputError
from activeloop.measurements import Assay, read_measurements

ASSAY = Assay("activity")
CANDIDATES: tuple[str, ...] = ("K2R", "K2C", "T3S", "T3V", "A4G", "A4S")
# No deadline: a busy machine is no defect.
modest = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Language(NamedTuple):
    """How numbers are written: decimal sign, what stands between groups of digits, sizes of groups, digits, minus."""

    decimal: str
    group: str = ""
    groups: tuple[int, ...] = (3,)
    zero: str = "0"
    minus: str = "-"


LANGUAGES = {
    "plain": Language("."),
    "English": Language(".", ","),
    "Indian": Language(".", ",", (3, 2)),
    "Swiss": Language(".", "'"),
    "Swiss, typographic": Language(".", "’", minus="−"),
    "SI": Language(".", "\u2009"),
    "plain, comma": Language(","),
    "German": Language(",", "."),
    "French": Language(",", "\u202f"),
    "Swedish": Language(",", "\u00a0", minus="−"),
    "Polish": Language(",", " "),
    "Arabic": Language("٫", "٬", zero="٠"),
    "full width": Language("．", "，", zero="０"),
}


def written(value: Decimal, language: Language, grouped: bool) -> str:
    """A number in a language, with all its digits."""
    digits = f"{abs(value):f}"
    whole, _, fraction = digits.partition(".")
    parts: list[str] = []
    sizes = iter((*language.groups, *[language.groups[-1]] * 20))
    while grouped and language.group and len(whole) > (size := next(sizes)):
        parts.insert(0, whole[-size:])
        whole = whole[:-size]
    text = language.group.join([whole, *parts]) + (language.decimal + fraction if fraction else "")
    text = "".join(chr(ord(language.zero) + int(c)) if c in "0123456789" else c for c in text)
    return (language.minus if value < 0 else "") + text


class Drawn(NamedTuple):
    """A column of numbers: what they are, and how they are written."""

    language: Language
    values: list[Decimal]
    cells: list[str]


@st.composite
def columns(draw: st.DrawFn) -> Drawn:
    language = draw(st.sampled_from(list(LANGUAGES.values())))
    places = draw(st.sampled_from([(0,), (3,), (0, 3), (1, 2), (0, 1, 2, 3, 4)]))
    largest = draw(st.sampled_from([9, 999, 99_999, 99_999_999]))
    grouped = draw(st.booleans())
    values = []
    for _ in range(draw(st.integers(1, len(CANDIDATES)))):
        digits = draw(st.sampled_from(places))
        number = draw(st.integers(-largest if draw(st.booleans()) else 1, largest)) * 10**digits
        number += draw(st.integers(0, 10**digits - 1)) if digits else 0
        values.append(Decimal(number).scaleb(-digits) if digits else Decimal(number))
    cells = [written(value, language, grouped) for value in values]
    return Drawn(language, values, cells)


def shows_its_sign(drawn: Drawn) -> bool:
    """Whether some cell can be read in one way alone: by its digits, not by the reader."""
    ambiguous = {"．": ".", "，": ",", "٫": ".", "٬": "'"}
    for cell in drawn.cells:
        text = "".join(ambiguous.get(c, c) for c in cell).lstrip("-−")
        marks = [c for c in text if c in ".,"]
        if not marks:
            continue
        whole, _, rest = text.partition(marks[0])
        if len(marks) > 1 or len(rest) != 3 or not 1 <= len(whole) <= 3 or not whole[0].strip("0０٠"):
            return True
    return all(not {"．", "，", "٫", ".", ","} & set(cell) for cell in drawn.cells)


def a_comma_file_of_grouped_numbers_alone(drawn: Drawn, delimiter: str) -> bool:
    """The one exception: 1.500 for 1500 in a comma-separated file, where the point is the decimal sign."""
    signed = [cell for cell, value in zip(drawn.cells, drawn.values, strict=True) if value]
    return delimiter == "," and drawn.language.group == "." and all("." in cell for cell in signed)


def file_of(rows: list[list[str]], delimiter: str, encoding: str, tmp_path):
    if delimiter == "xlsx":
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)  # pyright: ignore[reportOptionalMemberAccess]
        path = tmp_path / "results.xlsx"
        book.save(path)
        return path
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    path = tmp_path / "results.csv"
    try:
        path.write_bytes(out.getvalue().encode(encoding))
    except UnicodeEncodeError:
        path.write_bytes(out.getvalue().encode("utf-8"))
    return path


def laid_out(layout: str, cells: list[str], names: list[str]) -> list[list[str]]:
    if layout == "wide":
        return [["mutant", "activity"], *([n, c] for n, c in zip(names, cells, strict=True))]
    if layout == "long":
        return [
            ["variant", "assay", "value", "note"],
            *([n, "activity", c, "ok"] for n, c in zip(names, cells, strict=True)),
        ]
    if layout == "replicates":
        padded = cells + [""] * (len(cells) % 2)
        pairs = list(zip(padded[::2], padded[1::2], strict=True))
        return [["mutant", "activity 1", "activity 2"], *([n, *p] for n, p in zip(names, pairs, strict=False))]
    return [["mutant", "activity", "plate"], *([n, c, "3"] for n, c in zip(names, cells, strict=True))]


@modest
@given(
    drawn=columns(),
    delimiter=st.sampled_from([",", ";", "\t", "|", "xlsx"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"]),
    layout=st.sampled_from(["wide", "long", "replicates", "beside"]),
    padding=st.sampled_from(["", " "]),
)
def test_a_number_is_stored_as_written_or_refused(drawn, delimiter, encoding, layout, padding, pool, tmp_path):
    names = [*CANDIDATES[: len(drawn.cells)]]
    path = file_of(laid_out(layout, [padding + c + padding for c in drawn.cells], names), delimiter, encoding, tmp_path)
    read, error = None, None
    try:
        read = read_measurements(path, pool=pool, assays=ASSAY)
    except InputError as refused:
        error = refused
    if read is None:
        assert error is not None
        assert error.file == str(path)
        assert not shows_its_sign(drawn), f"{drawn.cells} can be read in one way: {error}"
        return
    if a_comma_file_of_grouped_numbers_alone(drawn, delimiter):
        return
    if layout == "replicates":
        order = sorted(read.measurements, key=lambda m: (CANDIDATES.index(m.candidate), m.replicate))
    else:
        order = sorted(read.measurements, key=lambda m: CANDIDATES.index(m.candidate))
    assert [m.value for m in order] == [float(value) for value in drawn.values], drawn.cells


SPOILED = ["O", "l", " or 6", " nM", "e", "..", ",,", "/", "±1", "?", "*", " 000 00", "-", "x", "\u00bd", " E3", "__1"]


@modest
@given(
    value=st.decimals(-9999, 9999, places=2, allow_nan=False),
    behind=st.sampled_from(SPOILED),
    delimiter=st.sampled_from([",", ";", "\t", "xlsx"]),
    first=st.booleans(),
)
def test_a_number_with_anything_behind_it_is_refused_with_its_row(value, behind, delimiter, first, pool, tmp_path):
    rows = [["mutant", "activity"], ["K2R", f"{value}{behind}"], ["K2C", "0.5"]]
    if not first:
        rows = [rows[0], rows[2], rows[1]]
    with pytest.raises(InputError) as refused:
        read_measurements(file_of(rows, delimiter, "utf-8", tmp_path), pool=pool, assays=ASSAY)
    assert refused.value.row == (2 if first else 3)


UNITS = {"fM": -15, "pM": -12, "nM": -9, "µM": -6, "uM": -6, "mM": -3, "M": 0, "mol/L": 0, "nmol/mL": -6, "pmol/µL": -6}


@modest
@given(
    values=st.lists(st.integers(1, 10**6).map(lambda i: Decimal(i).scaleb(-3)), min_size=1, max_size=5),
    units=st.lists(st.sampled_from(sorted(UNITS)), min_size=5, max_size=5),
    assay=st.sampled_from(["nM", "µM", "M"]),
    where=st.sampled_from(["cell", "header", "column"]),
)
def test_a_unit_converts_by_its_power_of_ten(values, units, assay, where, pool, tmp_path):
    units = units[: len(values)] if where != "header" else [units[0]] * len(values)
    rows = [["mutant", "KD", "unit"]]
    for name, value, unit in zip(CANDIDATES, values, units, strict=False):
        rows.append([name, f"{value:.4f}" + f" {unit}" * (where == "cell"), unit if where == "column" else ""])
    rows[0][1] += f" ({units[0]})" * (where == "header")
    path = file_of(rows, "\t", "utf-8", tmp_path)
    read = read_measurements(path, pool=pool, assays=Assay("KD", assay, "minimise"))
    expected = [float(v.scaleb(UNITS[u] - UNITS[assay])) for v, u in zip(values, units, strict=True)]
    assert [m.value for m in read.measurements] == expected
