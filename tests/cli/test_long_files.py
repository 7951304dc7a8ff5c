"""A long file of results is recorded in bounded memory, with its progress, and read back as it was."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from activeloop.candidates import Pool
from activeloop.config import open_campaign
from activeloop.measurements import Assay, read_measurements

WT = "MKTAYIAKQR"
SITES = (2, 3, 5, 7)
ROWS = 100_000
#: of a process that records them; a million rows take less than 1 GB
MOST_KILOBYTES = 260_000
MEASURED = """
import sys
from pathlib import Path
from activeloop.cli import main
try:
    main(sys.argv[1:])
finally:
    # the process's own peak: that of `resource` counts the memory of the process that started it
    print("kilobytes", Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""


def long_file(path: Path, rows: int) -> list[tuple[str, float]]:
    """Random combinations at four sites, with their values."""
    rng, letters = random.Random(1), "ACDEFGHIKLMNPQRSTVWY"
    found = []
    for _ in range(rows):
        name = ":".join(f"{WT[p - 1]}{p}{rng.choice(letters.replace(WT[p - 1], ''))}" for p in SITES)
        found.append((name, round(rng.gammavariate(2, 1), 4)))
    path.write_text("mutant,kcat\n" + "\n".join(f"{name},{value}" for name, value in found) + "\n")
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="kilobytes are counted as Linux does")
def test_a_hundred_thousand_results_in_bounded_memory(tmp_path):
    written = long_file(tmp_path / "r.csv", ROWS)
    said = ""
    for line in (f"new c --wild-type {WT} --sites K2,T3,Y5,A7 --assay kcat --learner forest", "record c r.csv"):
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, *line.split()], cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        said = done.stdout
    assert f"Stored {ROWS:,} results of" in said
    assert int(said.split("kilobytes ")[1]) < MOST_KILOBYTES
    results = open_campaign(tmp_path / "c").campaign.state().results
    assert [(r.measurement.candidate, r.measurement.value) for r in results] == written
    assert [r.measurement.row for r in results] == list(range(2, ROWS + 2))


def test_a_long_file_reports_its_progress(tmp_path):
    long_file(tmp_path / "r.csv", 25_000)
    calls: list[tuple[int, int]] = []
    pool = Pool.combinatorial(WT, ["K2", "T3", "Y5", "A7"])
    read_measurements(tmp_path / "r.csv", pool=pool, assays=Assay("kcat"), progress=lambda *steps: calls.append(steps))
    assert calls == [(10_000, 25_000), (20_000, 25_000)]
