"""PyLabRobot's own chatterbox does what the pick list says, on the deck of a Hamilton STARlet."""

import json
import re

import pytest
from pylabrobot.liquid_handling import LiquidHandler
from pylabrobot.liquid_handling.backends import LiquidHandlerChatterboxBackend
from pylabrobot.resources import (
    PLT_CAR_L5AC_A00,
    TIP_CAR_480_A00,
    cor_96_wellplate_360uL_Fb,
    hamilton_96_tiprack_50uL,
)
from pylabrobot.resources.hamilton import STARLetDeck

from activeloop.candidates import Pool
from activeloop.errors import PlateError
from activeloop.lab import DeviceError, PlateRun
from activeloop.lab.pylabrobot import PyLabRobot
from activeloop.plates import Pick, Plate, Proposal
from activeloop.plates.picklists import Source, transfers


def run_of(count=20, volume=5.0, name="r-1", plate="stocks"):
    pool = Pool.single_mutants("MKTAYIAKQRQISFVKSHFSRQ")
    picks = tuple(Pick("", pool[i].name, i + 1, 0.0, 0.0, 0.0, 0.0, "") for i in range(count))
    made = Plate.fill(Proposal(1, picks, 0, 0, ""), wells=96, controls=4)
    names = dict.fromkeys(well.candidate for well in made.wells.values())
    sources = {name: Source(plate, f"{'ABCDEFGH'[i % 8]}{i // 8 + 1}") for i, name in enumerate(names)}
    return PlateRun(name, made, tuple(transfers(made, volume, sources)))


@pytest.fixture
def device(tmp_path):
    found = []

    def make():
        deck = STARLetDeck()
        tips, plates = TIP_CAR_480_A00(name="tips"), PLT_CAR_L5AC_A00(name="plates")
        tips[0] = rack = hamilton_96_tiprack_50uL(name="rack")
        plates[0] = stocks = cor_96_wellplate_360uL_Fb(name="stocks")
        plates[1] = filled = cor_96_wellplate_360uL_Fb(name="filled")
        deck.assign_child_resource(tips, rails=3)
        deck.assign_child_resource(plates, rails=15)
        handler = LiquidHandler(backend=LiquidHandlerChatterboxBackend(), deck=deck)
        one = PyLabRobot(handler, filled, {"stocks": stocks}, [rack], tmp_path / "journal")
        found.append(one)
        return one

    yield make
    for one in found:
        one.close()


def ended(device, handle):
    for _ in range(40):
        if (state := device.poll(handle)).stage != "running":
            return state
    raise AssertionError(state)


def spoken(text):
    """(source well, volume, well) of each transfer in the chatterbox's words."""
    rows = re.findall(r"(Aspirating|Dispensing):\n.*\n\s+p0: ([\d.]+)\s+(\w+?)_well_(\w+)", text)
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return [(a[2], a[3], b[3], float(b[1])) for a, b in pairs if (a[0], b[0]) == ("Aspirating", "Dispensing")]


def test_the_chatterbox_says_what_the_pick_list_says(device, capsys):
    one, run = device(), run_of()
    assert ended(one, one.submit(run)).stage == "done"
    wanted = [(t.source.plate, t.source.well, t.well, t.volume) for t in run.transfers]
    out = capsys.readouterr().out
    assert spoken(out) == wanted
    assert out.count("Picking up tips:") == len(wanted)
    assert one.poll("r-1").stage == "done"  # asked again, nothing moves
    assert spoken(capsys.readouterr().out) == []
    assert one.collect("r-1")[0].content.count(b"done") == len(wanted)


def test_another_process_goes_on_behind_the_last_transfer(device, capsys):
    first, run = device(), run_of()
    first.poll(first.submit(run))
    said = spoken(capsys.readouterr().out)
    assert len(said) == 8
    second = device()
    assert ended(second, second.submit(run)).stage == "done"
    said += spoken(capsys.readouterr().out)
    assert said == [(t.source.plate, t.source.well, t.well, t.volume) for t in run.transfers]


def test_killed_within_a_transfer_the_run_fails_instead_of_filling_a_well_twice(device, tmp_path, capsys):
    first, run = device(), run_of()
    first.poll(first.submit(run))
    with (tmp_path / "journal" / "r-1.log").open("a") as log:
        log.write("begun 8\n")
    capsys.readouterr()
    state = device().poll("r-1")
    assert state.stage == "failed"
    assert state.words == f"interrupted while well {run.transfers[8].well} was being filled: look at the plate"
    assert spoken(capsys.readouterr().out) == []
    assert device().poll("r-1") == state


def test_an_error_of_the_device_ends_the_run(device):
    one, run = device(), run_of()
    one.plate.get_item(run.transfers[3].well)

    async def broken(*_, **__):
        raise RuntimeError("pressure too high")

    handle = one.submit(run)
    one.handler.dispense = broken
    state = one.poll(handle)
    assert (state.stage, state.words) == ("failed", f"well {run.transfers[0].well}: RuntimeError pressure too high")


def test_what_is_not_on_the_deck_is_refused(device):
    with pytest.raises(PlateError, match=r"source plate elsewhere is not on the deck of pylabrobot \(stocks\)"):
        device().submit(run_of(plate="elsewhere"))
    small = device()
    small.tips = []
    with pytest.raises(PlateError, match="needs 24 tips, and 0 are on the deck"):
        small.submit(run_of())
    with pytest.raises(DeviceError, match="knows of no run x"):
        device().poll("x")


def test_a_run_can_be_stopped(device, tmp_path):
    one = device()
    handle = one.submit(run_of())
    one.poll(handle)
    one.cancel(handle)
    one.cancel(handle)
    assert one.poll(handle).words == "stopped by its client"
    assert json.loads((tmp_path / "journal" / "r-1.json").read_text())["plate"] == "plate-1"
