"""Everything that can be wrong with a plate: the message says what, names the fix, and nothing was made or written."""

from __future__ import annotations

import re

import pytest

from activeloop.errors import InputError, PlateError, StoreError
from activeloop.measurements.wells import Well
from activeloop.plates import (
    Pick,
    Plate,
    Proposal,
    Source,
    fill_plates,
    read_plate,
    read_sources,
    write_echo,
    write_opentrons,
    write_plate,
)

DESIGNS = [
    (88, {"replicates": 2, "empty_edges": True},
     "88 candidates x 2 replicates + 8 controls need 184 wells; a 96-well plate without edges has 60. "
     "Use 384 wells, fewer replicates or several plates"),
    (89, {}, "89 candidates + 8 controls need 97 wells; a 96-well plate has 96. Use 384 wells, fewer candidates"),
    (2000, {"wells": 1536, "controls": 0}, "2000 candidates need 2000 wells; a 1536-well plate has 1536. Use fewer"),
    (5, {"wells": 100}, "there is no 100-well plate. Use one of 6, 12, 24, 48, 96, 384, 1536 wells"),
    (5, {"controls": -1}, "-1 controls: the number cannot be negative"),
    (5, {"replicates": 0}, "0 replicates: each candidate needs at least 1 well"),
    (5, {"control": ""}, "a control has no name. Name it (such as WT) or set controls to 0"),
    (5, {"control": []}, "a control has no name"),
]  # fmt: skip


@pytest.mark.parametrize(("n", "options", "expected"), DESIGNS)
def test_a_plate_that_cannot_be_filled(proposal, n, options, expected):
    with pytest.raises(PlateError, match=re.escape(expected)):
        Plate.fill(proposal(n), **options)


def test_several_plates_without_room_for_a_single_candidate(proposal):
    with pytest.raises(PlateError, match="a 24-well plate has 24"):
        fill_plates(proposal(5), wells=24, controls=24)


def test_a_candidate_proposed_twice():
    pick = Pick("", "A1G", 1, 0.0, 0.0, 0.0, 0.0, "")
    with pytest.raises(PlateError, match=r'"A1G" is proposed twice\. Use replicates'):
        Plate.fill(Proposal(1, (pick, pick), 0, 0, ""))


def test_wells_that_cannot_have_failed(proposal):
    plate = Plate.fill(proposal(3), wells=24, controls=2)
    empty = next(n for n in ("A1", "A2", "A3", "A4", "A5", "A6") if n not in plate.wells)
    with pytest.raises(PlateError, match=f'well "{empty}" of plate-1 was empty'):
        plate.replace_failed([empty])
    with pytest.raises(PlateError, match='well "H1" is not on a 24-well plate'):
        plate.replace_failed(["H1"])


def test_a_well_off_the_plate():
    with pytest.raises(PlateError, match='well "A25" is not on a 384-well plate'):
        Plate("p", 384, {"A25": Well("A1G")})
    with pytest.raises(PlateError, match='well "A01" is not on'):
        Plate("p", 384, {"A01": Well("A1G")})


LISTS = [
    ("well twice", ["well,candidate", "A1,A1G", "a01,A2G"], 3, 'well "A1" of p stands in row 2 already', "Delete"),
    ("no well", ["well,candidate", "A1,A1G", "Z99,A2G"], 3, '"Z99" is not a well', "A1 ... H12"),
    ("kind", ["well,kind,candidate", "A1,blank,A1G"], 2, 'kind "blank" is not known', "Use candidate"),
    ("replicate", ["well,candidate,replicate", "A1,A1G,zero"], 2, 'replicate "zero"', "Number the replicates"),
    ("rank", ["well,candidate,rank", "A1,A1G,first"], 2, 'rank "first" is not a whole number', "No plate was read"),
    (
        "prediction",
        ["well,candidate,rank,predicted", "A1,A1G,1,good"],
        2,
        '"good" is not a number',
        "No plate was read",
    ),
    ("no column", ["position,candidate", "A1,A1G"], None, 'no column "well"', "Columns: position, candidate"),
    ("two plates", ["plate,well,candidate", "p,A1,A1G", "q,A1,A1G"], None, "lists 2 plates (p, q)", "read_plates"),
    ("half a row", ["plate,well,candidate", "p,A1,A1G", "p,A"], 3, "half-written", "Export it again"),
]


@pytest.mark.parametrize(("lines", "row", "expected", "fix"), [c[1:] for c in LISTS], ids=[c[0] for c in LISTS])
def test_a_list_that_is_no_plate(tmp_path, lines, row, expected, fix):
    path = tmp_path / "p.csv"
    path.write_text("\n".join(lines))
    with pytest.raises(InputError) as caught:
        read_plate(path)
    assert (caught.value.file, caught.value.row) == (str(path), row)
    assert expected in str(caught.value)
    assert fix in str(caught.value)


@pytest.mark.parametrize(
    ("lines", "row", "expected"),
    [
        (["candidate,plate,well", "A1G,s,Q1"], 2, '"Q1" is not on a 384-well plate (A1-P24)'),
        (["candidate,plate,well", "A1G,s,A1", "A2G,s,A1"], 3, "A1 of s stands in row 2 already. Delete"),
    ],
)
def test_sources_that_are_none(tmp_path, lines, row, expected):
    path = tmp_path / "s.csv"
    path.write_text("\n".join(lines))
    with pytest.raises(PlateError, match=re.escape(expected)) as caught:
        read_sources(path, size=384)
    assert caught.value.row == row


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"volume": 101.0}, "an Echo shoots droplets of 2.5 nL. Use 100 nL"),
        ({"volume": 0.0}, "0 nL cannot be dispensed"),
        ({"volume": float("nan")}, "cannot be dispensed"),
        ({"volume": 40.0, "droplet": 25.0}, "droplets of 25 nL. Use 50 nL"),
        ({"sources": {"WT": Source("s", "A1")}}, "3 of 4 stocks have no source well: "),
    ],
)
def test_echo_lists_that_no_echo_can_do(proposal, tmp_path, options, expected):
    with pytest.raises(PlateError, match=re.escape(expected)):
        write_echo(Plate.fill(proposal(3)), tmp_path / "e.csv", **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("size", "options", "expected"),
    [
        (96, {"volume": 0.0}, "0 nL cannot be pipetted: an Opentrons pipette takes 1 to 1,000 µL"),
        (96, {"slot": 12}, "there is no slot 12. Use 1 to 11"),
        (96, {"height": -1.0}, "a height of -1 mm is outside the well"),
        (1536, {}, "no labware of 1536 wells. Name yours"),
        (96, {"sources": {f"A{i}G": Source(f"s{i}", "A1") for i in range(1, 13)}}, "12 source plates do not fit"),
    ],
)
def test_opentrons_lists_that_no_robot_can_do(proposal, tmp_path, size, options, expected):
    with pytest.raises(PlateError, match=re.escape(expected)):
        write_opentrons(Plate.fill(proposal(12), wells=size, controls=0), tmp_path / "o.csv", **options)
    assert list(tmp_path.iterdir()) == []


def test_files_that_cannot_be_written(proposal, tmp_path):
    plate = Plate.fill(proposal(3))
    with pytest.raises(PlateError, match=r'"\.pdf" is no format of plates. Use \.csv'):
        write_plate(plate, tmp_path / "p.pdf")
    with pytest.raises(StoreError, match=r"absent/p\.csv cannot be written \(No such file or directory\)"):
        write_plate(plate, tmp_path / "absent" / "p.csv")
    assert list(tmp_path.iterdir()) == []
