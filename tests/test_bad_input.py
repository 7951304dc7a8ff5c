"""What goes wrong at the command line: one clear message with file, row and fix, and nothing is stored by halves."""

from __future__ import annotations

import re
import shlex
import shutil
import sqlite3
from contextlib import closing, nullcontext
from pathlib import Path

import pytest

from activeloop.cli import main
from activeloop.measurements.wells import well_names
from activeloop.plates import read_plate
from bad_input.campaigns import CONFIGS, OPTIONS, STORE
from bad_input.case import WT, Case
from bad_input.drugs import DRUGS
from bad_input.pools import POOLS
from bad_input.replays import REPLAYS
from bad_input.results import RESULTS
from bad_input.tables import TABLES

CASES = [*POOLS, *TABLES, *RESULTS, *CONFIGS, *STORE, *OPTIONS, *REPLAYS, *DRUGS]
NEW = f"new loop --wild-type {WT} --singles --seed 5 --wells 24 --controls 2"
WORD = re.compile(rb"@(?:filled|other|empty|held)")
STARTS = {
    "nothing": (),
    "out": (f"{NEW} --assay kcat:1/s --learner forest", "propose loop -n 10"),
    "measured": (
        f"{NEW} --assay kcat:1/s --learner ensemble",
        "propose loop -n 10",
        "record loop results.csv",
        "fit loop",
    ),
    "treatments": (
        'new loop --assay viability:% --cells A375,HT29 --compounds a,b --doses "0.1, 1 uM" --wells 24 --controls 2',
    ),
    "two": (f"{NEW} --assay kcat:1/s --assay KD:nM:minimise",),
}


def typed(line: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(shlex.split(line))
    return int(end.value.code or 0)


def measure() -> None:
    """What the laboratory sends back for plate 1."""
    wells = read_plate("loop/plates/plate-1.csv").wells
    rows = [f"plate-1,{well},{i + 0.5}" for i, well in enumerate(wells)]
    Path("results.csv").write_text("\n".join(["plate,well,kcat", *rows]) + "\n")


@pytest.fixture(scope="session")
def starts(tmp_path_factory) -> dict[str, Path]:
    """A folder for each start, made once and copied for each case."""
    folders = {}
    for name, verbs in STARTS.items():
        folders[name] = tmp_path_factory.mktemp(name)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folders[name])
            for verb in verbs:
                if verb.startswith("record"):
                    measure()
                assert typed(verb) == 0
    return folders


@pytest.fixture(scope="session")
def words(starts) -> dict[str, str]:
    """What the words with @ stand for."""
    plate = read_plate(starts["out"] / "loop/plates/plate-1.csv")
    filled, other = [well for well, held in plate.wells.items() if not held.control][:2]
    empty = next(well for well in well_names(plate.size) if well not in plate.wells)
    return {"@filled": filled, "@other": other, "@empty": empty, "@held": plate.wells[filled].candidate}


def put(text: str, words: dict[str, str]) -> str:
    return WORD.sub(lambda word: words[word[0].decode()].encode(), text.encode()).decode()


def prepare(case: Case, start: Path, words: dict[str, str]) -> None:
    shutil.copytree(start, ".", dirs_exist_ok=True)
    for name, content in case.files.items():
        path = Path(name)
        path.parent.mkdir(exist_ok=True)
        if content is None:
            path.mkdir()
        else:
            path.write_bytes(WORD.sub(lambda word: words[word[0].decode()].encode(), content))
    if case.damage:
        case.damage()


def everything() -> dict[str, bytes]:
    """Every file and folder by name, and the events; neither SQLite's passing files nor empty folders of models."""
    files = {str(p): p.read_bytes() if p.is_file() else b"" for p in sorted(Path().rglob("*"))}
    passing = re.compile(r".*-(wal|shm)|loop/artifacts/[0-9a-f]{2}")
    files = {name: content for name, content in files.items() if not passing.fullmatch(name)}
    return files | {"events": repr(events()).encode()}


def events() -> list[tuple] | str:
    if not Path("loop/campaign.db").exists():
        return "none"
    try:
        with closing(sqlite3.connect("loop/campaign.db")) as connection:
            return connection.execute("SELECT * FROM events").fetchall()
    except sqlite3.DatabaseError as error:
        return str(error)


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_refused_with_a_fix_and_nothing_half_stored(case, starts, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("activeloop.cli.terminal.BUSY_SECONDS", 0.05)
    prepare(case, starts[case.start], words)
    before = everything()
    capsys.readouterr()
    with case.during() if case.during else nullcontext():
        status = typed(put(case.typed, words))
    message = re.sub(r"\s+", " ", capsys.readouterr().err)
    assert status == case.status, message
    assert f"Error: {case.where}" in message
    for part in case.expected:
        assert put(part, words) in message
    assert "Traceback" not in message
    assert everything() == before
