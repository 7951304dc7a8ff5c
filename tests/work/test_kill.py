"""Workers, writers and training processes killed at random moments: nothing lost, nothing done twice."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.options import own_process
from benchmarks.work import HARM, read_rows, work_result

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_killed_stopped_and_restarted_nothing_is_lost_or_done_twice(tmp_path):
    options = ["--kills", "5", "--stops", "1", "--seed", "1", "--work", str(tmp_path / "kept"), "--out", str(tmp_path)]
    command = [sys.executable, "-m", "benchmarks", "work", *options]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=own_process(), check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    with (tmp_path / "work" / "summary.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["database"] for row in rows] == ["sqlite", "postgresql"]
    for row in rows:
        assert sum(int(count) for name, count in row.items() if name.startswith("killed_")) == 5
        assert {row[name] for name in HARM} == {"0"}
        assert int(row["versions"]) >= 2
    page = work_result(*read_rows(tmp_path / "work"))
    assert page.how.startswith("No: nothing was lost, doubled or late. 3 workers")
