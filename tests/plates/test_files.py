from __future__ import annotations

import csv
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activeloop.errors import PlateError
from activeloop.measurements.wells import Well, well_names
from activeloop.plates import (
    Pick,
    PickPrediction,
    Plate,
    Proposal,
    Source,
    plates_in,
    read_plate,
    read_plates,
    read_sources,
    sources_of,
    write_echo,
    write_opentrons,
    write_plate,
)
from activeloop.plates.plate import control_problem

NAMES = st.text(st.characters(max_codepoint=0x2FF, categories=("L", "N", "P", "S")), min_size=1, max_size=12)


def same(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-14) or (math.isnan(a) and math.isnan(b))  # XLSX keeps 16 digits


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
@pytest.mark.parametrize("size", [24, 96, 384])
def test_a_plate_reads_back_as_it_was(proposal, tmp_path, ending, size):
    plate = Plate.fill(proposal(7), wells=size, controls=3, replicates=2, id="north 1")
    read = read_plate(write_plate(plate, tmp_path / f"p.{ending}"))
    assert read == plate
    assert len(read.picks) == 7
    for ours, theirs in zip(plate.picks, read.picks, strict=True):
        assert (ours.name, ours.rank, ours.reason) == (theirs.name, theirs.rank, theirs.reason)
        assert all(same(getattr(ours, f), getattr(theirs, f)) for f in ("score", "mean", "low", "high"))


@settings(max_examples=25, deadline=None)
@given(
    filled=st.dictionaries(
        st.sampled_from(well_names(24)), st.builds(Well, NAMES, st.integers(1, 99), st.booleans()), min_size=1
    ),
    predicted=st.floats(allow_infinity=False),
)
def test_any_names_survive_the_list(filled, predicted, tmp_path_factory):
    ordered = {n: filled[n] for n in well_names(24) if n in filled}
    first = next(iter(ordered.values())).candidate
    picks = (Pick("", first, 1, math.nan, predicted, 0.1, 1e-300, ', "why" \u2192 ='),)
    plate = Plate("p", 24, ordered, picks)
    folder = tmp_path_factory.mktemp("any")
    text = write_plate(plate, folder / "p.csv").read_text(encoding="utf-8")
    assert len(text.splitlines()) == 25
    assert read_plate(folder / "p.csv") == plate


def test_a_list_without_empty_wells_is_no_smaller_plate(tmp_path):
    (tmp_path / "mine.csv").write_text("well,candidate\nA1,A1G\nb02,A2G\n")
    plate = read_plate(tmp_path / "mine.csv")
    assert (plate.id, plate.size, plate.wells) == ("mine", 96, {"A1": Well("A1G"), "B2": Well("A2G")})
    (tmp_path / "large.csv").write_text("well,candidate\nP24,A1G\n")
    assert read_plate(tmp_path / "large.csv").size == 384


def test_several_plates_in_one_list(tmp_path):
    (tmp_path / "two.csv").write_text("plate,well,candidate\np1,A1,A1G\np2,A1,A2G\n")
    assert [(p.id, dict(p.wells)) for p in read_plates(tmp_path / "two.csv")] == [
        ("p1", {"A1": Well("A1G")}),
        ("p2", {"A1": Well("A2G")}),
    ]


def test_the_workbook_has_a_sheet_of_the_plates_shape(proposal, tmp_path):
    from openpyxl import load_workbook

    plate = Plate.fill(proposal(5), wells=24, controls=2)
    sheet = load_workbook(write_plate(plate, tmp_path / "p.xlsx"))["plate"]
    seen = {}
    for r, letter in enumerate("ABCD"):
        assert sheet.cell(r + 2, 1).value == letter
        for c in range(6):
            assert sheet.cell(1, c + 2).value == c + 1
            if value := sheet.cell(r + 2, c + 2).value:
                seen[f"{letter}{c + 1}"] = value
    assert seen == {n: w.candidate for n, w in plate.wells.items()}


def test_a_name_is_never_a_formula_or_a_date(tmp_path):
    from openpyxl import load_workbook

    plate = Plate("p", 24, {"A1": Well("=C=C"), "A2": Well("MAR1")})
    sheet = load_workbook(write_plate(plate, tmp_path / "p.xlsx"))["list"]
    assert [(sheet.cell(r, 4).value, sheet.cell(r, 4).data_type) for r in (2, 3)] == [("=C=C", "s"), ("MAR1", "s")]


def rows_of(path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_an_echo_list_fills_each_well_once_from_the_right_source(proposal, tmp_path):
    plate = Plate.fill(proposal(40), controls=6, replicates=2)
    rows = rows_of(write_echo(plate, tmp_path / "e.csv", volume=27.5))
    stocks = sources_of([plate])
    assert {r["Source Plate Barcode"] for r in rows} == {"source"}
    assert {r["Destination Well"]: r["Sample Name"] for r in rows} == {n: w.candidate for n, w in plate.wells.items()}
    assert len(rows) == len(plate.wells)
    for r in rows:
        assert (r["Source Plate Name"], r["Source Well"]) == (
            stocks[r["Sample Name"]].plate,
            stocks[r["Sample Name"]].well,
        )
        assert (r["Destination Plate Name"], r["Transfer Volume"]) == ("plate-1", "27.5")
    assert len({(s.plate, s.well) for s in stocks.values()}) == 41
    assert stocks["WT"] == Source("source", "A1")
    assert stocks["A1G"] == Source("source", "B1")


def test_an_opentrons_list_names_slots_by_source_plate(tmp_path):
    plate = Plate("p", 96, {"A1": Well("A1G"), "A2": Well("A2G")})
    stocks = {"A1G": Source("north", "A1"), "A2G": Source("south", "D6")}
    path = write_opentrons(plate, tmp_path / "o.csv", 12.5, stocks, slot=2, source_labware="nest_96", height=2)
    assert path.read_text().splitlines() == [
        "Source Labware,Source Slot,Source Well,Source Aspiration Height Above Bottom (in mm),"
        "Dest Labware,Dest Slot,Dest Well,Volume (in ul)",
        "nest_96,1,A1,2,corning_96_wellplate_360ul_flat,2,A1,12.5",
        "nest_96,3,D6,2,corning_96_wellplate_360ul_flat,2,A2,12.5",
    ]


def test_sources_are_read_from_a_table(tmp_path):
    (tmp_path / "s.csv").write_text("candidate,plate,well\nWT,stock,p024\nA1G,stock,A1\n")
    assert read_sources(tmp_path / "s.csv") == {"WT": Source("stock", "P24"), "A1G": Source("stock", "A1")}


def test_an_older_file_survives_a_failed_write(proposal, tmp_path, monkeypatch):
    import os

    from activeloop.errors import StoreError

    path = tmp_path / "p.csv"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StoreError, match="No space left on device"):
        write_plate(Plate.fill(proposal(3)), path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["p.csv"], "nothing is left behind"


@settings(deadline=None)
@given(st.text(min_size=1, max_size=12))
def test_a_control_is_read_back_as_it_was_or_refused(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("control")
    try:
        plate = Plate.fill(Proposal(1, (), 0, 0, ""), 24, controls=2, control=name)
    except PlateError:
        assert control_problem(name) or not name.strip()
        return
    for ending in ("csv", "xlsx"):
        assert read_plate(write_plate(plate, folder / f"p.{ending}")) == replace(plate, id=plate.id)
    assert name not in "=+-@"


def test_a_candidate_that_looks_like_a_formula_is_escaped_and_read_back(tmp_path):
    plate = Plate("p", 24, {"A1": Well("-ADG"), "A2": Well("=X")})
    path = write_plate(plate, tmp_path / "p.csv")
    assert "p,A1,candidate,'-ADG" in path.read_text()
    assert read_plate(path) == plate


def test_a_name_that_no_table_can_hold_is_refused(tmp_path):
    for ending in ("csv", "xlsx", "svg"):
        with pytest.raises(PlateError, match=r"A\\x01B.*Nothing was written"):
            write_plate(Plate("p", 24, {"A1": Well("A\x01B")}), tmp_path / f"p.{ending}")
    assert list(tmp_path.iterdir()) == []


def test_plates_of_a_folder(tmp_path):
    one, two = (Plate(f"plate-{i}", 24, {"A1": Well("K2R")}) for i in (1, 2))
    write_plate(one, tmp_path / "plate-1.csv")
    write_plate(one, tmp_path / "a_copy.csv")
    write_plate(two, tmp_path / "of_the_robot.csv")
    (tmp_path / "own.csv").write_text("well,candidate\nA1,T3S\n")
    (tmp_path / "results.csv").write_text("well,candidate,kcat\nA1,K2R,1\n")
    found = plates_in(tmp_path)
    assert {p.id for p in found.plates} == {"plate-1", "plate-2", "own"}
    assert set(found.foreign) == {"a_copy.csv", "results.csv"}
    write_plate(two, tmp_path / "twice.csv")
    with pytest.raises(PlateError, match="and so does of_the_robot"):
        plates_in(tmp_path)


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_predictions_of_every_assay_stand_in_the_list_and_come_back(tmp_path, ending):
    both = (PickPrediction("kcat", 2.0, 1.0, 3.0), PickPrediction("Tm (melting)", 55.5, 50.0, 61.0))
    picks = (Pick("", "A1G", 1, 0.3, 2.0, 1.0, 3.0, "why", both), Pick("", "A2G", 2, 0.2, 2.5, 2.0, 3.0, "", both[:1]))
    plate = Plate.fill(Proposal(4, picks, 3, 0, ""), wells=24, controls=2)
    path = write_plate(plate, tmp_path / f"plate-4.{ending}")
    read = read_plate(path)
    assert read == plate
    assert [p.predictions for p in read.picks] == [both, both[:1]]
    if ending == "csv":
        header = path.read_text("utf-8").splitlines()[0].split(",")
        assert header[6:12] == [f"{a} {w}" for a in ("kcat", "Tm (melting)") for w in ("predicted", "low", "high")]
        assert [p.id for p in plates_in(tmp_path).plates] == ["plate-4"]  # it is no foreign file


def test_the_score_of_a_prior_is_no_prediction():
    pick = Pick("", "A1G", 1, 0.3, 0.3, -1.0, 1.0, "by the prior")
    assert [math.isnan(p.mean) for p in Plate.fill(Proposal(1, (pick,), 0, 0, ""), 24).picks] == [True]
    assert [p.mean for p in Plate.fill(Proposal(1, (pick,), 1, 0, ""), 24).picks] == [0.3]


def test_a_list_that_a_spreadsheet_saved_with_decimal_commas_reads_back(proposal, tmp_path):
    plate = Plate.fill(proposal(5), 24, controls=2)
    path = write_plate(plate, tmp_path / "p.csv")
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    with (tmp_path / "plate-1.csv").open("w", newline="") as file:
        csv.writer(file, delimiter=";").writerows([[c.replace(".", ",") for c in row[:-1]] for row in rows])
    read = read_plate(tmp_path / "plate-1.csv")
    assert read == plate
    assert all(same(a.mean, b.mean) for a, b in zip(read.picks, plate.picks, strict=True))
