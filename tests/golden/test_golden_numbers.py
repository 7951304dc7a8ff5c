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


def with_columns_of(now: dict, then: dict) -> dict:
    """The same tables with the columns and metrics of before alone: a later release may have more of them."""
    found = dict(now)
    for file, (header, *_) in ((file, then[file]) for file in now if file.endswith(".csv") and file in then):
        at = [now[file][0].index(name) for name in header if name in now[file][0]]
        rows = [[row[i] for i in at] for row in now[file]]
        if "metric" in header:
            known = {row[header.index("metric")] for row in then[file]}
            rows = [row for row in rows if row[header.index("metric")] in known]
        found[file] = rows
    for name, entry in found.items():
        if isinstance(entry, dict) and "metrics" in (known := then.get(name) or {}):
            found[name] = entry | {"metrics": {k: v for k, v in entry["metrics"].items() if k in known["metrics"]}}
    return found


def test_every_section_is_computed():
    assert set(NUMBERS) == set(computed.SECTIONS)


@pytest.mark.parametrize("section", NUMBERS)
def test_the_numbers_are_those_of_before(section: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    if section in computed.PUBLIC and "ACTIVELOOP_DATA" not in os.environ:
        pytest.skip("needs the public data: set ACTIVELOOP_DATA")
    monkeypatch.chdir(tmp_path)
    then = {key: numbers for key, numbers in NUMBERS[section].items() if not gone(section, key)}
    rtol = TABLES if any(key.endswith(".csv") for key in then) else LOOSE.get(section, 1e-9)
    now = with_columns_of(json.loads(json.dumps(computed.SECTIONS[section]())), then)
    assert differences(now, then, rtol) == []
