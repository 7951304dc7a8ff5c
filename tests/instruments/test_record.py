"""An instrument's file becomes the results of the plate that is out."""

import csv
import shutil

import numpy as np
import pytest

from activeloop.config import open_campaign
from activeloop.desk.record import ReadingOptions, preview_results
from activeloop.instruments.allotropy import VARIABLE
from exports import softmax


@pytest.fixture
def laboratory(reading, typed, mars, tmp_path):
    """A campaign whose first plate was measured by a plate reader."""
    folder = tmp_path / "loop"
    wild_type = ["--singles", "--wild-type", "MKTAYIAKQRQISFVKSHFSRQ"]
    assert typed("new", folder, *wild_type, "--assay", "OD450")[0] == 0
    assert typed("propose", folder, "-n", "40", "--controls", "4")[0] == 0
    with (folder / "plates" / "plate-1.csv").open() as file:
        filled = {row["well"]: row["candidate"] for row in csv.DictReader(file) if row["candidate"]}
    values = np.random.default_rng(3).uniform(0.04, 0.05, (8, 12)).round(3)
    for well in filled:
        values["ABCDEFGH".index(well[0]), int(well[1:]) - 1] += 1 + int(well[1:]) / 100
    values = values.round(3)
    path = tmp_path / "run.csv"
    path.write_text(mars(values))
    return folder, filled, path, values


def test_the_values_of_an_export_go_to_the_candidates_of_their_wells(laboratory, typed):
    folder, filled, path, values = laboratory
    status, out, err = typed("record", folder, path, "--instrument")
    assert status == 0, err
    assert "read as BMG MARS: absorbance of 96 wells." in " ".join(out.split())
    measured = [m for r in open_campaign(folder).campaign.log for m in getattr(r.event, "measurements", ())]
    assert {m.well: m.candidate for m in measured} == filled
    for m in measured:
        assert m.value == values["ABCDEFGH".index(m.well[0]), int(m.well[1:]) - 1]


def test_the_same_export_is_not_stored_twice(laboratory, typed, tmp_path):
    folder, _, path, _ = laboratory
    assert typed("record", folder, path, "--instrument")[0] == 0
    again = shutil.copy(path, tmp_path / "copy.csv")
    status, out, _ = typed("record", folder, again, "--instrument")
    assert (status, "was recorded before" in " ".join(out.split())) == (0, True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--quantity", "fluorescence"], '"fluorescence" is none of these: "absorbance"'),
        (["--assay", "OD"], 'no assay "OD"'),
        (["--software", "agilent_gen5"], "cannot be read as a file of agilent_gen5"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_stored(laboratory, typed, options, message):
    folder, _, path, _ = laboratory
    events = len(list(open_campaign(folder).campaign.log))
    status, _, err = typed("record", folder, path, *options)
    assert (status, message in " ".join(err.split())) == (2, True)
    assert len(list(open_campaign(folder).campaign.log)) == events


def test_an_export_that_is_no_table_is_found_and_its_quantities_are_asked_for(laboratory, typed, tmp_path):
    folder, filled, *_ = laboratory
    path = softmax(tmp_path / "run.txt", filled)
    status, _, err = typed("record", folder, path)
    assert (status, "its wells hold several of these" in " ".join(err.split())) == (2, True)
    seen = preview_results(open_campaign(folder), path)
    assert [(q.name, q.values) for q in seen.quantities] == [("absorbance at 450 nm", 96), ("absorbance at 570 nm", 96)]
    assert not seen.good
    how = ReadingOptions(quantity="absorbance at 570 nm")
    seen = preview_results(open_campaign(folder), path, how)
    assert seen.good
    assert {w.well for w in seen.wells} == set(filled)
    assert seen.software
    assert typed("record", folder, path, "--quantity", "570 nm")[0] == 0


def test_what_is_neither_table_nor_export_is_refused_as_a_table(laboratory, typed, tmp_path):
    folder, *_ = laboratory
    export = tmp_path / "export.txt"
    export.write_text("##BLOCKS= 1\nInstrument:\tSpectraMax\nSerial number:\t7\n\t1\t2\nx\ty\n")
    status, _, err = typed("record", folder, export)
    assert (status, "as an export of its program: it cannot be read as a file of" in " ".join(err.split())) == (2, True)
    export.write_text("some,thing\n1,2\n")
    status, _, err = typed("record", folder, export)
    assert (status, "as an export" in err) == (2, False)


def test_without_the_readers_it_says_how_to_get_them(laboratory, typed, tmp_path, monkeypatch):
    folder, filled, *_ = laboratory
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none"))
    status, _, err = typed("record", folder, softmax(tmp_path / "run.txt", filled))
    assert (status, "`activeloop readers install allotropy` installs it" in " ".join(err.split())) == (2, True)
