"""Protocols for an OT-2, analysed by Opentrons' own package; its HTTP API against an emulator on loopback."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from activeloop.candidates import Pool
from activeloop.config import open_campaign
from activeloop.desk.demonstration import demonstration, laboratory, planted
from activeloop.desk.new import draft, new
from activeloop.desk.picklists import ROBOTS
from activeloop.desk.propose import PlateOptions, known_plates
from activeloop.errors import PlateError
from activeloop.lab import DeviceError, PlateRun, Robot, RobotPlan, WatchedFolder
from activeloop.lab.opentrons import Opentrons, protocol_of
from activeloop.plates import Pick, Plate, Proposal
from activeloop.plates.doses import DoseSeries, dosed
from activeloop.plates.picklists import Source, transfers

#: made by `make readers`
SIMULATE = Path(__file__).parents[2] / ".venv" / "opentrons" / "bin" / "opentrons_simulate"


def plate_of(count, wells=96, controls=8):
    pool = Pool.single_mutants("MKTAYIAKQRQISFVKSHFSRQ")
    picks = tuple(Pick("", pool[i].name, i + 1, 0.0, 0.0, 0.0, 0.0, "") for i in range(count))
    return Plate.fill(Proposal(1, picks, 0, 0, ""), wells=wells, controls=controls)


def run_of(plate, volume=5.0, name="r-1"):
    return PlateRun(name, plate, tuple(transfers(plate, volume)))


def series():
    """Five doses of each of three candidates, twice, made up with the vehicle of the controls."""
    picks = tuple(Pick("", name, i + 1, 0.0, 0.0, 0.0, 0.0, "") for i, name in enumerate(("CCO", "CCN", "CCC")))
    kept = {"wells": 96, "controls": 4, "control": "DMSO", "replicates": 10}
    plate = Plate.fill(Proposal(1, picks, 0, 0, ""), **kept)
    stocks = {pick.name: Source("library", f"A{pick.rank}", 200.0, 100.0) for pick in picks}
    stocks["DMSO"] = Source("library", "H12", 2000.0)
    made = dosed([plate], DoseSeries((16.0, 8.0, 4.0, 2.0, 1.0), 100.0), ROBOTS["opentrons"], stocks, dead_volume=10.0)
    assert not made.unequal
    return PlateRun("doses", plate, made.transfers)


@pytest.mark.slow
@pytest.mark.parametrize(
    "run",
    [run_of(plate_of(88)), run_of(plate_of(88), 50.0), series()],
    ids=["small", "large", "doses"],
)
def test_opentrons_own_analysis_does_what_the_pick_list_says(tmp_path, run):
    if not SIMULATE.is_file() and "CI" not in os.environ:
        pytest.skip("needs opentrons: make readers")
    path = tmp_path / "protocol.py"
    path.write_text(protocol_of(run).text)
    env = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run([SIMULATE, path], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    out = re.findall(r"Aspirating ([\d.]+) uL from (\w+) of (\S+) on", done.stdout)
    into = re.findall(r"Dispensing ([\d.]+) uL into (\w+) of (\S+) on", done.stdout)
    wanted = [(t.source.well, t.source.plate, t.well, t.plate.id, t.volume) for t in run.transfers]
    assert [(a[1], a[2], b[1], b[2], float(b[0])) for a, b in zip(out, into, strict=True)] == wanted
    assert done.stdout.count("Picking up tip") == len(wanted)


def test_a_protocol_says_what_stands_where_and_what_is_taken():
    made = protocol_of(run_of(plate_of(88)))
    assert (made.pipette, made.tips) == ("p20_single_gen2", 96)
    assert [(item.slot, item.name) for item in made.deck] == [(1, "plate-1"), (2, "source"), (3, "tips")]
    assert made.taken[("source", "A1")] == 40.0  # eight controls
    compile(made.text, "protocol", "exec")


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (PlateRun("r", plate_of(8)), "nothing to transfer"),
        (run_of(plate_of(8), 0.5), "no pipette of an OT-2 dispenses 0.5 to 0.5"),
        (run_of(plate_of(8, wells=1536), 2.0), "no labware of 1536 wells"),
    ],
)
def test_what_an_ot2_cannot_do_is_refused(run, words):
    with pytest.raises(PlateError, match=words):
        protocol_of(run)


def ended(device, run):
    for _ in range(20):
        handle = device.submit(run)
        state = device.poll(handle)
        if state.stage in ("done", "failed", "stopped"):
            return handle, state
    raise AssertionError(state)


def test_a_run_is_analysed_begun_once_and_followed(emulator):
    device, run = Opentrons(emulator.url), run_of(plate_of(20))
    assert device.poll(device.submit(run)).words == "the robot analyses the protocol"
    assert not emulator.runs
    handle, state = ended(Opentrons(emulator.url), run)  # another process goes on
    assert state.stage == "done"
    assert (len(emulator.protocols), len(emulator.runs)) == (1, 1)
    assert emulator.dispensed == [(t.source.plate, t.source.well, t.well, t.volume) for t in run.transfers]
    assert device.collect(handle)[0].name == "run-0-commands.json"
    device.cancel(handle)
    assert emulator.runs["run-0"]["status"] == "succeeded"


def test_what_the_robots_analysis_refuses_is_not_run(emulator):
    emulator.faults.add("analysis")
    with pytest.raises(PlateError, match=r"cannot run the protocol of plate-1: no such pipette. Nothing was moved"):
        ended(Opentrons(emulator.url), run_of(plate_of(8)))
    assert not emulator.runs


def test_a_run_that_fails_says_why_and_one_that_is_stopped_ends(emulator):
    emulator.faults.add("run")
    assert ended(Opentrons(emulator.url), run_of(plate_of(8)))[1].words == "tip not picked up"
    emulator.faults.clear()
    device, run = Opentrons(emulator.url), run_of(plate_of(8), name="r-2")
    device.submit(run)
    handle = device.submit(run)
    device.cancel(handle)
    assert device.poll(handle).stage == "stopped"


def test_a_robot_that_does_not_answer_is_asked_again(emulator):
    device, run = Opentrons(emulator.url), run_of(plate_of(8))
    emulator.faults.add("down")
    with pytest.raises(DeviceError, match=r"the robot is restarting \(503\)"):
        device.submit(run)
    with pytest.raises(DeviceError, match="does not answer"):
        Opentrons("http://127.0.0.1:9").submit(run)
    emulator.faults.clear()
    assert ended(device, run)[1].stage == "done"


def test_a_plate_goes_from_the_robot_to_a_reader_and_back(emulator, tmp_path):
    folder = new(draft(demonstration()), tmp_path / "enzyme").folder
    loop = open_campaign(folder)
    now = [0.0]
    reader = WatchedFolder(tmp_path / "out", tmp_path / "in", clock=lambda: now[0], name="reader")
    reader.inbox.mkdir()
    plan = RobotPlan(rounds=1, number=8, plate=PlateOptions(wells=24, controls=2))
    one = Robot(loop, [Opentrons(emulator.url), reader], plan)
    said = []
    for _ in range(40):
        step = one.step()
        said.append(step.words)
        now[0] += 3.0
        if step.doing == "stopped":
            break
        if "went to reader" in step.words:
            (plate,), _ = known_plates(loop)
            laboratory(planted()).write(plate, reader.inbox / "export.csv", seed=1)
    assert said[-1] == "1 round made, as planned."
    assert [(r.device, r.outcome) for r in loop.campaign.state().runs] == [("opentrons", "done"), ("reader", "done")]
    assert len(emulator.dispensed) == 10
    assert loop.campaign.dataset().rows.size >= 7
