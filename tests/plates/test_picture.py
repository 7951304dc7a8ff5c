from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest

from activeloop.measurements.wells import Well
from activeloop.plates import Pick, Plate, draw, write_plate
from activeloop.plates.picture import CONTROL, colour_at

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


def test_names_are_escaped_and_long_ones_shortened():
    plate = Plate('<p & "q">', 96, {"A1": Well("<b>:A1G:A2G:A3G:A4G"), "A2": Well("CC(=O)Nc1ccc(O)cc1")})
    text = draw(plate, title="<script>")
    assert "<script>" not in text
    assert "<b>" not in text
    groups = wells_of(text)
    words = ["".join(t.itertext()) for t in groups["A1"].iter(f"{SVG}text")]
    assert words == ["<b>", "A1G", "+3 more"]
    assert "CC(=O)Nc1ccc(O)cc1" in groups["A2"].findtext(f"{SVG}title", "")


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
