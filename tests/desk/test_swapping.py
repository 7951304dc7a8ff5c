"""Wells that are swapped before a plate is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from activeloop.config import Store, open_folder
from activeloop.desk.new import CampaignOptions, draft
from activeloop.desk.propose import plates_of, propose, swap_wells
from activeloop.errors import PlateError, StateError


def test_wells_are_swapped_and_stay_so_on_every_machine(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    planned = draft(CampaignOptions(assays=({"name": "kcat"},), wild_type="MKTAYIAKQR", singles=True, wells=24))
    loop = open_folder(store.folder(store.create("kinase", planned.text, planned.inputs)))
    plate = propose(loop, 5).plates[0]
    (one, first), (other, second) = list(plate.wells.items())[:2]
    assert swap_wells(loop, plate.id, one, other).plates[0].wells[one] == second
    elsewhere = Store(store.database, store.objects, tmp_path / "elsewhere")
    again = open_folder(elsewhere.folder(elsewhere.campaigns()[0].key))
    assert plates_of(again, 1).plates[0].wells[other] == first
    with pytest.raises(PlateError, match="same well"):
        swap_wells(loop, plate.id, one, one)
    with pytest.raises(PlateError, match="not on a 24-well plate"):
        swap_wells(loop, plate.id, one, "H12")
    loop.campaign.send_plate(plate.id, "the laboratory")
    with pytest.raises(StateError, match="was sent to the laboratory"):
        swap_wells(loop, plate.id, one, other)
