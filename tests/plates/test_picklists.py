"""Pick lists: each well is filled from the right source, and no source gives more than it holds."""

from __future__ import annotations

import csv
import io
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activeloop.candidates import Pool
from activeloop.errors import PlateError
from activeloop.measurements.wells import Well
from activeloop.plates import (
    Pick,
    Plate,
    Proposal,
    Source,
    fill_plates,
    read_sources,
    sources_of_pool,
    transfers,
    write_echo,
    write_hamilton,
    write_opentrons,
)
from activeloop.plates.picklists import read_volume
from activeloop.plates.plate import labelled

LIBRARY = "SMILES,Catalog ID,Plate,Well,Volume (µL)\n" + "".join(
    f"{'C' * i}O,Z{i},LIB{1 + i % 3},{'ABCDEFGH'[i % 8]}0{i % 9 + 1},20\n" for i in range(1, 41)
)


@pytest.fixture
def pool(tmp_path):
    (tmp_path / "library.csv").write_text(LIBRARY)
    return Pool.from_table(tmp_path / "library.csv", "compounds")


def proposal(pool, n: int) -> Proposal:
    picks = tuple(Pick("", pool[i].name, i + 1, 0.0, 0.0, 0.0, 0.0, "") for i in range(n))
    return Proposal(1, labelled(picks, pool), 1, 0, "")


def rows_of(path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))


def test_source_wells_come_from_the_pools_file(pool, tmp_path):
    plates = fill_plates(proposal(pool, 30), wells=24, controls=2, control="DMSO", replicates=2, seed=1)
    sources = sources_of_pool(plates, pool)
    assert sources[pool[0].name] == Source("LIB2", "B2", 20.0)
    for write, volume, unit in ((write_echo, 2500.0, "nL"), (write_hamilton, 2.5, "µL")):
        rows = rows_of(write(plates, tmp_path / "list.csv", volume, sources, controls=False))
        wells = {(p.id, n): w.candidate for p in plates for n, w in p.wells.items() if not w.control}
        assert {(r["Destination Plate Name"], r["Destination Well"]): r["Sample Name"] for r in rows} == wells
        for r in rows:
            source = sources[r["Sample Name"]]
            assert (r["Source Plate Name"], r["Source Well"]) == (source.plate, source.well)
            assert r["Sample ID"] == pool.called(r["Sample Name"])
            assert f"{r['Transfer Volume']} {unit}" == f"{volume:g} {unit}"
        assert [r["Source Plate Name"] for r in rows] == sorted(r["Source Plate Name"] for r in rows)


def test_an_opentrons_list_takes_the_smallest_labware_that_has_the_wells(pool, tmp_path):
    (plate,) = fill_plates(proposal(pool, 8), wells=96, controls=0)
    rows = rows_of(write_opentrons(plate, tmp_path / "o.csv", 5.0, sources_of_pool([plate], pool)))
    assert {r["Source Labware"] for r in rows} == {"corning_96_wellplate_360ul_flat"}
    assert {r["Source Slot"] for r in rows} == {"2", "3", "4"}
    wide = {name: Source("s", f"P{i + 1}") for i, name in enumerate(plate.candidates)}
    rows = rows_of(write_opentrons(plate, tmp_path / "o.csv", 5.0, wide))
    assert {r["Source Labware"] for r in rows} == {"corning_384_wellplate_112ul_flat"}


@given(
    volume=st.sampled_from([0.1, 0.25, 1.0, 2.5]),
    held=st.lists(st.sampled_from([0.3, 1.0, 5.0, math.nan]), min_size=1, max_size=4),
    dead=st.sampled_from([0.0, 0.25, 1.0]),
    wells=st.integers(1, 12),
)
def test_no_source_gives_more_than_it_holds(volume, held, dead, wells):
    plate = Plate("p", 96, {f"A{i + 1}": Well("X", i + 1) for i in range(wells)})
    sources = {"X": [Source("s", f"B{i + 1}", v) for i, v in enumerate(held)]}
    room = sum(math.inf if math.isnan(v) else math.floor((v - dead + 1e-6) / volume) for v in held if not v < dead)
    if room < wells:
        with pytest.raises(PlateError, match="its source holds too little"):
            transfers(plate, volume, sources, dead_volume=dead)
        return
    moves = transfers(plate, volume, sources, dead_volume=dead)
    assert sorted(m.well for m in moves) == sorted(plate.wells)
    for source in sources["X"]:
        taken = volume * sum(m.source == source or m.source.well == source.well for m in moves)
        assert math.isnan(source.volume) or not taken or taken <= source.volume - dead + 1e-4


PLATE = Plate("plate-1", 96, {"A1": Well("CCO"), "A2": Well("CCO", 2), "A3": Well("CCN"), "B1": Well("DMSO", 1, True)})
GOOD = {"CCO": Source("L", "A1", 20.0), "CCN": Source("L", "A2", 20.0), "DMSO": Source("D", "A1")}


@pytest.mark.parametrize(
    ("volume", "sources", "options", "expected"),
    [
        (1.0, {**GOOD, "CCN": Source("L", "A1", 20.0)}, {}, "A1 of L is the source of CCO and of CCN. Correct one"),
        (1.0, {"CCO": GOOD["CCO"]}, {}, "2 of 3 stocks have no source well: CCN, DMSO (control). Add them to"),
        (1.0, {k: GOOD[k] for k in ("CCO", "CCN")}, {}, "1 of 3 stocks has no source well: DMSO (control). Add them to "
         "the table of sources (--sources FILE), or leave controls out (--without-controls)"),
        (11.0, GOOD, {}, "CCO needs 22 µL, and its source holds too little: A1 of L (20 µL). Use a smaller volume"),
        (9.0, GOOD, {"dead_volume": 5.0}, "A1 of L (20 µL), of which 5 µL stay in each well"),
        (2500.0, GOOD, {}, "2,500 µL for each well: a well of a 96-well plate holds at most 2,200 µL"),
        (math.nan, GOOD, {}, "for each well"),
        (1.0, GOOD, {"dead_volume": -1.0}, "a dead volume of -1 µL is impossible"),
    ],
)  # fmt: skip
def test_transfers_that_cannot_be_made(volume, sources, options, expected):
    with pytest.raises(PlateError, match=re.escape(expected)):
        transfers(PLATE, volume, sources, **options)


def test_robots_refuse_what_they_cannot_pipette(tmp_path):
    for write, volume, expected in [
        (write_echo, 20_000.0, "an Echo transfers at most 10000 nL"),
        (write_hamilton, 0.1, "100 nL cannot be pipetted: a Hamilton channel takes 0.5 to 1,000 µL"),
        (write_opentrons, 0.5, "500 nL cannot be pipetted: an Opentrons pipette takes 1 to 1,000 µL"),
    ]:
        with pytest.raises(PlateError, match=expected):
            write(PLATE, tmp_path / "l.csv", volume, GOOD)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "expected"),
    [("100 nL", 0.1), ("2,5 µl", 2.5), ("2.5uL", 2.5), ("0.02mL", 20.0), ("100", "it may be nL or µL"),
     ("3 g", "no volume"), ("much", "no volume"), ("-1 nL", "no volume")],
)  # fmt: skip
def test_volumes_have_a_unit(text, expected):
    if isinstance(expected, float):
        assert read_volume(text) == pytest.approx(expected)
        return
    with pytest.raises(PlateError, match=expected):
        read_volume(text)


def test_sources_are_read_by_catalogue_number_and_may_be_several(pool, tmp_path):
    path = tmp_path / "sources.csv"
    path.write_text("Rack;Position;Catalog ID;Volume (nL)\nR1;a01;Z3;500\nR1;B01;z3;700\nR2;A1;DMSO;\n")
    found = read_sources(path, pool=pool)
    assert found[pool[2].name] == (Source("R1", "A1", 0.5), Source("R1", "B1", 0.7))
    assert repr(found["DMSO"]) == repr(Source("R2", "A1"))


@pytest.mark.parametrize(
    ("text", "row", "expected"),
    [
        ("candidate,plate,well\nCCO,s,A1\nCCCO,s,A01\n", 3, "A1 of s stands in row 2 already"),
        ("candidate,plate,well\nCCO,s,Z99\n", 2, '"Z99" is not a well'),
        ("candidate,plate,well,volume\nCCO,s,A1,20\n", 2, '"20" has no unit: it may be nL or µL'),
        ("candidate,plate\nCCO,s\n", None, 'no column of the source well. Name it "source well" or "source position"'),
        ("what,plate,well,why\nhello,s,A1,x\n", None, "no column names candidates of this campaign"),
    ],
)
def test_tables_of_sources_that_are_none(pool, tmp_path, text, row, expected):
    path = tmp_path / "sources.csv"
    path.write_text(text)
    with pytest.raises(PlateError, match=re.escape(expected)) as caught:
        read_sources(path, pool=pool)
    assert caught.value.row == row


def test_a_molecular_volume_is_no_volume_of_a_stock(tmp_path):
    (tmp_path / "l.csv").write_text("SMILES,Plate,Well,Volume\nCCO,L,A1,51.2\n")
    pool = Pool.from_table(tmp_path / "l.csv", "compounds")
    assert math.isnan(sources_of_pool([Plate("p", 96, {"A1": Well("CCO")})], pool)["CCO"].volume)
