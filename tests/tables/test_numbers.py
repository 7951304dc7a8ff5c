"""Values as people and instruments write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activeloop.errors import TableError
from activeloop.tables import parse_number

# No deadline: a busy machine is no defect.
modest = settings(deadline=None, max_examples=40)


@pytest.mark.parametrize(
    ("text", "decimal", "expected"),
    [
        ("1.5", ".", ("=", 1.5, "")),
        ("1,5", ",", ("=", 1.5, "")),
        ("1,500", ",", ("=", 1.5, "")),
        ("-1e-3", ".", ("=", -0.001, "")),
        ("1,5E-3", ",", ("=", 0.0015, "")),
        ("−0.5", ".", ("=", -0.5, "")),
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
        ("1,234.5", ".", ("=", 1234.5, "")),
        ("1.234,5", ",", ("=", 1234.5, "")),
        ("1,234,567", ".", ("=", 1234567.0, "")),
    ],
)
def test_numbers(text, decimal, expected):
    if expected is None:
        with pytest.raises(TableError):
            parse_number(text, decimal=decimal)
    else:
        assert parse_number(text, decimal=decimal) == expected


@pytest.mark.parametrize("text", ["", "  ", "NaN", "nan", "n.d.", "N/A", "NA", "-", "none"])
def test_missing_is_nan(text):
    assert math.isnan(parse_number(text).value)


@pytest.mark.parametrize("text", ["abc", "1.2.3", "1,500", "1,5", "1.5.", "inf", "1e999", "1_000", "0x10", "5 5", "~5"])
def test_refused_with_place(text):
    with pytest.raises(TableError) as refused:
        parse_number(text, file="r.csv", row=7)
    assert "r.csv, row 7: " in str(refused.value)
    assert text in str(refused.value)


@modest
@given(st.floats(allow_nan=False, allow_infinity=False, width=64))
def test_every_float_comes_back(value):
    assert parse_number(repr(value)).value == value
    assert parse_number(repr(value).replace(".", ","), decimal=",").value == value
