"""Doses on plates: each well gets its dose from the stock that makes it, within what the robot dispenses."""

from __future__ import annotations

import csv
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activeloop.cli import main
from activeloop.errors import PlateError
from activeloop.plates import Pick, Plate, Proposal, Source
from activeloop.plates.doses import Dispenser, DoseSeries, dosed, read_series
from activeloop.plates.picklists import ECHO_MOST

ECHO = Dispenser("an Echo", 0.0025, ECHO_MOST / 1000, 0.0025)
PIPETTE = Dispenser("a pipette", 1.0, 1000.0)
SMILES = ("CCO", "CCN", "CCCl")


@cache
def plate_of(replicates: int = 8, wells: int = 96, controls: int = 4) -> Plate:
    picks = tuple(Pick("", name, i + 1, 0.0, 0.0, 0.0, 0.0, "") for i, name in enumerate(SMILES))
    kept = {"wells": wells, "controls": controls, "control": "DMSO", "replicates": replicates}
    return Plate.fill(Proposal(1, picks, 0, 0, ""), **kept)


def stocks(**volumes: float) -> dict[str, Source | list[Source]]:
    return {
        **{name: Source("lib", f"A{i + 1}", 50.0, 10_000.0) for i, name in enumerate(SMILES)},
        "DMSO": Source("lib", "H12", 100.0),
    }


@settings(deadline=None, max_examples=25)
@given(
    st.floats(0.5, 20), st.floats(1.5, 4), st.integers(2, 8), st.sampled_from([20.0, 50.0, 100.0]), st.integers(1, 3)
)
def test_every_well_has_its_dose_and_no_source_gives_more_than_it_holds(top, factor, count, volume, copies):
    series = DoseSeries(tuple(top / factor**i for i in range(count)), volume)
    plate = plate_of(count * copies)
    try:
        made = dosed([plate], series, ECHO, stocks(), dead_volume=5.0)
    except PlateError:
        return  # the other tests say which
    into: dict[str, dict[str, float]] = {}
    for move in made.transfers:
        assert abs(move.volume / 0.0025 - round(move.volume / 0.0025)) < 1e-6
        into.setdefault(move.well, {})[move.vehicle or move.held.candidate] = move.volume
    for _, well, held, dose in made.doses:
        if held.control:
            assert dose == 0
            continue
        wanted = series.doses[(held.replicate - 1) % count]
        assert into[well][held.candidate] * 10_000 / volume == pytest.approx(dose)
        assert dose == pytest.approx(wanted, rel=0.1)
        if not made.unequal:
            assert sum(into[well].values()) == pytest.approx(made.vehicle)
    for place in {(m.source.plate, m.source.well) for m in made.transfers}:
        moves = [m for m in made.transfers if (m.source.plate, m.source.well) == place]
        assert sum(m.volume for m in moves) <= moves[0].source.volume - 5.0 + 1e-4
    assert len({(m.well, m.vehicle) for m in made.transfers}) == len(made.transfers)  # none is filled twice


def test_a_weaker_stock_is_taken_where_the_strong_one_cannot_be_dispensed():
    both = stocks() | {
        name: [Source("lib", f"A{i}", 500.0, 10_000.0), Source("weak", f"A{i}", 500.0, 100.0)]
        for i, name in enumerate(SMILES, 1)
    }
    made = dosed([plate_of(4)], DoseSeries((100.0, 30.0, 1.0, 0.5), 200.0), PIPETTE, both)
    taken = {(m.source.plate, round(m.volume, 6)) for m in made.transfers if not m.vehicle}
    assert taken == {("lib", 2.0), ("weak", 60.0), ("weak", 2.0), ("weak", 1.0)}


@pytest.mark.parametrize(
    ("series", "robot", "sources", "words"),
    [
        (DoseSeries((10.0, 1.0, 0.1), 50.0), ECHO, stocks(), "has 8 wells for 3 doses. So it is with 2 more"),
        (
            DoseSeries((10.0, 0.001), 50.0),
            ECHO,
            stocks(),
            " in 50 µL needs 0.005 nL of 10000 µM, and an Echo",
        ),
        (DoseSeries((10.0, 1.0), 100.0), PIPETTE, stocks(), "needs 100 nL of 10000 µM, and a pipette dispenses 1 µL"),
        (DoseSeries((10.0, 1.0), 50.0), ECHO, {"DMSO": Source("a", "A1")}, " has no source well"),
        (DoseSeries((10.0, 1.0), 50.0), ECHO, stocks() | {"CCN": Source("a", "A1")}, "concentration of CCN in A1 of a"),
        (DoseSeries((10.0, 1.0), 5000.0), ECHO, stocks(), "holds at most 2,200 µL"),
        (DoseSeries((9000.0, 1.0), 50.0), ECHO, stocks(), "needs 45 µL of 10000"),
        (DoseSeries((500.0, 1.0), 100.0), ECHO, stocks(), "hold too little for these doses"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_moves(series, robot, sources, words):
    with pytest.raises(PlateError) as error:
        dosed([plate_of()], series, robot, sources, dead_volume=45.0)
    assert words in str(error.value)
    assert "Nothing was written." in str(error.value)


@pytest.mark.parametrize("text", ["10", "10 uM, 1:1, 4", "10 uM, 1:3, 900", "1, 1 uM", "", "5 ug/mL", "a, b uM"])
def test_what_are_no_doses(text):
    with pytest.raises(PlateError):
        read_series(text)


def test_a_dose_response_from_the_plate_to_its_curves(tmp_path, monkeypatch, capsys):
    """Pick lists of all three robots, and the layout by which the readings become curves."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(words)
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    (tmp_path / "pool.csv").write_text(
        "smiles,plate,well,volume (µL),concentration (mM)\n"
        + "".join(f"{name},lib,A{i},60,0.5\n" for i, name in enumerate(SMILES, 1))
    )
    (tmp_path / "vehicle.csv").write_text("candidate,source plate,source well,volume (µL)\nDMSO,lib,H12,2000\n")
    assert run("new", "loop", "--table", "pool.csv", "--kind", "compounds", "--assay", "IC50:uM:minimise")[0] == 0
    assert run("propose", "loop", "-n", "3", "--replicates", "8", "--controls", "6")[0] == 0
    rest = ("--well-volume", "100uL", "--sources", "vehicle.csv", "--dead-volume", "5uL")
    small, wide = ("--doses", "0.5, 5, 3, 2, 4, 1, 6, 7 uM"), ("--doses", "10 uM, 1:2, 8")
    for robot, doses, problem in (
        ("echo", wide, ""),
        ("hamilton", wide, "a Hamilton channel dispenses 500 nL to 1,000 µL. Prepare a stock of"),
        ("hamilton", ("--doses", "10, 9, 8, 7, 6, 5, 4, 3 uM"), ""),
        ("opentrons", small, "an Opentrons pipette dispenses 1 µL"),
        ("opentrons", ("--doses", "10, 9, 8, 7, 6, 5.5, 5.2, 5 uM"), ""),
    ):
        status, _, err = run("plate", "loop", "--for", robot, *doses, *rest)
        assert (status, problem in err) == (2 if problem else 0, True), err
    lists = tmp_path / "loop" / "plates" / "picklists"
    layout_file = lists / "plate-1-doses.csv"
    with layout_file.open(encoding="utf-8") as file:
        layout = list(csv.DictReader(file))
    assert {float(row["dose (µM)"]) for row in layout} >= {0.0, 10.0}
    with (lists / "plate-1-hamilton.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["Sample Name"] for row in rows} == {*SMILES, "DMSO"}
    status, _, err = run("plate", "loop", "--for", "echo", "--volume", "100nL", "--stock", "1mM")
    assert (status, "--stock belongs to --doses" in err) == (2, True)
    with (tmp_path / "read.csv").open("w") as file:
        file.write("plate,well,signal\n")
        for row in layout:
            dose = float(row["dose (µM)"])
            file.write(f"{row['plate']},{row['well']},{1000 / (1 + dose / 2) + 20:.1f}\n")
    status, out, err = run(
        "curves", "read.csv", "--layout", str(lists / "plate-1-doses.csv"), "--response", "viability"
    )
    assert status == 0, err
    assert "CCO" in out
