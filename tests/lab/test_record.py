"""An instrument's file becomes the results of the plate that is out."""

import csv
import shutil

import numpy as np
import pytest

from activeloop.config import open_campaign
from activeloop.lab.allotropy import VARIABLE


@pytest.fixture
def laboratory(reader, typed, mars, tmp_path, monkeypatch):
    """A campaign whose first plate was measured by a plate reader."""
    monkeypatch.setenv(VARIABLE, str(reader.folder.parent))
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


def test_a_file_that_is_no_table_and_speaks_of_an_instrument_is_told_apart(laboratory, typed, tmp_path):
    folder, *_ = laboratory
    export = tmp_path / "export.txt"
    export.write_text("##BLOCKS= 1\nInstrument:\tSpectraMax\nSerial number:\t7\n\t1\t2\nx\ty\n")
    status, _, err = typed("record", folder, export)
    assert (status, "exports of an instrument's own program are read with --instrument" in " ".join(err.split())) == (
        2,
        True,
    )
    export.write_text("some,thing\n1,2\n")
    status, _, err = typed("record", folder, export)
    assert (status, "--instrument" in err) == (2, False)
