"""The case study of the robotic enzyme runs unattended, on the planted landscape and on a table of one's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

RUN = Path(__file__).parents[2] / "examples" / "robotic-enzyme" / "run.py"


def study(*words: object) -> str:
    done = subprocess.run([sys.executable, str(RUN), *map(str, words)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_two_unattended_rounds(tmp_path):
    said = study("--out", tmp_path / "study", "--rounds", 2, "--plate", 8)
    assert "2 rounds made, as planned." in said
    assert (tmp_path / "study" / "report.html").stat().st_size > 10_000


def test_a_landscape_of_ones_own(tmp_path):
    table = tmp_path / "scan.csv"
    letters = "ACDEFGHIKLMNPQRSTVWY"
    rows = [f"{a}{b},{i + 0.5 * j}" for i, a in enumerate(letters) for j, b in enumerate(letters)]
    table.write_text("variant,activity\n" + "\n".join(rows) + "\n")
    said = study("--out", tmp_path / "study", "--landscape", table, "--rounds", 2, "--plate", 8)
    assert "400 variants, of which the campaign sees no value" in said
    assert "of 400 variants were measured" in said
