"""Large campaigns: the candidates are different ones, and the pieces of the measurement work on few of them."""

import json
from pathlib import Path

import pytest

from activeloop.candidates import CompoundNotation, GuideNotation, VariantNotation
from benchmarks.large import COLUMNS, child, compounds, filled, guides, large_result, protein, run, variants


def test_candidates_are_different_and_can_be_read() -> None:
    parent = protein(60)
    lists = {
        VariantNotation(parent): list(variants(300, parent)),
        GuideNotation(20): list(guides(300)),
        CompoundNotation(): list(compounds(300)),
    }
    for notation, names in lists.items():
        assert len({notation.design(name).name for name in names}) == 300


def test_what_fails_is_told() -> None:
    assert run(["status", "no-such-folder"])[2] == 2


def test_a_log_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "campaign"
    run(["new", str(folder), "--wild-type", protein(30), "--sites", "2,3,4", "--assay", "activity"])
    filled(folder, 192, 96)
    child(str(folder))
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"open", "peak", "status", "record"}
    rows = [("a", "open", f"{found['open']:.2f}", "", "")]
    assert large_result(rows).tables["summary"] == (COLUMNS, rows)
