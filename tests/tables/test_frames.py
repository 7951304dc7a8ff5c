"""DataFrames as tables: cells as a spreadsheet would show them, whatever the library."""

from __future__ import annotations

import datetime
import decimal
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest

from activeloop.errors import ConfigError, InputError, MissingExtraError, TableError
from activeloop.notebook import html_table, to_frame
from activeloop.tables import as_table, read_table
from activeloop.tables.frames import is_frame, library_of, table_of_frame

COLUMNS = {"mutant": ["K2R", "T3S", None], "kcat": [1.5, None, 1500.0], "replicate": [1, 2, 3]}


@pytest.mark.parametrize("frame", [pd.DataFrame(COLUMNS), pl.DataFrame(COLUMNS), pl.LazyFrame(COLUMNS), COLUMNS])
def test_each_library_gives_the_same_table(frame):
    table = table_of_frame(frame)
    assert table.header == ("mutant", "kcat", "replicate")
    assert table.columns == (["K2R", "T3S", ""], ["1.5", "", "1500"], ["1", "2", "3"])
    assert list(table.row_numbers) == [2, 3, 4]
    assert table.file == table_of_frame(COLUMNS).file


def test_a_frame_is_the_table_of_the_workbook_with_the_same_cells(tmp_path):
    frame = pd.DataFrame({"mutant": ["K2R", "T3S"], "kcat": [0.125, -7.0], "day": pd.to_datetime(["2026-05-01"] * 2)})
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    ours, theirs = table_of_frame(frame), read_table(tmp_path / "t.xlsx")
    assert (ours.header, ours.columns) == (theirs.header, theirs.columns)
    assert ours.decimal_of("kcat") == theirs.decimal_of("kcat") == "."


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (True, "TRUE"),
        (np.bool_(False), "FALSE"),
        (np.int64(3), "3"),
        (np.float32(0.5), "0.5"),
        (decimal.Decimal("1.50"), "1.50"),
        (datetime.date(2026, 5, 1), "2026-05-01"),
        (pd.NaT, ""),
        (pd.NA, ""),
        (float("nan"), ""),
        (float("inf"), "inf"),
        (1e300, "1e+300"),
        ("  1,5 ", "1,5"),
    ],
)
def test_a_cell_is_shown_as_in_a_spreadsheet(value, shown):
    assert table_of_frame({"a": ["x"], "b": [value]}).columns[1] == [shown]


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, b"K2R", 1j, object()])
def test_a_cell_that_no_spreadsheet_can_show_is_refused(value):
    with pytest.raises(TableError, match=r'^DataFrame, row 3: column "b" holds an? '):
        table_of_frame({"a": ["x", "y"], "b": ["1", value]})


def test_numbers_and_texts_follow_the_rules_of_files():
    assert as_table({"kcat": ["1,5", "2,25"]}).values("kcat").tolist() == [1.5, 2.25]
    with pytest.raises(TableError, match="1,500"):  # 1500 or 1.5
        as_table({"kcat": ["1,500", "2,250"]}).values("kcat")
    with pytest.raises(TableError, match="date"):
        as_table({"mutant": ["1-May"]}).candidates("mutant")


def test_an_index_that_says_something_is_a_column():
    frame = pd.DataFrame({"mutant": ["K2R", "T3S"], "kcat": [1.0, 2.0]})
    assert table_of_frame(frame.set_index("mutant")).header == ("mutant", "kcat")
    assert table_of_frame(frame[frame.kcat > 1]).header == ("mutant", "kcat")  # a number of rows is no column
    assert table_of_frame(pd.DataFrame({"kcat": [1.0]}, index=["K2R"])).columns[0] == ["K2R"]
    shaped = pd.DataFrame(np.arange(6.0).reshape(2, 3) + 0.5, index=list("AB"), columns=[1, 2, 3])
    assert table_of_frame(shaped).columns[2] == ["1.5", "4.5"]


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (pd.DataFrame(), "empty"),
        (pd.DataFrame({"a": []}), "no row"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "a"),
        (pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")])), "several levels"),
        ({"a": [1, 2], "b": [1]}, "different lengths"),
        ({"a": "text"}, "list of cells"),
        ({"a": 3}, "list of cells"),
    ],
)
def test_what_is_no_table_is_refused_in_words(frame, said):
    with pytest.raises(TableError, match=f"(?s)^DataFrame.*{said}"):
        table_of_frame(frame)


@pytest.mark.parametrize("given", [None, 3, [1.0], np.zeros((2, 2)), pd.Series([1.0]), object()])
def test_what_is_no_frame_is_no_frame(given):
    assert not is_frame(given)
    with pytest.raises(InputError, match="a table was expected"):
        as_table(given)


def test_frames_come_out_in_the_library_that_is_asked_for(monkeypatch):
    assert isinstance(to_frame(COLUMNS), pd.DataFrame)
    assert isinstance(to_frame(COLUMNS, "polars"), pl.DataFrame)
    assert [library_of(f) for f in (pd.DataFrame(COLUMNS), pl.LazyFrame(COLUMNS), COLUMNS)] == ["pandas", "polars", ""]
    with pytest.raises(ConfigError, match="excel"):
        to_frame(COLUMNS, "excel")
    monkeypatch.setattr("activeloop.notebook.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"activeloop-bio\[pandas\]"):
        to_frame(COLUMNS)


def test_the_first_library_that_is_installed_is_taken(monkeypatch):
    monkeypatch.setattr("activeloop.notebook.find_spec", lambda name: name == "polars" or None)
    assert isinstance(to_frame(COLUMNS), pl.DataFrame)


def test_html_is_text():
    assert "&lt;b&gt;" in html_table(["<b>"], [["[nH]<b>"]], "<b>")
    assert "1 of 3 rows" in html_table(["a"], [[1]], total=3)


def test_importing_the_package_imports_no_dataframes():
    code = "import activeloop, sys; activeloop.Campaign; print({'narwhals', 'pandas', 'matplotlib'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
