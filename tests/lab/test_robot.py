"""The loop on devices that fail: no well is filled twice for a pick, no result stands at a wrong well, none is lost."""

import csv
import math
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from activeloop.campaigns import Measured
from activeloop.config import open_campaign
from activeloop.desk.demonstration import demonstration, laboratory, measure, planted
from activeloop.desk.new import draft, new
from activeloop.desk.propose import PlateOptions, known_plates
from activeloop.desk.robots import robot_standing
from activeloop.errors import InputError, StateError
from activeloop.lab import DeviceError, Faults, PlateRun, Robot, RobotPlan, RunState, SimulatedRobot, WatchedFolder
from activeloop.plates.picklists import transfers

PLATE = PlateOptions(wells=24, controls=2)
ALL = Faults(dies=0.4, late=0.4, cut=0.4, twice=0.4, fails=0.2, lost_tip=0.05)


@pytest.fixture
def folder(tmp_path):
    return new(draft(demonstration(seed=3)), tmp_path / "enzyme").folder


def robot(folder, tmp_path, faults=None, seed=1, **plan):
    device = SimulatedRobot(tmp_path / "device", laboratory(planted()), seed, faults or Faults())
    return Robot(open_campaign(folder), [device], RobotPlan(number=8, plate=PLATE, **plan))


def finished(one, most=400):
    """All steps until the loop stops."""
    steps = []
    one.run(steps.append, pause=0, sleep=lambda seconds: None, stopped=lambda: len(steps) > most)
    return steps


def check(folder, device):
    """Compare what is stored with what the device did."""
    loop = open_campaign(folder)
    plates, _ = known_plates(loop)
    held = {(plate.id, well): w.candidate for plate in plates for well, w in plate.wells.items()}
    stored = [m for r in loop.campaign.log if isinstance(r.event, Measured) for m in r.event.measurements]
    assert len({(m.plate, m.well) for m in stored}) == len(stored)
    assert all(m.candidate == held[m.plate, m.well] for m in stored)
    done = {run.run for run in loop.campaign.state().runs if run.outcome == "done"}
    with (device.folder / device.LOG).open() as file:
        filled = list(csv.reader(file))  # also of runs that failed
    assert Counter((plate, well) for _, plate, well, _ in filled) == dict.fromkeys(held, 1)
    assert {(plate, well): name for _, plate, well, name in filled} == held
    by_well = {}
    for run in done:
        with (device.folder / "files" / f"{run}.csv").open() as file:
            by_well |= {(row["plate"], row["well"]): row["activity"] for row in csv.DictReader(file)}
    written = {place: math.nan if value == "failed" else float(value) for place, value in by_well.items()}
    assert {(m.plate, m.well): repr(m.value) for m in stored} == {place: repr(v) for place, v in written.items()}
    assert set(by_well) == set(held)


def test_rounds_without_anybody(folder, tmp_path):
    one = robot(folder, tmp_path, rounds=3)
    steps = finished(one)
    assert [s.doing for s in steps] == ["proposed", "sent", "running", "measured"] * 3 + ["stopped"]
    assert steps[-1].words == "3 rounds made, as planned."
    check(folder, one.drivers[0])
    state = open_campaign(folder).campaign.state()
    assert [(run.plate, run.device, run.outcome) for run in state.runs] == [
        (f"plate-{n}", "simulated-robot", "done") for n in (1, 2, 3)
    ]
    file = state.runs[0].files
    assert (
        open_campaign(folder).folder.artifacts.objects.get(next(iter(file.values()))).startswith(b"plate,well,activity")
    )


@pytest.mark.parametrize("seed", range(3))
def test_faults_change_nothing_but_the_time(folder, tmp_path, seed):
    one = robot(folder, tmp_path, ALL, seed, rounds=3, attempts=6)
    steps = finished(one)
    assert steps[-1].words == "3 rounds made, as planned."
    check(folder, one.drivers[0])


def test_a_new_process_goes_on_where_the_last_one_stopped(folder, tmp_path):
    """Each step in a loop that was opened anew comes to the same as one loop."""
    last = None
    for _ in range(100):
        last = robot(folder, tmp_path, Faults(dies=0.5), rounds=2).step()
        if last.doing == "stopped":
            break
    assert last
    assert last.words == "2 rounds made, as planned."
    check(folder, robot(folder, tmp_path).drivers[0])


SCRIPT = """
import sys
from pathlib import Path
from activeloop.config import open_campaign
from activeloop.desk.demonstration import laboratory, planted
from activeloop.desk.propose import PlateOptions
from activeloop.lab import Faults, Robot, RobotPlan, SimulatedRobot
device = SimulatedRobot(Path(sys.argv[2]), laboratory(planted()), 5, Faults(twice=0.5, dies=0.3))
plan = RobotPlan(number=8, rounds=3, plate=PlateOptions(wells=24, controls=2))
print(Robot(open_campaign(sys.argv[1]), [device], plan).run(pause=0.01).words, flush=True)
"""


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on(folder, tmp_path):
    import random

    rng = random.Random(4)
    for attempt in range(40):
        child = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(folder), str(tmp_path / "device")], stdout=-1, text=True
        )
        if attempt < 6:
            time.sleep(1.0 + rng.random() * 2)
            os.kill(child.pid, signal.SIGKILL)
        said, _ = child.communicate(timeout=120)
        if "as planned" in said:
            break
    assert "3 rounds made, as planned." in said
    check(folder, SimulatedRobot(tmp_path / "device", laboratory(planted())))


def test_each_plate_may_wait_for_somebody(folder, tmp_path):
    one = robot(folder, tmp_path, rounds=1, approve=True)
    assert one.step().doing == "proposed"
    assert one.step().words == "plate-1 waits for somebody who lets it go to simulated-robot."
    with pytest.raises(StateError, match="plate-2 does not wait"):
        one.approve("plate-2")
    assert one.approve("plate-1").doing == "sent"
    with pytest.raises(StateError, match="plate-1 does not wait"):
        one.approve("plate-1")
    assert finished(one)[-1].words == "1 round made, as planned."


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ({"rounds": 9, "wells": 25}, "20 wells filled, and another plate would go beyond 25"),
        ({"rounds": 9, "patience": 2}, "no better value in the last 2 rounds"),
    ],
)
def test_reasons_to_stop(folder, tmp_path, plan, words):
    assert words in finished(robot(folder, tmp_path, **plan))[-1].words


def test_a_device_that_always_fails_ends_the_loop(folder, tmp_path):
    last = finished(robot(folder, tmp_path, Faults(fails=1.0), rounds=2, attempts=2))[-1]
    assert last.words == "simulated-robot failed with plate-1 2 times: a tip was not picked up."
    assert not open_campaign(folder).campaign.dataset().rows.size


def test_an_assay_out_of_control_ends_the_loop(folder, tmp_path):
    one = robot(folder, tmp_path, rounds=9)
    inner = one.drivers[0].laboratory

    class Drifting:
        landscape = inner.landscape

        def measure(self, plate, seed):
            broken = plate.id >= "plate-5"
            return [(w, c, v + 5 * broken) for w, c, v in inner.measure(plate, seed)]

    one.drivers[0].laboratory = Drifting()
    last = finished(one)[-1]
    assert last.words.startswith("the control WT of plate-5 reads")
    assert last.words.endswith("activity is out of control.")


def test_a_file_that_stays_unreadable_ends_the_loop_and_is_kept(folder, tmp_path):
    one = robot(folder, tmp_path, rounds=2)
    device = one.drivers[0]
    good = device.collect
    device.collect = lambda handle: tuple(type(f)(f.name, f.content[:30]) for f in good(handle))
    last = finished(one)[-1]
    assert last.words.startswith("the results of plate-1 cannot be read: ")
    assert "The files are kept. Record them by hand" in last.words
    assert not open_campaign(folder).campaign.dataset().rows.size


def test_plans_and_devices_that_make_no_sense_are_refused(folder, tmp_path):
    with pytest.raises(InputError, match="at least 1"):
        RobotPlan(rounds=0)
    with pytest.raises(InputError, match="at least one device"):
        Robot(open_campaign(folder), [])
    one = robot(folder, tmp_path)
    other = Robot(one.loop, one.drivers, RobotPlan(number=8, plate=PlateOptions(wells=48, controls=2)))
    with pytest.raises(InputError, match=r"takes plates of 24, 96, 384, 1536 wells, and plate-1 has 48"):
        finished(other)


# --- a folder that is watched


@pytest.fixture
def watched(folder, tmp_path):
    """A folder between people, a plate that is out, and a clock that is set by hand."""
    loop = open_campaign(folder)
    Robot(loop, [SimulatedRobot(tmp_path / "none", laboratory(planted()))], RobotPlan(number=8, plate=PLATE)).step()
    (plate,), _ = known_plates(loop)
    now = [0.0]
    device = WatchedFolder(tmp_path / "out", tmp_path / "in", clock=lambda: now[0])
    device.inbox.mkdir()
    return device, plate, now


def test_a_file_is_taken_once_it_is_complete(watched):
    device, plate, now = watched
    handle = device.submit(PlateRun("r-1", plate, tuple(transfers(plate, 1.0))))
    assert sorted(p.name for p in device.outbox.iterdir()) == ["r-1-transfers.csv", "r-1.csv"]
    assert device.poll(handle) == RunState("waiting", 0.0, "waits for a file of plate-1")
    path = device.inbox / "reader export.csv"
    path.write_text("plate,well,activity\nplate-1,A1,0.5\n")
    assert device.poll(handle).stage == "waiting"
    now[0] = 1.0
    path.write_text("plate,well,activity\nplate-1,A1,0.5\nplate-1,B1,0.7\n")
    assert device.poll(handle).stage == "waiting"  # it grew
    now[0] = 2.5
    assert device.poll(handle).stage == "waiting"  # quiet for 1.5 s only
    now[0] = 3.1
    assert device.poll(handle) == RunState("done", 1.0, "reader export.csv")
    assert device.collect(handle)[0].content == path.read_bytes()


def test_a_file_that_may_be_of_two_campaigns_is_refused_and_one_that_names_its_run_is_taken(watched):
    device, plate, now = watched
    handle, other = (device.submit(PlateRun(f"{whose}-plate-1-reader-1", plate)) for whose in ("aaaaaaaa", "bbbbbbbb"))
    shared = device.inbox / "plate-1.csv"
    shared.write_text("well,activity\nA1,0.5\n")
    device.poll(handle)
    now[0] = 3.0
    for one in (handle, other):
        with pytest.raises(DeviceError, match=r"may be of \w+-plate-1-reader-1 or of \w+-plate-1-reader-1"):
            device.poll(one)
    shared.rename(device.inbox / "bbbbbbbb-plate-1-reader-1.csv")
    assert device.poll(other).stage == "waiting"  # a new name is a new file
    now[0] = 6.0
    assert device.poll(other).words == "bbbbbbbb-plate-1-reader-1.csv"
    assert device.poll(handle).stage == "waiting"
    device.cancel(other)
    (device.inbox / "plate-1.csv").write_text("well,activity\nA1,0.6\n")
    device.poll(handle)
    now[0] = 9.0
    assert device.poll(handle).words == "plate-1.csv"


@pytest.mark.parametrize(
    "name", [".plate-1.csv.tmp", "~plate-1.csv", "plate-10.csv", "plate-1-2.csv", "someone's notes.csv"]
)
def test_files_that_are_not_of_the_plate_are_left_alone(watched, name):
    device, plate, now = watched
    handle = device.submit(PlateRun("r-1", plate))
    (device.inbox / name).write_text("x")
    device.poll(handle)
    now[0] = 10.0
    assert device.poll(handle).stage == "waiting"


def test_a_share_that_goes_away_is_asked_again(watched):
    device, plate, _ = watched
    handle = device.submit(PlateRun("r-1", plate))
    device.inbox.rmdir()
    with pytest.raises(DeviceError, match="cannot be read now"):
        device.poll(handle)
    device.inbox.mkdir()
    assert device.poll(handle).stage == "waiting"


def test_a_cancelled_run_leaves_no_list(watched):
    device, plate, _ = watched
    handle = device.submit(PlateRun("r-1", plate, tuple(transfers(plate, 1.0))))
    device.cancel(handle)
    device.cancel(handle)
    assert not list(device.outbox.iterdir())


def test_a_plate_that_people_measured_goes_to_no_device(folder, tmp_path):
    one = robot(folder, tmp_path, rounds=2, approve=True)
    assert one.step().doing == "proposed"
    loop = open_campaign(folder)
    (plate,) = one._plates(loop.campaign.state())
    loop.campaign.send_plate(plate.id, "a colleague")
    measure(loop, plate)
    again = robot(folder, tmp_path, rounds=2, approve=True)
    assert not robot_standing(again.loop).asked
    assert again.step().words == "proposal 2 of 8 candidates: plate-2."
    assert robot_standing(again.loop).plate == "plate-2"
    assert "plate-2 waits for somebody" in again.step().words
