"""Campaigns of before this code, opened by it: what they remember, predict and propose is what it was."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from golden import make_folders, names
from golden.comparing import differences

FOLDER = Path(__file__).parent
CAMPAIGNS = sorted(path.name for path in (FOLDER / "campaigns").iterdir())
#: what goes through single precision or torch, whose last bits depend on the processor
LOOSE = ("library", "taught", "learner-alde", "learner-dropout", "learner-ensemble", "model-")


def tolerance(name: str) -> float:
    return 1e-6 if name.startswith(LOOSE) else 1e-9


def expected(name: str) -> dict:
    return json.loads((FOLDER / "expected" / f"{name}.json").read_text())


@pytest.fixture
def copy(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder, where it may be written to."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(FOLDER / "campaigns" / request.param, tmp_path / "campaign"))


def test_every_folder_has_its_answers():
    assert set(make_folders.CAMPAIGNS) == set(CAMPAIGNS)


@pytest.mark.parametrize(("copy", "name"), [(name, name) for name in CAMPAIGNS], indirect=["copy"], ids=CAMPAIGNS)
def test_an_old_campaign_goes_on_as_it_would_have(copy: Path, name: str, monkeypatch: pytest.MonkeyPatch):
    then, rtol = expected(name), tolerance(name)
    with names.nothing_may_be_fitted(monkeypatch):
        assert differences(names.history(copy), then["history"], rtol) == []
        assert differences(names.predictions_of(copy, copy.parent / "said.csv"), then["predictions"], rtol) == []
        names.typed("fit", copy)  # its version stands
        assert len(names.history(copy)["versions"]) == len(then["history"]["versions"])
        told = names.typed("status", copy)
        assert all(leader[1] in told and f"{leader[2]:.4g}" in told for leader in then["history"]["leaders"])
        names.typed("propose", copy, "-n", 6)
        proposed = names.picks_of(copy, len(then["history"]["proposals"]) + 1)
    assert differences(proposed, then["proposal"], rtol) == []
    if "next" in then:
        fitted = make_folders.another_round(
            copy, make_folders.assays_of(name), len(then["history"]["proposals"]) + 1, copy.parent
        )
        assert differences(fitted, then["next"], rtol) == []


@pytest.mark.parametrize("copy", ["singles"], indirect=True)
def test_what_was_measured_or_vetoed_before_is_not_proposed_and_what_was_voided_may_be(copy: Path):
    then = expected("singles")["history"]
    counted = {row[0] for row in then["results"] if row[2] == row[2] and not row[-1] and not row[5]}
    voided = {row[0] for row in then["results"] if row[-1]}
    names.typed("propose", copy, "-n", 200, "--plate", 384, "--retry-missing")
    proposed = {pick[0] for pick in names.picks_of(copy, 3)}
    assert len(voided) == 1
    assert len(proposed) == 190 - len(counted) - len(then["vetoed"])
    assert not (counted | set(then["vetoed"])) & proposed
    assert voided <= proposed


@pytest.mark.parametrize("copy", ["taught"], indirect=True)
def test_a_student_of_before_predicts_the_same(copy: Path):
    # the file that was written out, and the one that is kept in the campaign
    then, table = expected("taught"), copy.parent / "all.csv"
    names.predictions_of(copy, table)
    before = names.history(copy)["students"]
    names.typed("distil", copy, "--out", copy.parent / "kept.onnx")
    assert names.history(copy)["students"] == before
    for student in (FOLDER / "student.onnx", copy.parent / "kept.onnx"):
        names.typed("predict", "--student", student, table, "--out", copy.parent / "student.csv")
        assert differences(names.predicted(copy.parent / "student.csv"), then["student"], 1e-6) == []


@pytest.mark.parametrize("copy", ["singles"], indirect=True)
def test_a_campaign_of_before_says_what_it_is_at_its_first_write(copy: Path):
    def kinds() -> list[str]:
        with closing(sqlite3.connect(copy / "campaign.db")) as connection:
            return [kind for (kind,) in connection.execute("SELECT kind FROM events ORDER BY sequence")]

    before = kinds()
    names.typed("status", copy)
    assert kinds() == before
    assert "configured" not in before
    names.typed("veto", copy, "K2R")
    assert kinds() == [*before, "configured", "pinned"]
    config = copy / "campaign.toml"
    text = config.read_text()
    assert 'unit = "' in text
    config.write_text(text.replace('unit = "', 'unit = "furlong ', 1))
    with pytest.raises(AssertionError, match="cannot be converted"):
        names.typed("status", copy)
    config.write_text(text)
    names.typed("status", copy)
