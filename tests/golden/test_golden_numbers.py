"""Picks, predictions and results are those of before."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from golden import computed, names
from golden.comparing import differences

NUMBERS = json.loads((Path(__file__).parent / "numbers.json").read_text())
#: networks in single precision and torch: last bits depend on the processor; tables of results have six digits
LOOSE = {"learners": 1e-6, "calibrations": 1e-6, "encoders": 1e-6}
TABLES = 2e-5


def gone(section: str, key: str) -> bool:
    """Whether a score or the choice of a batch was removed since; its entry begins with its name."""
    role = {"scores": "score", "batches": "batch"}.get(section, "")
    return f"{role}-{key.split()[0]}" in names.REMOVED


def test_every_section_is_computed():
    assert set(NUMBERS) == set(computed.SECTIONS)


@pytest.mark.parametrize("section", NUMBERS)
def test_the_numbers_are_those_of_before(section: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    if section in computed.PUBLIC and "ACTIVELOOP_DATA" not in os.environ:
        pytest.skip("needs the public data: set ACTIVELOOP_DATA")
    monkeypatch.chdir(tmp_path)
    then = {key: numbers for key, numbers in NUMBERS[section].items() if not gone(section, key)}
    rtol = TABLES if any(key.endswith(".csv") for key in then) else LOOSE.get(section, 1e-9)
    assert differences(json.loads(json.dumps(computed.SECTIONS[section]())), then, rtol) == []
