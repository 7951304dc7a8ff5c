"""A newcomer's walk: three campaigns from `new` to the third plate, each typed as one would."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def walk(tmp_path: Path, name: str) -> Path:
    command = [sys.executable, "-m", "tools.walk", "--out", str(tmp_path / "walk"), "--only", name]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "160"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return tmp_path / "walk"


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_an_enzyme_comes_to_combinations_and_a_report(tmp_path):
    out = walk(tmp_path, "enzyme")
    results = table(out / "enzyme-tables" / "results.csv")
    assert {row["assay"] for row in results} == {"kcat", "Tm"}
    last = [row for row in table(out / "enzyme" / "plates" / "plate-3.csv") if row["kind"] == "candidate"]
    assert any(":" in row["candidate"] for row in last)
    page = (out / "enzyme.html").read_text()
    assert "kcat" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


@pytest.mark.slow
def test_compounds_keep_their_catalogue_numbers_and_source_wells(tmp_path):
    out = walk(tmp_path, "compounds")
    catalogue = {row["SMILES"]: row for row in table(out / "catalogue.csv")}
    sources = {(row["Source Plate"], row["Source Well"]) for row in catalogue.values()}
    (first, *_) = sorted((out / "inhibitor" / "plates" / "picklists").glob("plate-1*.csv"))
    transfers = table(first)
    assert len(transfers) == 24
    assert {(row["Source Plate Name"], row["Source Well"]) for row in transfers} <= sources
    plate = [row for row in table(out / "inhibitor" / "plates" / "plate-1.csv") if row["kind"] == "candidate"]
    assert all(row["Catalog Number"].startswith("CB-") for row in plate)


@pytest.mark.slow
def test_guides_come_back_by_their_ids(tmp_path):
    out = walk(tmp_path, "guides")
    assert (out / "guides" / "plates" / "plate-3.csv").exists()
    assert "editing" in (out / "guides.html").read_text()
