"""Plates follow from events: on every machine the same, byte for byte, whatever happened to files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from activeloop.config import OpenCampaign, Store, open_campaign, open_folder
from activeloop.desk import propose as proposing
from activeloop.desk.propose import PlateOptions, known_plates, lay_again, plates_of, propose
from activeloop.desk.record import read_results, record
from activeloop.desk.verify import verify
from activeloop.store import CampaignFolder, Database, SQLiteFile

CONFIG = """
seed = 3
[pool]
wild_type = "MKTAYIAKQRQISFVKSHFSRQ"
singles = true
[[assays]]
name = "kcat"
[learner]
name = "mutation-gp"
[plate]
wells = 24
controls = 2
"""


def files(loop: OpenCampaign) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(loop.folder.plates.iterdir())}


@pytest.fixture
def folder(tmp_path: Path) -> OpenCampaign:
    """With a proposal on two plates, and one laid out otherwise."""
    loop = open_folder(CampaignFolder.create(tmp_path / "kinase", CONFIG))
    propose(loop, 30, seed=1)
    propose(loop, 5, another=True, plate=PlateOptions(layout="by-column", controls=4))
    return loop


@pytest.fixture
def stores(database: Database, tmp_path: Path) -> Iterator[list[Store]]:
    """One database and two machines."""
    where = database.path.parent if isinstance(database, SQLiteFile) else database.url  # type: ignore[attr-defined]
    found = [Store.open(where, tmp_path / "artifacts", tmp_path / name) for name in ("one", "two")]
    yield found
    for one in found:
        one.close()


def test_two_machines_have_the_same_plates(stores):
    key = stores[0].create("kinase", CONFIG)
    one, two = (open_folder(store.folder(key)) for store in stores)
    made = propose(one, 30)
    assert {p.id for p in made.plates} == {"plate-1-1", "plate-1-2"}
    assert plates_of(two, 1).plates == made.plates
    assert len(files(one)) == 6
    assert files(two) == files(one)
    lay_again(two, 1, PlateOptions(wells=96))
    assert [p.id for p in plates_of(one, 1).plates] == ["plate-1"]
    assert files(one) == files(two)
    well, held = next((w, h) for w, h in plates_of(one).plates[0].wells.items() if not h.control)
    record(one, read_results(one, {"plate": ["plate-1"], "well": [well], "kcat": [1.5]}))
    assert [r.measurement.candidate for r in two.campaign.state().results] == [held.candidate]


def test_what_stands_in_a_working_folder_is_not_believed(stores):
    key = stores[0].create("kinase", CONFIG)
    one, two = (open_folder(store.folder(key)) for store in stores)
    propose(one, 5)
    (two.folder.plates / "plate-1.csv").write_text("plate,well,candidate\nplate-1,A1,K2R\n")
    (two.folder.plates / "plate-2.csv").write_text("of a database that was restored from a backup")
    assert known_plates(two) == known_plates(one)
    propose(two, 4, another=True)
    plates_of(one, 2)
    assert files(one) == {**files(two), **{n: c for n, c in files(one).items() if n.startswith("plate-1")}}


def test_lost_files_are_written_as_they_were_whatever_was_changed_since(folder):
    before = files(folder)
    for name in before:
        (folder.folder.plates / name).unlink()
    path = folder.folder.config
    path.write_text(path.read_text().replace("controls = 2", "controls = 6").replace("seed = 3", "seed = 4"))
    loop = open_campaign(folder.folder.path)
    assert [p.id for p in known_plates(loop)[0]] == ["plate-1-1", "plate-1-2", "plate-2"]
    propose(loop)
    assert files(loop) == {name: content for name, content in before.items() if name.startswith("plate-2")}


def test_plates_come_out_of_a_store_as_they_went_in(stores, folder, tmp_path):
    key = stores[0].import_folder(folder.folder.path)
    assert len(stores[0].folder(key).log.rows()) == len(folder.folder.log.rows())
    out = open_campaign(stores[1].export_folder(key, tmp_path / "out"))
    assert files(out) == files(folder)
    assert out.campaign.state().plate_options(out.config.plate.model_dump())["layout"] == "by-column"


def test_a_plate_that_was_edited_by_hand_stays_so_in_a_store(stores, folder, tmp_path):
    path = folder.folder.plates / "plate-1-2.csv"
    lines = path.read_text().splitlines()
    at = [i for i, line in enumerate(lines) if i and ",candidate," in line][:2]
    swapped = [lines[i].split(",") for i in at]
    swapped[0][3], swapped[1][3] = swapped[1][3], swapped[0][3]
    for i, cells in zip(at, swapped, strict=True):
        lines[i] = ",".join(cells)
    path.write_text("\n".join(lines) + "\n")
    key = stores[0].import_folder(folder.folder.path)
    loops = [folder, open_folder(stores[1].folder(key))]
    loops.append(open_campaign(stores[1].export_folder(key, tmp_path / "out")))
    plates = [known_plates(loop)[0] for loop in loops]
    assert plates[0] == plates[1] == plates[2]
    options = [loop.campaign.state().plate_options(loop.config.plate.model_dump()) for loop in loops]
    assert options[0] == options[1] == options[2]
    assert proposing.plate_settings(loops[1], {})[0].controls == 4
    assert [verify(loop.folder).problems for loop in loops[1:]] == [(), ()]
