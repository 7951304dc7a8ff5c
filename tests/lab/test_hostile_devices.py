"""Devices that lie, stall and forget: no well is filled twice, no value stands at a wrong well; what to do is said."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections import Counter

import pytest
from test_opentrons import ended, plate_of, run_of
from test_robot import PLATE, finished, folder, robot, watched  # noqa: F401 - fixtures

from activeloop.campaigns import Measured
from activeloop.config import open_campaign
from activeloop.desk.propose import known_plates
from activeloop.desk.record import read_results, record
from activeloop.lab import DeviceError, PlateRun, Robot, RobotPlan, RunState, WatchedFolder, drivers, opentrons
from activeloop.lab.drivers import RunFile, UnknownRunError
from activeloop.lab.opentrons import Opentrons


def stored(folder):  # noqa: F811 - a folder
    log = open_campaign(folder).campaign.log
    return [m for r in log if isinstance(r.event, Measured) for m in r.event.measurements]


def lying(one, change):
    """A robot whose files are changed on their way: (files, number of the plate) -> files."""
    device = one.drivers[0]
    good = device.collect
    device.collect = lambda handle: change(good(handle), int(handle.split("-plate-")[1].split("-")[0]))
    return one


def text(file, old, new):
    return RunFile(file.name, file.content.replace(old, new))


LIES = {
    "the file of the plate before": (
        lambda files, n, kept={}: kept.setdefault(1, files),
        "is of plate-1, and the run was of plate-2",
        1,
    ),
    "another plate's name": (lambda files, n: (text(files[0], b"plate-1", b"plate-7"),), "plate-7", 0),
    "wells that were not filled": (
        lambda files, n: (RunFile("r.csv", files[0].content + b"plate-1,D6,9.9\n"),),
        "D6",
        0,
    ),
    "wells that no plate has": (
        lambda files, n: (RunFile("r.csv", files[0].content + b"plate-1,Z99,9.9\n"),),
        "Z99",
        0,
    ),
    "a well twice": (
        lambda files, n: (RunFile("r.csv", files[0].content + b"plate-1,A1,9.9\nplate-1,A1,8.8\n"),),
        "A1",
        0,
    ),
    "other values in a second file": (
        lambda files, n: (files[0], RunFile("again.csv", files[0].content.replace(b",A1,", b",A1,9"))),
        "again.csv",
        1,
    ),
    "no file": (lambda files, n: (), "there is no file", 0),
    "a bomb": (lambda files, n: (RunFile("r.csv", b"plate,well,activity\n" + b"x" * 2_000_000),), "r.csv", 0),
    "a pickle": (lambda files, n: (RunFile("r.pkl", b"\x80\x04\x8c\x05posix\x8c\x06system\x93."),), "r.pkl", 0),
}


@pytest.mark.parametrize("lie", LIES)
def test_results_that_lie_are_not_stored(folder, tmp_path, lie):  # noqa: F811
    change, words, plates = LIES[lie]
    one = lying(robot(folder, tmp_path, rounds=2), change)
    last = finished(one)[-1]
    assert last.doing == "stopped"
    assert words in last.words
    assert "Record them by hand" in last.words
    assert "Error" not in last.words
    assert str(tmp_path) not in last.words
    found = stored(folder)
    assert len(found) == 10 * plates
    assert {m.plate for m in found} <= {"plate-1"}


@pytest.mark.parametrize(
    "name", ["../../out.csv", "", "..", "a\x00b.csv", "x" * 4000 + ".csv", "/etc/passwd", "a\nb.csv"]
)
def test_names_of_files_are_no_paths(folder, tmp_path, name):  # noqa: F811
    one = lying(robot(folder, tmp_path, rounds=1), lambda files, n: (RunFile(name, files[0].content),))
    assert finished(one)[-1].words == "1 round made, as planned."
    (run,) = open_campaign(folder).campaign.state().runs
    assert all("/" not in kept and kept.isprintable() for kept in run.files)


def test_a_file_that_names_no_plate_is_of_the_plate_of_its_run(folder, tmp_path):  # noqa: F811
    one = lying(robot(folder, tmp_path, rounds=2), lambda files, n: (text(files[0], f"plate-{n},".encode(), b","),))
    assert finished(one)[-1].words == "2 rounds made, as planned."
    assert Counter(m.plate for m in stored(folder)) == {"plate-1": 10, "plate-2": 10}


@pytest.mark.parametrize(
    "state", [RunState("running", float("nan")), RunState("running", -3.0, "x"), RunState("running", 1e9), None, 7]
)
def test_what_a_driver_says_wrongly_is_asked_again(folder, tmp_path, state):  # noqa: F811
    one = robot(folder, tmp_path, rounds=1)
    device = one.drivers[0]
    good = device.poll
    said = iter([state, state])
    device.poll = lambda handle: next(said, None) or good(handle)
    steps = finished(one)
    assert steps[-1].words == "1 round made, as planned."
    assert all(0 <= step.share <= 1 for step in steps)


def test_a_device_that_confirms_and_then_denies_is_not_sent_the_plate_again(folder, tmp_path):  # noqa: F811
    one = robot(folder, tmp_path, rounds=1)
    device = one.drivers[0]
    assert [one.step().doing for _ in range(3)] == ["proposed", "sent", "running"]
    run = next((tmp_path / "device" / "runs").iterdir())
    content = run.read_bytes()
    run.unlink()
    for _ in range(3):
        step = one.step()
        assert step.doing == "unreachable"
        assert "knows of no run" in step.words
    run.write_bytes(content)
    assert finished(one)[-1].words == "1 round made, as planned."
    assert set(Counter(device.filled(PlateRun(run.stem, known_plates(one.loop)[0][0]))).values()) == {1}


# --- an Opentrons, or what says that it is one


class Raw(socketserver.ThreadingTCPServer):
    """Answers every request with the same bytes, slowly where it is told so."""

    daemon_threads = True

    def __init__(self, answer, pause=0.0):
        self.answer, self.pause = answer, pause
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(socketserver.BaseRequestHandler):
    server: Raw

    def handle(self):
        self.request.recv(65536)
        try:
            if not self.server.pause:
                self.request.sendall(self.server.answer)
                return
            for n in range(len(self.server.answer)):
                self.request.sendall(self.server.answer[n : n + 1])
                time.sleep(self.server.pause)
        except OSError:
            pass  # the client has had enough


def http(body, status="200 OK", headers=""):
    return f"HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n".encode() + body


ANSWERS = {
    "a page": (http(b"<html>router</html>"), "otherwise than an Opentrons"),
    "a list": (http(b"[]"), "otherwise than an Opentrons"),
    "no data": (http(b'{"data": null}'), "otherwise than an Opentrons"),
    "data of another kind": (http(b'{"data": [1, 2]}'), "otherwise than an Opentrons"),
    "a protocol without a number": (http(b'{"data": [{"key": "r-1"}]}'), 'has no "id"'),
    "a redirection to itself": (http(b"", "302 Found", "Location: /protocols\r\n"), "otherwise than an Opentrons"),
    "another version": (http(b'{"errors": "no such version"}', "400 Bad Request"), "Bad Request (400)"),
    "errors without an end": (
        http(json.dumps({"errors": [{"detail": "x" * 10**5}] * 3}).encode(), "409 Conflict"),
        "(409)",
    ),
    "deep JSON": (http(b"[" * 100_000), "otherwise than an Opentrons"),
    "an answer without an end": (http(b" " * 2**21), "otherwise than an Opentrons"),
    "no HTTP": (b"SSH-2.0-OpenSSH\r\n", "does not answer: the connection broke"),
    "nothing": (b"", "does not answer: the connection broke"),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_is_no_opentrons_is_said(monkeypatch, answer):
    monkeypatch.setattr(opentrons, "LARGEST", 1)
    content, words = ANSWERS[answer]
    with Raw(content) as served:
        with pytest.raises(DeviceError) as caught:
            Opentrons(served.url).submit(run_of(plate_of(8)))
        served.shutdown()
    assert words in str(caught.value)
    assert len(str(caught.value)) < 700
    assert "Error" not in str(caught.value)


def test_what_answers_too_slowly_or_not_at_all_is_left():
    with Raw(http(b'{"data": []}'), pause=0.05) as served:
        began = time.monotonic()
        for url in (served.url, served.url.replace("http:", "https:")):
            with pytest.raises(DeviceError, match=r"does not answer|otherwise than"):
                Opentrons(url, seconds=0.4).submit(run_of(plate_of(8)))
        assert time.monotonic() - began < 10
        served.shutdown()


def test_a_run_that_says_success_and_did_nothing_failed(emulator):
    emulator.faults.add("nothing")
    device, run = Opentrons(emulator.url), run_of(plate_of(8))
    _, state = ended(device, run)
    assert state.stage == "failed"
    assert "by its list of commands it did not fill" in state.words
    assert device.filled(run) is None  # it contradicts itself


def test_a_run_that_was_forgotten_is_not_begun_again(emulator):
    device, run = Opentrons(emulator.url), run_of(plate_of(8))
    ended(device, run)
    count = len(emulator.dispensed)
    emulator.runs.clear()
    with pytest.raises(UnknownRunError, match="Look at plate-1"):
        device.find(run)
    assert (device.filled(run), len(emulator.dispensed), len(emulator.runs)) == (None, count, 0)


def rounds_with(emulator, folder, tmp_path):  # noqa: F811
    now = [0.0]
    reader = WatchedFolder(tmp_path / "out", tmp_path / "in", clock=lambda: now[0], name="reader")
    reader.inbox.mkdir()
    plan = RobotPlan(rounds=1, number=8, plate=PLATE)
    return Robot(open_campaign(folder), [Opentrons(emulator.url), reader], plan)


def test_after_a_run_that_failed_only_the_other_wells_are_filled(emulator, folder, tmp_path):  # noqa: F811
    emulator.faults.add("run")
    one = rounds_with(emulator, folder, tmp_path)
    said = []
    for _ in range(30):
        said.append(one.step().words)
        if "ended as failed" in said[-1]:
            emulator.faults.clear()
        if "went to reader" in said[-1]:
            break
    wells = Counter(well for _, _, well, _ in emulator.dispensed)
    assert len(wells) == 10
    assert set(wells.values()) == {1}


def test_where_nobody_knows_what_was_filled_a_person_decides(emulator, folder, tmp_path):  # noqa: F811
    emulator.faults |= {"run", "broken"}
    one = rounds_with(emulator, folder, tmp_path)
    steps = [one.step() for _ in range(12)]
    assert steps[-1].doing == "approval"
    assert "nobody knows which wells it filled. Put an empty plate in its place" in steps[-1].words
    assert len(emulator.dispensed) == 5
    emulator.faults.remove("run")
    one.loop.campaign.order_robot("release", "plate-1")
    for _ in range(20):
        if "went to reader" in one.step().words:
            break
    assert len(emulator.dispensed) == 5 + 10  # the second plate is another one, and whole


def test_stopping_a_run_that_the_device_forgot_begins_none(emulator, folder, tmp_path):  # noqa: F811
    one = rounds_with(emulator, folder, tmp_path)
    while "went to opentrons" not in one.step().words:
        pass
    count = len(emulator.dispensed)
    emulator.runs.clear()
    assert one.step().doing == "unreachable"
    one.loop.campaign.order_robot("stop", reason="it forgot")
    assert one.step().doing == "stopped"
    assert [run.outcome for run in one.loop.campaign.state().runs] == ["stopped"]
    one.loop.campaign.order_robot("run")
    assert one.step().doing == "approval"
    assert (len(emulator.dispensed), len(emulator.runs)) == (count, 0)


# --- a folder


def test_a_file_that_is_too_large_or_written_while_it_is_read_is_not_taken(watched, monkeypatch):  # noqa: F811
    device, plate, now = watched
    handle = device.submit(PlateRun("r-1", plate))
    path = device.inbox / "plate-1.csv"
    path.write_text("plate,well,activity\nplate-1,A1,0.5\n")
    device.poll(handle)
    now[0] = 5.0
    assert device.poll(handle).stage == "done"
    good = drivers._content

    def grows(found):
        content = good(found)
        found.write_bytes(content + b"plate-1,B1,0.7\n")
        return content

    monkeypatch.setattr(drivers, "_content", grows)
    with pytest.raises(DeviceError, match="written again while it was read"):
        device.collect(handle)
    monkeypatch.setattr(drivers, "_content", good)
    monkeypatch.setattr(drivers, "LARGEST", 0)
    now[0] = 50.0
    device.poll(handle)
    now[0] = 60.0
    with pytest.raises(DeviceError, match="Write it smaller, or take it away"):
        device.collect(handle)


def test_people_who_finish_what_a_robot_began_are_not_overtaken(folder, tmp_path):  # noqa: F811
    one = robot(folder, tmp_path, rounds=2)
    lying(one, lambda files, n: ())
    assert "there is no file" in finished(one)[-1].words
    one.loop.campaign.order_robot("stop", reason="read by hand")
    one.step()
    content = next((tmp_path / "device" / "files").iterdir())
    record(one.loop, read_results(one.loop, content), "by hand")
    one.loop.campaign.order_robot("run")
    again = robot(folder, tmp_path, rounds=2)
    assert "plate-2" in again.step().words
