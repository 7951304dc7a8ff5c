from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activeloop.errors import PlateError
from activeloop.measurements.wells import SHAPES, Well, parse_well
from activeloop.plates import Pick, Plate, Proposal, fill_plates
from activeloop.plates.layout import LAYOUTS


def places(plate: Plate, keep) -> list[tuple[int, int]]:
    return [parse_well(name) for name, well in plate.wells.items() if keep(well)]


def listed(n: int) -> Proposal:
    picks = tuple(Pick("", f"A{i}G", i, 0.0, 0.0, 0.0, 0.0, "") for i in range(1, n + 1))
    return Proposal(1, picks, 0, 0, "")


@settings(max_examples=40, deadline=None)
@given(
    size=st.sampled_from([24, 48, 96, 384]),
    picks=st.integers(0, 30),
    controls=st.integers(0, 12),
    replicates=st.integers(1, 3),
    edges=st.booleans(),
    seed=st.integers(0, 1000),
    layout=st.sampled_from(LAYOUTS),
)
def test_every_pick_and_control_is_on_the_plate_or_nothing_is(size, picks, controls, replicates, edges, seed, layout):
    rows, columns = SHAPES[size]
    room = (rows - 2) * (columns - 2) if edges else size
    options = {"wells": size, "controls": controls, "replicates": replicates, "empty_edges": edges, "seed": seed}
    options["layout"] = layout
    if picks * replicates + controls > room:
        with pytest.raises(PlateError, match=f"has {room}"):
            Plate.fill(listed(picks), **options)
        return
    plate = Plate.fill(listed(picks), **options)
    tested = Counter((w.candidate, w.replicate) for w in plate.wells.values() if not w.control)
    assert tested == Counter((f"A{i}G", r) for i in range(1, picks + 1) for r in range(1, replicates + 1))
    own = [w for w in plate.wells.values() if w.control]
    assert sorted(w.replicate for w in own) == list(range(1, controls + 1))
    if edges:
        assert all(0 < r < rows - 1 and 0 < c < columns - 1 for r, c in places(plate, lambda w: True))
    assert plate == Plate.fill(listed(picks), **options), "the same seed gives the same plate"


@pytest.mark.parametrize(("size", "controls"), [(96, 4), (96, 8), (96, 12), (96, 16), (384, 16), (384, 32), (1536, 64)])
@pytest.mark.parametrize("seed", range(3))
def test_controls_are_spread_over_rows_columns_and_quarters(size, controls, seed):
    rows, columns = SHAPES[size]
    plate = Plate.fill(listed(8), wells=size, controls=controls, seed=seed, layout="random")
    at = places(plate, lambda w: w.control)
    for axis, lines in ((0, rows), (1, columns)):
        share = Counter(p[axis] for p in at)
        assert max(share.values()) <= -(-controls // lines), "no line has more than its share"
    quarters = Counter((r >= rows / 2, c >= columns / 2) for r, c in at)
    assert min(quarters[q] for q in ((a, b) for a in (False, True) for b in (False, True))) >= controls // 8
    nearest = min(max(abs(a[0] - b[0]), abs(a[1] - b[1])) for i, a in enumerate(at) for b in at[:i])
    assert nearest >= 2, "no two controls side by side"


@pytest.mark.parametrize(("n", "replicates", "size"), [(44, 2, 96), (30, 3, 96), (120, 3, 384), (10, 2, 24)])
@pytest.mark.parametrize("seed", range(3))
def test_replicates_are_not_side_by_side(n, replicates, size, seed):
    plate = Plate.fill(listed(n), wells=size, controls=4, replicates=replicates, seed=seed, layout="random")
    for name in plate.candidates:
        at = places(plate, lambda w, name=name: w.candidate == name)
        assert min(max(abs(a[0] - b[0]), abs(a[1] - b[1])) for i, a in enumerate(at) for b in at[:i]) > 1


def test_the_layout_is_random_and_depends_on_the_seed():
    by_seed = [Plate.fill(listed(80), seed=s, controls=2) for s in range(40)]
    rows_of_first = Counter(parse_well(n)[0] for p in by_seed for n, w in p.wells.items() if w.candidate == "A1G")
    assert len(rows_of_first) == 8, "the best pick stands anywhere, not in row A"
    assert by_seed[0] != by_seed[1]


@pytest.mark.parametrize("edges", [False, True])
@pytest.mark.parametrize(
    ("size", "picks", "controls"), [(96, 8, 2), (96, 10, 0), (96, 7, 4), (384, 40, 8), (1536, 9, 1)]
)
def test_a_plate_that_is_hardly_filled_is_compact_unless_asked(size, picks, controls, edges):
    options = {"wells": size, "controls": controls, "empty_edges": edges}
    rows = SHAPES[size][0] - 2 * edges
    for layout in ("auto", "compact"):
        plates = [Plate.fill(listed(picks), seed=seed, layout=layout, **options) for seed in range(20)]
        used = sorted(c for _, c in places(plates[0], lambda w: True))
        assert set(used) == set(range(edges, edges + -(-len(used) // rows)))
        assert all(set(p.wells) == set(plates[0].wells) for p in plates), "the same wells, whatever the seed"
        assert len({tuple(p.wells.values()) for p in plates}) > 10, "filled at random"
    spread = Plate.fill(listed(picks), layout="random", **options)
    assert len({c for _, c in places(spread, lambda w: True)}) > len(set(used)), "it was asked for"


def test_controls_of_a_compact_plate_are_spread_over_it():
    for seed in range(20):
        plate = Plate.fill(listed(28), controls=4, seed=seed, layout="compact")
        assert {c for _, c in places(plate, lambda w: w.control)} == {0, 1, 2, 3}


def test_a_plate_by_column_is_filled_in_the_order_of_the_ranks():
    plate = Plate.fill(listed(14), controls=2, layout="by-column", replicates=2, seed=7)
    column = [plate.wells[f"{row}{c}"] for c in range(1, 5) for row in "ABCDEFGH" if f"{row}{c}" in plate.wells]
    assert column[:4] == [Well("WT", 1, True), Well("WT", 2, True), Well("A1G", 1), Well("A1G", 2)]
    assert [w.candidate for w in column[2::2]] == [f"A{i}G" for i in range(1, 15)]
    assert plate == Plate.fill(listed(14), controls=2, layout="by-column", replicates=2, seed=8)
    several = fill_plates(listed(60), wells=24, controls=2, layout="by-column")
    for p in several:
        held = sorted((parse_well(n)[::-1], w.candidate) for n, w in p.wells.items() if not w.control)
        ranks = [int(name[1:-1]) for _, name in held]
        assert ranks == sorted(ranks)


def test_a_layout_that_does_not_exist():
    with pytest.raises(PlateError, match=r'there is no layout "zigzag"\. Use auto, compact, by-column, random'):
        Plate.fill(listed(2), layout="zigzag")


def test_controls_may_take_turns():
    plate = Plate.fill(listed(10), controls=5, control=["WT", "dead"])
    assert Counter(w.candidate for w in plate.wells.values() if w.control) == {"WT": 3, "dead": 2}


def test_a_full_plate_of_controls_is_possible():
    assert len(Plate.fill(listed(0), wells=24, controls=24).wells) == 24


def test_several_plates_share_the_picks_and_part_the_replicates():
    plates = fill_plates(listed(150), controls=6, replicates=2, seed=3)
    assert [p.id for p in plates] == ["plate-1-1", "plate-1-2", "plate-1-3", "plate-1-4"]
    tested = Counter((w.candidate, w.replicate) for p in plates for w in p.wells.values() if not w.control)
    assert len(tested) == 300
    assert set(tested.values()) == {1}
    assert max(len(p.wells) for p in plates) - min(len(p.wells) for p in plates) <= 1
    for plate in plates:
        assert sum(w.control for w in plate.wells.values()) == 6
        alone = Counter(w.candidate for w in plate.wells.values() if not w.control)
        assert set(alone.values()) == {1}, "the two replicates stand on different plates"
        assert {p.name for p in plate.picks} == set(plate.candidates)


def test_one_plate_is_enough_when_it_fits():
    assert [p.id for p in fill_plates(listed(88), id="mine")] == ["mine"]


def test_failed_wells_are_repeated_on_the_next_plate():
    first = Plate.fill(listed(20), controls=4, replicates=2, seed=1)
    wells = list(first.wells)
    control = next(n for n, w in first.wells.items() if w.control)
    failed = [n for n in wells if not first.wells[n].control][:5]
    lost = {(first.wells[n].candidate, first.wells[n].replicate) for n in failed}
    again = first.replace_failed([*failed, control, failed[0].lower()], seed=2)
    assert again.id == "plate-1-again"
    assert {(w.candidate, w.replicate) for w in again.wells.values() if not w.control} == lost
    assert sum(w.control for w in again.wells.values()) == 4
    assert {p.name for p in again.picks} == {name for name, _ in lost}


def test_failed_wells_are_added_to_the_next_proposal():
    first = Plate.fill(listed(20), controls=4, seed=1)
    name = next(n for n, w in first.wells.items() if not w.control)
    new = Proposal(2, (Pick("", "K9R", 1, 0.0, 0.0, 0.0, 0.0, ""),), 1, 0, "")
    plate = first.replace_failed([name], new, controls=2)
    assert plate.id == "plate-2"
    assert set(plate.candidates) == {first.wells[name].candidate, "K9R"}


def test_a_well_is_found_in_any_spelling():
    plate = Plate("p", 96, {"H12": Well("A1G")})
    assert plate.well("h012") == Well("A1G")
    assert plate.well("A01") is None
