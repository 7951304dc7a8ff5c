"""A worker on a store of many campaigns: one look finds what is due in any of them, and none holds up the others."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from activeloop.campaigns import Fitted
from activeloop.config import Store, open_folder
from activeloop.measurements import Measurement
from activeloop.store import Database
from activeloop.work import Place, Timing, Work, Worker

CONFIG = """
[pool]
wild_type = "MKTAYIAKQR"
singles = true
[[assays]]
name = "kcat"
[learner]
name = "mutation-gp"
"""
AT_ONCE = Timing(quiet=0.0, longest=0.0, lease=10.0, retry=0.1, attempts=1)


@pytest.fixture
def place(database: Database, tmp_path: Path) -> Place:
    where = getattr(database, "url", "") or str(tmp_path / "store")
    return Place(where, str(tmp_path / "artifacts"), str(tmp_path / "cache"))


@pytest.fixture
def store(place: Place) -> Store:
    return Store.open(place.where, place.artifacts, Path(place.cache))


def record(store: Store, key: str, start: int = 0) -> None:
    campaign = open_folder(store.folder(key, actor="ada")).campaign
    names = campaign.pool.names(range(start, start + 12))
    campaign.record([Measurement(name, "kcat", float(i % 7)) for i, name in enumerate(names)], f"{start}.csv")


def fitted(store: Store, key: str) -> list[tuple[int, str]]:
    return [(r.event.version.number, r.actor) for r in store.folder(key).log if isinstance(r.event, Fitted)]


def test_what_is_due_in_any_campaign_is_done_and_a_broken_one_holds_up_none(store, place):
    keys = [store.create(name, CONFIG) for name in ("kinase", "broken", "idle")]
    for key in keys[:2]:
        record(store, key)
    with store.database.writing() as connection:  # as a config of a plugin that was removed
        connection.exec_driver_sql(
            f"UPDATE events SET payload = replace(payload, 'mutation-gp', 'nowhere') WHERE campaign = '{keys[1]}'"
        )
    told = []
    worker = Worker([place], AT_ONCE)
    assert worker.run(told.append, once=True) == 2  # a version, and a look at the idle one
    assert [fitted(store, key) for key in keys] == [[(1, worker.name)], [], []]
    assert any(f"{keys[1]}: fit: to be repeated" in line and "nowhere" in line for line in told)
    (state,) = Work(store.database).states(keys[1])
    assert (state.stage, state.attempts) == ("failed", 1)
    assert not any("postgres:@" in line for line in told)  # no address with its user
    store.close()


def test_two_workers_share_a_store_and_new_results_are_found(store, place):
    keys = [store.create(str(n), CONFIG) for n in range(2)]
    told, workers = [], [Worker([replace(place)], AT_ONCE) for _ in range(2)]
    threads = [threading.Thread(target=worker.run, args=(told.append,)) for worker in workers]
    for thread in threads:
        thread.start()
    try:
        for key in keys:
            record(store, key)
        end = time.monotonic() + 120
        while not all(fitted(store, key) for key in keys) and time.monotonic() < end:
            time.sleep(0.3)
    finally:
        for worker in workers:
            worker.stop()
        for thread in threads:
            thread.join()
    assert [[number for number, _ in fitted(store, key)] for key in keys] == [[1], [1]]
    assert all(store.folder(key).log.verify() == () for key in keys)
    store.close()


def test_an_address_is_shown_without_its_password():
    assert str(Place("postgresql://ada:secret@db:5432/lab?options=x")) == "postgresql://db:5432/lab"
    assert str(Place("kinase")) == "kinase"
