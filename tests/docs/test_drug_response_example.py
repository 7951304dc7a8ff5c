"""The case study of drug response runs, with the simulated laboratory and with a reader's own files."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

RUN = Path(__file__).parents[2] / "examples" / "drug-response" / "run.py"


def study(*words: object) -> str:
    done = subprocess.run(
        [sys.executable, str(RUN), *map(str, words)], capture_output=True, text=True, timeout=300, env={**os.environ}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_short_study_and_one_with_files_of_ones_own(tmp_path):
    said = study("--short", "--out", tmp_path / "study")
    assert "16 of 60 compounds measured" in said
    assert said.count("$ activeloop curves") == 2
    assert (tmp_path / "study" / "report.html").stat().st_size > 10_000
    rows = list(
        csv.DictReader((tmp_path / "study" / "curves_1" / "curves.csv").read_text(encoding="utf-8").splitlines())
    )
    assert len(rows) == 8
    own = study(
        *("--short", "--out", tmp_path / "own", "--library", tmp_path / "study" / "library.csv"),
        *("--readings", tmp_path / "study" / "readings_1.csv"),
    )
    assert "Stored 8 results of 8 candidates" in own
    assert "random" not in own.splitlines()[-1]
