"""Values as people and instruments write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activeloop.errors import TableError
from activeloop.tables import Table, parse_number
from activeloop.tables.numbers import is_missing, shift_between, shifted

# No deadline: a busy machine is no defect.
modest = settings(deadline=None, max_examples=40)


@pytest.mark.parametrize(
    ("text", "decimal", "expected"),
    [
        ("1.5", ".", ("=", 1.5, "")),
        ("1,5", ",", ("=", 1.5, "")),
        ("1,500", ",", ("=", 1.5, "")),
        ("1,500", ".", ("=", 1500.0, "")),
        ("-1e-3", ".", ("=", -0.001, "")),
        ("1,5E-3", ",", ("=", 0.0015, "")),
        ("−0.5", ".", ("=", -0.5, "")),
        ("–0.5", None, ("=", -0.5, "")),
        ("+2", ".", ("=", 2.0, "")),
        (".5", ".", ("=", 0.5, "")),
        ("<0.1", ".", ("<", 0.1, "")),
        ("> 5", ".", (">", 5.0, "")),
        ("≤ 5", ".", ("<", 5.0, "")),
        (">=5", ".", (">", 5.0, "")),
        ("3.2 nM", ".", ("=", 3.2, "nM")),
        ("3.2nM", ".", ("=", 3.2, "nM")),
        ("<3,2 μM", ",", ("<", 3.2, "µM")),
        ("12 1/s", ".", None),
        ("50 %", ".", ("=", 50.0, "%")),
        ("1,234.5", None, ("=", 1234.5, "")),
        ("1.234,5", ",", ("=", 1234.5, "")),
        ("1,234,567", None, ("=", 1234567.0, "")),
        ("12,34,567.5", None, ("=", 1234567.5, "")),
        ("1'234'567.5", None, ("=", 1234567.5, "")),
        ("1’234", None, ("=", 1234.0, "")),
        ("1\u202f234,5", ",", ("=", 1234.5, "")),
        ("1\u00a0234\u00a0567", None, ("=", 1234567.0, "")),
        ("12 400", None, ("=", 12400.0, "")),
        ("١٢٫٥", None, ("=", 12.5, "")),
        ("１２．５", None, ("=", 12.5, "")),
        ("1.5 × 10^-3", None, ("=", 0.0015, "")),
        ("1.5·10⁻³", None, ("=", 0.0015, "")),
        ("2x10^10", None, ("=", 2e10, "")),
    ],
)
def test_numbers(text, decimal, expected):
    if expected is None:
        with pytest.raises(TableError):
            parse_number(text, decimal=decimal)
    else:
        assert parse_number(text, decimal=decimal) == expected


@pytest.mark.parametrize(
    "text",
    ["", "  ", "NaN", "nan", "n.d.", "n. d.", "N/A", "NA", "-", "–", "—", "none", "#N/A", "#NV", "n/a", ".", "k. A."],
)
def test_missing_is_nan(text):
    assert is_missing(text)
    assert math.isnan(parse_number(text).value)


@pytest.mark.parametrize(
    "text",
    [
        *("abc", "1.2.3", "1,500", "1,5", "1.5.", "inf", "-∞", "1e999", "1e-999", "1e101", "9" * 39 + "e99", "1_000"),
        *("0x10", "5 5", "~5", "1 50", "1,50", "10²", "5-6", "1.5e3x10^2", "2026-05-01", "01. Mai", "1-May", "12:30"),
        *("1'50", "0 500", "1.5 ± 0.2", "(5)", "½", "1 234.567,8", "1,2345,678"),
    ],
)
def test_refused_with_place(text):
    with pytest.raises(TableError) as refused:
        parse_number(text, file="r.csv", row=7)
    assert "r.csv, row 7: " in str(refused.value)
    assert text[:20] in str(refused.value)


@modest
@given(st.floats(-1e100, 1e100, width=64).filter(lambda v: v == 0 or abs(v) >= 1e-100))
def test_every_float_comes_back(value):
    assert parse_number(repr(value)).value == value
    assert parse_number(repr(value).replace(".", ","), decimal=",").value == value


def column(cells: list[str], *, delimiter: str, beside: list[str] | None = None) -> Table:
    columns = (cells, beside or [""] * len(cells))
    return Table("t.csv", ("x", "beside"), columns, range(2, 2 + len(cells)), "", None, delimiter)


@pytest.mark.parametrize(
    ("cells", "delimiter", "beside", "expected"),
    [
        (["12,345", "9,876", "987"], "\t", None, None),
        (["12,345", "9,876", "987"], ",", None, None),
        (["1,5", "0,25", "12,345"], ";", None, [1.5, 0.25, 12.345]),
        (["1,500", "0,250"], ";", None, [1.5, 0.25]),
        (["1,500", "2,300"], ";", ["0,5", "0,25"], None),
        (["1,500", "0.5"], "\t", None, [1500.0, 0.5]),
        (["1,500", "1,234,567"], "\t", None, [1500.0, 1234567.0]),
        (["1.500", "1.234.567"], ";", None, [1500.0, 1234567.0]),
        (["1.500", "12.400"], ";", ["0,5", "1,5"], None),
        (["1.500", "12.400"], ";", None, None),
        (["1.500", "12.400"], ";", ["0.5", "1.5"], [1.5, 12.4]),
        (["1.500", "12.400"], ",", None, [1.5, 12.4]),
        (["1.500", "12.400", "0"], ",", None, [1.5, 12.4, 0]),
        (["1.500", "12.400", "987"], ",", None, None),
        (["1.500", "987"], ",", ["0.5", "1.5"], [1.5, 987]),
        (["1.500", "230"], "\t", None, None),
        (["1,5", "1.5"], ";", None, None),
        (["1,5", "1.234,5"], ";", None, [1.5, 1234.5]),
        (["1'500", "987,5"], ";", None, [1500.0, 987.5]),
        (["-1,500", "12"], "\t", None, None),
        (["1,500e3", "2"], "\t", None, [1500.0, 2.0]),
        (["1234,567", "1,500"], ";", None, [1234.567, 1.5]),
    ],
)
def test_a_column_shows_its_decimal_sign_or_is_refused(cells, delimiter, beside, expected):
    table = column(cells, delimiter=delimiter, beside=beside)
    if expected is None:
        with pytest.raises(TableError, match=r"t\.csv, row \d"):
            table.values("x")
    else:
        assert table.values("x").tolist() == expected


def test_both_readings_and_the_way_to_decide_are_named():
    table = column(["987", "12,345"], delimiter="\t")
    with pytest.raises(TableError) as refused:
        table.numbers("x")
    for part in ("row 3", "12345", "12.345", "decimal=,"):
        assert part in str(refused.value)


def test_text_behind_a_number_must_be_the_same_in_a_column_of_values():
    assert column(["1 nM", "2 nM", ""], delimiter=",").values("x")[:2].tolist() == [1.0, 2.0]
    for cells in (["1 nM", "2"], ["1", "1O5"], ["1_000", "2"]):
        with pytest.raises(TableError, match=r"row [23]"):
            column(cells, delimiter=",").values("x")


@pytest.mark.parametrize(
    ("unit", "wanted", "power"),
    [
        ("S", "s", None),
        ("mS/cm", "S/m", -1),
        ("s^9999999999999999999", "s", None),
        ("s" + "9" * 5000, "s", None),
        ("OD600", "od600", 0),
        ("mg/dL", "g/L", -2),
        ("amol", "fmol", -3),
        ("\ud800", "s", None),
    ],
)
def test_units(unit, wanted, power):
    assert shift_between(unit, wanted) == power


def test_a_conversion_that_leaves_the_range_is_refused():
    assert shifted(0.0, 500) == 0
    for value, power in ((1e99, 3), (1e-99, -3), (1.0, 10**9)):
        with pytest.raises(TableError, match=r"too (large|small)"):
            shifted(value, power)
