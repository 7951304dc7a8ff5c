"""The benchmark of large logs: each piece measures something, on few results."""

from pathlib import Path

import pytest

from activeloop.store import SQLiteFile
from benchmarks.log import asked, fill, log_result, writers


@pytest.mark.parametrize("size", [96, 1])
def test_a_log_is_measured(tmp_path: Path, size: int) -> None:
    database = SQLiteFile(tmp_path / "log.db")
    key = fill(database, 192, size)
    found = asked(str(database.path), key, 1)
    assert list(found) == ["open", "first status", "status", "first record", "record", "status after", "MiB"]
    assert database.read("SELECT count(*) FROM results") == [(196,)]


@pytest.mark.parametrize("grouped", [True, False])
def test_writers_are_counted(tmp_path: Path, grouped: bool) -> None:
    found = writers(str(tmp_path / "busy.db"), grouped, 3, 4)
    assert (found["failures"], found["lost"], found["wrong"]) == (0, 0, 0)
    row = {"database": "sqlite", **found}
    assert log_result([], [row], []).tables["writers"][0] == tuple(row)
