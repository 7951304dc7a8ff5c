"""Instruments' files through allotropy: each value right and at its well, or the file refused and nothing read."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from activeloop.errors import InputError, MeasurementError, TableError
from activeloop.instruments import AllotropyReader, read_instrument, readings_of
from activeloop.instruments.check import check_folder, checks_csv, in_words
from activeloop.testing import checks


@pytest.fixture
def values():
    return np.random.default_rng(7).uniform(0.04, 1.9, (8, 12)).round(3)


def save(tmp_path, content, name="run.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_line_that_stands_there_twice_is_refused(reader, mars, tmp_path, values):
    lines = mars(values).splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if line.startswith("C,"))
    doubled = save(tmp_path, "".join([*lines[: at + 1], *lines[at:]]))
    with pytest.raises(MeasurementError, match=r"twice|other wells"):
        read_instrument(doubled, reader)


def test_it_keeps_the_contract_of_readers(reader):
    for check in checks(reader):
        check()


def test_a_plate_is_read_well_by_well(reader, mars, tmp_path, values):
    file = read_instrument(save(tmp_path, mars(values), "anything at all.csv"), reader)
    assert file.software == "BMG MARS"
    assert {r.well: r.value for r in file.readings} == {
        f"{'ABCDEFGH'[r]}{c + 1}": values[r, c] for r in range(8) for c in range(12)
    }
    assert {(r.quantity, r.unit, r.plate, r.device) for r in file.readings} == {
        ("absorbance", "mAU", "plate-1", "BMG LABTECH")
    }


def test_the_same_file_has_the_same_hash_as_any_table(reader, mars, tmp_path, values):
    from activeloop.tables.reading import read_file

    path = save(tmp_path, mars(values))
    assert reader.read(path).content_hash == read_file(path)[1]


DAMAGE = {
    "cut in the middle of a row": lambda text: text[: len(text) - 130],
    "cut after its head": lambda text: text[: text.index("A,")],
    "decimal commas between commas": lambda text: text[: text.index("A,")] + text[text.index("A,") :].replace(".", ","),
    "a row is missing": lambda text: "\n".join(line for line in text.splitlines() if not line.startswith("D,")),
    "a row stands twice": lambda text: text.replace("\nD,", "\nC,"),
    "two rows changed places": lambda text: (
        text.replace("\nC,", "\n?,").replace("\nD,", "\nC,").replace("\n?,", "\nD,")
    ),
    "not a file of an instrument": lambda text: "the plate was dropped on the floor\n" * 20,
    "numbers alone": lambda text: "1,2,3\n4,5,6\n",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_refused_or_every_value_is_at_its_well(reader, mars, tmp_path, values, damage):
    text = DAMAGE[damage](mars(values))
    path = save(tmp_path, text)
    problem, found = outcome(path, reader)
    assert not problem or (str(path) in problem and "Traceback" not in problem)
    standing: dict[str, list[float]] = {}
    for line in text.splitlines():
        letter, *cells = line.split(",")
        if letter in tuple("ABCDEFGH") and len(cells) == 12:
            standing.setdefault(letter, []).extend(map(float, cells))
    for r in found:
        if r.value == r.value:
            column = int(r.well[1:]) - 1
            assert r.value in standing[r.well[0]][column::12]


def test_a_file_that_is_cut_off_is_refused(reader, mars, tmp_path, values):
    problem, found = outcome(save(tmp_path, mars(values)[:-130]), reader)
    assert "it ends in the middle of a row, at well G" in problem
    assert not found


def outcome(path, reader):
    """Why a file was refused, and its readings."""
    try:
        return "", read_instrument(path, reader).readings
    except (MeasurementError, TableError) as error:
        return str(error), ()


@pytest.mark.parametrize("name", ["missing.csv", "empty.csv", "folder"])
def test_what_cannot_be_opened_is_said(reader, tmp_path, name):
    (tmp_path / "empty.csv").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(MeasurementError, match=r"no such file|is empty|is a folder"):
        reader.read(tmp_path / name)


def test_a_reader_whose_process_died_starts_another(reader, mars, tmp_path, values):
    path = save(tmp_path, mars(values))
    reader.read(path)
    os.kill(reader._process.pid, signal.SIGKILL)
    reader._process.wait()
    assert len(reader.read(path).readings) == 96


def test_a_file_that_takes_too_long_is_refused_and_the_next_is_read(reader, mars, tmp_path, values):
    path = save(tmp_path, mars(values))
    with AllotropyReader(folder=reader.folder, seconds=0.01) as hasty:
        with pytest.raises(MeasurementError, match=r"took over 0\.01 s\. Nothing was stored"):
            hasty.read(path)
        hasty.seconds = 60
        assert len(hasty.read(path).readings) == 96


def test_without_its_environment_the_reader_says_how_to_install_it(mars, tmp_path):
    with pytest.raises(InputError, match=r"not installed\. `activeloop readers install allotropy`"):
        AllotropyReader(folder=tmp_path / "none").read(save(tmp_path, mars(np.ones((8, 12)))))


def test_a_folder_is_checked_against_the_answers_beside_it(reader, mars, tmp_path, values):
    (tmp_path / "bmg").mkdir()
    path = save(tmp_path / "bmg", mars(values))
    sample = {"well plate identifier": "plate-1", "sample identifier": "x"}
    wells = [
        {
            "sample document": {**sample, "location identifier": f"{'ABCDEFGH'[r]}{c + 1}"},
            "absorbance": {"value": float(values[r, c]), "unit": "mAU"},
        }
        for r in range(8)
        for c in range(12)
    ]
    below = {"measurement aggregate document": {"measurement document": wells}}
    answer = {"plate reader aggregate document": {"plate reader document": [below]}}
    path.with_suffix(".expected.json").write_text(json.dumps(answer))
    save(tmp_path / "bmg", "nothing here", "notes.csv")
    checks = list(check_folder(tmp_path, reader))
    assert [(c.file, c.expected, c.confirmed, bool(c.refused)) for c in checks] == [
        ("bmg/notes.csv", "", 0, True),
        ("bmg/run.csv", "agrees", 96, False),
    ]
    (sentence,) = in_words(checks)
    assert sentence.startswith(
        "bmg: 1 of 2 read, 1 of 1 agree with the expected answer, 96 of 96 measured values found"
    )
    assert checks_csv(checks).count("\n") == 3
    wells[0]["absorbance"]["value"] = 9.0
    path.with_suffix(".expected.json").write_text(json.dumps(answer))
    assert [c.expected for c in check_folder(tmp_path, reader)] == ["", "differs"]


DATA = Path(os.environ.get("ACTIVELOOP_DATA", "nowhere")) / "instruments"


@pytest.mark.skipif(not DATA.is_dir(), reason="ACTIVELOOP_DATA names no folder with instruments")
def test_published_files_are_read_and_stand_where_they_say(reader):
    """A few of each vendor; `python -m benchmarks readers` reads all of them."""
    folders = sorted(f for f in DATA.iterdir() if f.is_dir())
    assert folders
    for folder in folders[::3]:
        for path in [p for p in sorted(folder.iterdir()) if p.is_file() and p.suffix in (".csv", ".txt", ".xlsx")][:2]:
            problem, found = outcome(path, reader)
            assert not problem or "error" in path.name, problem
            expected = path.with_suffix(".expected.json")
            if expected.is_file() and not problem:
                wanted = readings_of(json.loads(expected.read_text())).readings
                seen = sorted((r.plate, r.well, r.quantity, repr(r.value), r.unit) for r in found)
                assert seen == sorted((r.plate, r.well, r.quantity, repr(r.value), r.unit) for r in wanted)
