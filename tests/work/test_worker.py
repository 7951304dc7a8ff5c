"""A worker on real campaigns: results become versions and students by themselves, also when it is killed."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from activeloop.campaigns import Distilled, Fitted
from activeloop.config import open_campaign
from activeloop.errors import StoreError
from activeloop.measurements import Measurement
from activeloop.store import CampaignFolder
from activeloop.work import Timing, Work, Worker
from activeloop.work.child import NICE
from activeloop.work.processes import ProcessRunner

WT = "MKTAYIAKQR"
CONFIG = f"""
format = 1
seed = 3
[pool]
wild_type = "{WT}"
singles = true
[[assays]]
name = "kcat"
[learner]
name = "mutation-gp"
[student]
auto = {{auto}}
network = "conv"
options = {{{{ width = 8, blocks = 1 }}}}
training = {{{{ steps = 20 }}}}
"""
AT_ONCE = Timing(quiet=0.0, longest=0.0, lease=10.0, retry=0.1, attempts=5)


@pytest.fixture
def loop(tmp_path: Path) -> Path:
    CampaignFolder.create(tmp_path / "loop", CONFIG.format(auto="false"))
    record(tmp_path / "loop", 0)
    return tmp_path / "loop"


def record(folder: Path, start: int, n: int = 12) -> None:
    campaign = open_campaign(folder).campaign
    names = campaign.pool.names(range(start, start + n))
    campaign.record([Measurement(name, "kcat", float(i % 7)) for i, name in enumerate(names)], f"{start}.csv")


def versions(folder: Path) -> list[int]:
    return [r.event.version.number for r in CampaignFolder.open(folder).log if isinstance(r.event, Fitted)]


def test_results_become_a_version_by_themselves(loop):
    told = []
    assert Worker([loop], AT_ONCE).run(told.append, once=True) == 1  # no other process looks for a student
    assert versions(loop) == [1]
    assert any("fit: version 1" in line for line in told)
    assert Worker([loop], AT_ONCE).run(told.append, once=True) == 0
    record(loop, 20)
    Worker([loop], AT_ONCE).run(told.append, once=True)
    assert versions(loop) == [1, 2]
    actor = [r.actor for r in CampaignFolder.open(loop).log if isinstance(r.event, Fitted)]
    assert all(str(os.getpid()) in name for name in actor)


def test_a_version_gets_its_student(tmp_path):
    CampaignFolder.create(tmp_path / "loop", CONFIG.format(auto="true"))
    record(tmp_path / "loop", 0, 40)
    Worker([tmp_path / "loop"], AT_ONCE).run(lambda line: None, once=True)
    log = CampaignFolder.open(tmp_path / "loop").log
    assert [r.event.student.version for r in log if isinstance(r.event, Distilled)] == [1]


def test_what_cannot_be_fitted_ends_with_a_reason(loop):
    config = loop / "campaign.toml"
    config.write_text(config.read_text().replace("[learner]\n", "[learner]\noptions = { branches = 5 }\n", 1))
    told = []
    Worker([loop], Timing(quiet=0, longest=0, retry=0, attempts=2)).run(told.append, once=True)
    (state,) = [s for s in Work(CampaignFolder.open(loop).log.database).states() if s.kind == "fit"]
    assert (state.stage, state.attempts) == ("failed", 2)
    assert "branches" in state.words


def test_a_limit_of_memory_or_time_ends_the_process(loop):
    told = []
    assert Worker([loop], AT_ONCE, ProcessRunner(mebibytes=5)).run(told.append, once=True) == 0
    assert any("MiB of memory, and 5 are allowed" in line for line in told)
    record(loop, 20)
    assert Worker([loop], AT_ONCE, ProcessRunner(seconds=0.01)).run(told.append, once=True) == 0
    assert any("it took longer than 0 seconds" in line for line in told)
    assert versions(loop) == []


def test_a_worker_that_is_stopped_gives_its_work_back(loop):
    worker = Worker([loop], AT_ONCE)
    threading.Timer(0.5, worker.stop).start()
    worker.run(lambda line: None)
    (state,) = [s for s in Work(CampaignFolder.open(loop).log.database).states() if s.kind == "fit"]
    assert state.stage in ("waiting", "done")
    assert state.owner == ""
    Worker([loop], AT_ONCE).run(lambda line: None, once=True)
    assert versions(loop) == [1]


def run_beside(worker: Worker, told: list[str]) -> threading.Thread:
    thread = threading.Thread(target=worker.run, args=(told.append,))
    thread.start()
    return thread


def test_results_that_come_in_meanwhile_end_a_fit_and_it_begins_anew(loop, kinds_for_tests):
    told = []
    worker = Worker([loop], Timing(quiet=0.0, longest=600.0, lease=0.6), kinds=(kinds_for_tests.SlowFit,))
    thread = run_beside(worker, told)
    try:
        until(lambda: (s := fit_state(loop)) and s.stage == "running" and s.share == 0.25)
        record(loop, 20)
        until(lambda: versions(loop))
    finally:
        worker.stop()
        thread.join()
    assert any("results came in meanwhile, it begins anew" in line for line in told)
    assert versions(loop) == [1]
    assert not open_campaign(loop).campaign.status().stale


def test_too_much_memory_ends_it_while_it_grows(loop, kinds_for_tests):
    told = []
    assert (
        Worker([loop], AT_ONCE, ProcessRunner(mebibytes=300), kinds=(kinds_for_tests.Greedy,)).run(
            told.append, once=True
        )
        == 0
    )
    assert any("MiB of memory, and 300 are allowed" in line for line in told)
    assert fit_state(loop).stage == "failed"


def test_a_service_adds_kinds_of_work(loop, kinds_for_tests):
    folder, told, webhook = CampaignFolder.open(loop), [], kinds_for_tests.Webhook
    work = Work(folder.log.database)
    work.ask(folder.log.campaign, "webhook", "https://example.org")
    assert Worker([loop], AT_ONCE, kinds=(webhook,)).run(told.append, once=True) == 1
    (state,) = [s for s in work.states() if s.kind == "webhook"]
    assert (state.stage, state.words) == (
        "done",
        f"sent to https://example.org at niceness {min(os.nice(0) + NICE, 19)}",
    )
    assert len(state.printed) <= 4000
    work.ask(folder.log.campaign, "webhook", "refused")
    Worker([loop], Timing(quiet=0, longest=0, retry=0, attempts=2), kinds=(webhook,)).run(told.append, once=True)
    (state,) = [s for s in work.states() if s.kind == "webhook"]
    assert (state.stage, state.attempts, state.words) == ("failed", 2, "the other side answers 503.")
    assert versions(loop) == []  # of other kinds it does nothing


def test_a_database_that_fails_is_tried_again(loop):
    told, worker = [], Worker([loop], AT_ONCE)
    thread = run_beside(worker, told)
    try:
        until(lambda: versions(loop))
        (loop / "campaign.db").rename(loop / "away.db")
        until(lambda: any("It is tried again in 1 s." in line for line in told))
        assert thread.is_alive()
        (loop / "away.db").replace(loop / "campaign.db")
        record(loop, 20)
        until(lambda: versions(loop) == [1, 2])
    finally:
        worker.stop()
        thread.join()
    (loop / "campaign.db").unlink()
    with pytest.raises(StoreError):
        Worker([loop], AT_ONCE).run(told.append, once=True)


def fit_state(folder: Path):
    return next((s for s in Work(CampaignFolder.open(folder).log.database).states() if s.kind == "fit"), None)


def until(true, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.5)
    assert true()
