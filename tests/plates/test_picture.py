from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest

from activeloop.candidates import Pool, Sequence
from activeloop.measurements.wells import Well
from activeloop.plates import Pick, Plate, Proposal, draw, write_plate
from activeloop.plates.picture import CONTROL, colour_at
from activeloop.plates.plate import labelled

SVG = "{http://www.w3.org/2000/svg}"


def wells_of(text: str) -> dict[str, ElementTree.Element]:
    root = ElementTree.fromstring(text)
    return {g.findtext(f"{SVG}title", "").split(":")[0]: g for g in root.iter(f"{SVG}g")}


def fill_of(group: ElementTree.Element) -> str:
    circle = group.find(f"{SVG}circle")
    assert circle is not None
    return circle.attrib["fill"]


@pytest.mark.parametrize("size", [6, 12, 24, 48, 96, 384, 1536])
def test_every_well_is_drawn_with_its_content(proposal, size):
    plate = Plate.fill(proposal(3), wells=size, controls=2)
    drawn = wells_of(draw(plate))
    assert len(drawn) == size
    for name, group in drawn.items():
        label = group.findtext(f"{SVG}title", "")
        well = plate.wells.get(name)
        assert label == f"{name}: empty" if well is None else well.candidate in label
    width, height = ElementTree.fromstring(draw(plate)).attrib["viewBox"].split()[2:]
    for circle in ElementTree.fromstring(draw(plate)).iter(f"{SVG}circle"):
        x, y, r = (float(circle.attrib[k]) for k in ("cx", "cy", "r"))
        assert r <= x <= float(width) - r
        assert r <= y <= float(height) - r


def test_names_are_escaped_and_never_cut():
    plate = Plate('<p & "q">', 96, {"A1": Well("<b>:A1G:A2G:A3G:A4G"), "A2": Well("CC(=O)Nc1ccc(O)cc1")})
    text = draw(plate, title="<script>")
    assert "<script>" not in text
    assert "<b>" not in text
    groups = wells_of(text)
    words = ["".join(t.itertext()) for t in groups["A1"].iter(f"{SVG}text")]
    assert words == ["<b>", "A1G", "A2G", "A3G", "A4G"]
    assert "CC(=O)Nc1ccc(O)cc1" in groups["A2"].findtext(f"{SVG}title", "")


GUIDES = [f"{'ACGT'[i % 4]}{'GATTACAGTCCATGCAAGT'[i % 19 :]}{'GATTACAGTCCATGCAAGT'[: i % 19]}" for i in range(76)]
NAMES = {
    "variants": [f"A{i}G" for i in range(100, 176)],
    "long variants": [f"A{i}G:K{i + 1}R:L{i + 2}W:T{i + 3}S:Y{i + 4}F:Q{i + 5}E:N{i + 6}D" for i in range(100, 176)],
    "guides": GUIDES,
    "compounds": [f"C{'C' * (i % 9)}(=O)Nc1ccc(O)cc1{'N' * (i // 9)}C1CCCCC1" for i in range(76)],
}


@pytest.mark.parametrize("kind", list(NAMES))
@pytest.mark.parametrize("size", [96, 384, 1536])
def test_every_well_says_what_it_holds(size, kind):
    """Each name stands in its well, broken into lines but never cut, or its well has a number that a list explains."""
    names = NAMES[kind]
    picks = tuple(Pick("", n, i, 0.0, float(i), 0.0, 0.0, "") for i, n in enumerate(names, 1))
    plate = Plate.fill(Proposal(1, picks, 1, 0, ""), wells=size, controls=8, control="non-targeting", layout="random")
    text = draw(plate, pages=True)
    drawn = wells_of(text)
    said = ["".join(t.itertext()) for t in ElementTree.fromstring(text).iter(f"{SVG}text")]
    ranks = {p.name: str(p.rank) for p in picks}
    numbered = 0
    for name, well in plate.wells.items():
        words = ["".join(t.itertext()) for t in drawn[name].iter(f"{SVG}text")]
        assert words, name
        key = "C1" if well.control else ranks[well.candidate]
        if words[0] == key:
            numbered += 1
            assert key in said
            assert well.candidate in said
        else:
            assert "".join(words).startswith(well.candidate.replace(":", ""))
        for line in drawn[name].iter(f"{SVG}text"):
            assert float(line.attrib["font-size"]) >= 6.2, "readable on paper"
    assert numbered == 0 or size > 96 or kind in ("long variants", "compounds")


def test_pages_are_those_of_a4():
    many = tuple(Pick("", "C" * 50 + f"{i}", i, 0.0, 0.0, 0.0, 0.0, "") for i in range(1, 901))
    text = draw(Plate.fill(Proposal(1, many, 1, 0, ""), wells=1536, controls=0), pages=True)
    assert "@page{size:A4 landscape" in text
    width, height = (float(x) for x in ElementTree.fromstring(text).attrib["viewBox"].split()[2:])
    pages = height / (width / (281 / 194))
    assert round(pages) >= 3
    assert 0 <= round(pages) - pages < 0.05, "each page is filled, and no line stands on the edge of two"
    lines = [float(t.attrib["y"]) for t in ElementTree.fromstring(text).iter(f"{SVG}text")]
    page = height / round(pages)
    assert all(12 < y % page < page - 5 for y in lines)
    assert "@page" not in draw(Plate("p", 96, {"A1": Well("A1G")})), "in a page of others it says nothing of paper"


def test_compounds_are_drawn_on_small_plates_and_called_by_their_ids(tmp_path):
    pytest.importorskip("rdkit")
    (tmp_path / "l.csv").write_text("smiles,Catalog ID\nCC(=O)Nc1ccc(O)cc1,Z1\nCC(=O)Oc1ccccc1C(=O)O,Z2\n")
    pool = Pool.from_table(tmp_path / "l.csv", "compounds")
    picks = labelled(tuple(Pick("", pool[i].name, i + 1, 0.0, 1.5, 0.0, 0.0, "") for i in range(2)), pool)
    proposal = Proposal(1, picks, 1, 0, "")
    for size in (6, 24, 96):
        plate = Plate.fill(proposal, wells=size, controls=1, control="DMSO")
        drawn = wells_of(draw(plate))
        for name, well in plate.wells.items():
            words = ["".join(t.itertext()) for t in drawn[name].iter(f"{SVG}text")]
            structures = list(drawn[name].iter(f"{SVG}svg"))
            assert words == (["DMSO"] if well.control else [plate.called(well.candidate), "1.50"])
            assert len(structures) == (0 if well.control else 1)
            assert all(list(s.iter(f"{SVG}path")) for s in structures)
            assert well.candidate in drawn[name].findtext(f"{SVG}title", "")
    large = wells_of(draw(Plate.fill(proposal, wells=384, controls=0)))
    assert not [s for group in large.values() for s in group.iter(f"{SVG}svg")]
    assert {"".join(t.itertext()) for g in large.values() for t in g.iter(f"{SVG}text")} == {"Z1", "Z2"}


def test_residues_are_never_taken_for_a_structure():
    pool = Pool.of([Sequence("CCCC"), Sequence("CCCN")])
    picks = labelled(tuple(Pick("", pool[i].name, i + 1, 0.0, 1.5, 0.0, 0.0, "") for i in range(2)), pool)
    text = draw(Plate.fill(Proposal(1, picks, 1, 0, ""), wells=96, controls=0))
    assert text.count("<svg") == 1


def test_colour_follows_the_value_and_controls_stand_out():
    names = ("A1G", "A2G", "A3G")
    picks = tuple(
        Pick("", n, i, 0.0, m, 0.0, 0.0, "") for i, (n, m) in enumerate(zip(names, (1.0, 2.0, math.nan), strict=True))
    )
    plate = Plate("p", 96, {f"A{i}": Well(n) for i, n in enumerate(names, 1)} | {"B1": Well("WT", control=True)}, picks)
    drawn = wells_of(draw(plate))
    assert (fill_of(drawn["A1"]), fill_of(drawn["A2"])) == ("#f1f6ee", "#1c4a6b")
    assert len({fill_of(drawn[w]) for w in ("A1", "A2", "A3", "B1", "C1")}) == 5
    turned = wells_of(draw(plate, {"A1G": 9.0, "A2G": 2.0}))
    assert fill_of(turned["A2"]) == "#f1f6ee"


def test_a_plate_without_predictions_is_drawn_by_kind():
    drawn = draw(Plate("p", 96, {"A1": Well("A1G"), "A2": Well("A2G")}))
    assert "candidate</text>" in drawn
    assert "plate-scale" not in drawn


def test_svg_is_written(proposal, tmp_path):
    path = write_plate(Plate.fill(proposal(5)), tmp_path / "p.svg")
    assert ElementTree.parse(path).getroot().tag == f"{SVG}svg"


def test_measured_wells_share_a_scale_with_their_controls():
    wells = {"A1": Well("K2R"), "A2": Well("K2R", 2), "A3": Well("WT", 1, True), "A4": Well("T3S")}
    svg = draw(Plate("plate-1", 24, wells), measured={"A1": 0.0, "A2": 1.0, "A3": 0.5}, limits=(0.0, 1.0))
    assert f'fill="{colour_at(0.0)}"' in svg  # replicates have their own values
    assert f'fill="{colour_at(1.0)}"' in svg
    assert f'fill="{colour_at(0.5)}" stroke="{CONTROL}"' in svg
    assert "A3: WT (control, replicate 1), measured 0.5" in svg
    assert ">no value<" in svg  # T3S
