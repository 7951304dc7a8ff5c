"""The log of many campaigns on SQLite and PostgreSQL: order, a chain of hashes, writers at once, older folders."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from small_campaign import ASSAY, Ridge, answers, singles

from activeloop.campaigns import Campaign, Measured, Pinned
from activeloop.campaigns.events import encode
from activeloop.errors import StateError, StoreError
from activeloop.measurements import Measurement
from activeloop.store import CampaignFolder, Database, PostgreSQL, SQLiteFile, SQLLog, create_campaign, upgrade
from activeloop.store.migrate import HEAD

PIN = Pinned(("M1A",), veto=False, reason='µ & "quotes" – kept')


@pytest.fixture
def store(database: Database) -> Database:
    """With the tables."""
    upgrade(database, "the database", fresh=True)
    return database


def test_campaigns_of_one_database_do_not_see_each_other(store):
    logs = [SQLLog(store, campaign=create_campaign(store, name)) for name in ("kinase", "lipase")]
    for log in logs:
        log.append(PIN, after=0)
    logs[1].append(PIN, after=1)
    assert [[r.sequence for r in log] for log in logs] == [[1], [1, 2]]
    assert next(iter(SQLLog(store, campaign=logs[0].campaign))).event == PIN
    with pytest.raises(StoreError, match="holds 2 campaigns: say which"):
        list(SQLLog(store))


def test_who_wrote_and_of_what_request_is_kept(store):
    key = create_campaign(store, "kinase")
    SQLLog(store, campaign=key, actor="ada", request="r-1").append(PIN, after=0)
    (recorded,) = SQLLog(store, campaign=key)
    assert (recorded.actor, recorded.request) == ("ada", "r-1")
    assert SQLLog(store, campaign=key).of_request("r-1") == (recorded,)
    assert SQLLog(store, campaign=key).of_request("r-2") == ()
    assert store.read("SELECT reason FROM events") == [(PIN.reason,)]


def test_a_campaign_that_is_not_there_is_not_made_by_writing_to_it(store):
    with pytest.raises(StoreError, match=r"holds no campaign abc\. Nothing was written"):
        SQLLog(store, campaign="abc").append(PIN, after=0)
    assert store.read("SELECT count(*) FROM events") == [(0,)]


def test_all_events_of_a_block_are_written_or_none(store):
    log = SQLLog(store, campaign=create_campaign(store, "kinase"))

    def half() -> None:
        with log.alone():
            log.append(PIN, after=0)
            assert [r.sequence for r in log] == [1]
            log.append(PIN, after=0)

    with pytest.raises(StateError, match="moved on"):
        half()
    assert list(log) == list(SQLLog(store, campaign=log.campaign)) == []
    with log.alone():
        log.append(PIN, after=0)
        log.append(PIN, after=1)
    assert [r.sequence for r in SQLLog(store, campaign=log.campaign)] == [1, 2]
    assert log.verify() == ()


def test_a_first_event_that_was_refused_leaves_no_campaign_behind(tmp_path):
    folder = CampaignFolder.create(tmp_path / "loop", "# config\n")
    with pytest.raises(StateError, match="moved on"):
        folder.log.append(PIN, after=3)
    assert folder.log.campaign == ""
    assert folder.log.append(PIN, after=0).sequence == 1
    assert [r.sequence for r in CampaignFolder.open(tmp_path / "loop").log] == [1]


def test_who_missed_something_is_refused(store):
    key = create_campaign(store, "kinase")
    SQLLog(store, campaign=key).append(PIN, after=0)
    with pytest.raises(StateError, match="event 1 is there, 0 was the last seen"):
        SQLLog(store, campaign=key).append(PIN, after=0)
    assert store.read("SELECT count(*) FROM events") == [(1,)]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("UPDATE events SET payload = replace(payload, 'M1A', 'M1C') WHERE sequence = 2", "event 2 was changed"),
        ("UPDATE events SET actor = 'eve' WHERE sequence = 3", "event 3 was changed"),
        ("UPDATE events SET at = '2020' WHERE sequence = 4", "event 4 was changed"),
        ("DELETE FROM events WHERE sequence = 2", "event 2 is missing"),
        ("DELETE FROM events WHERE sequence = 4", "the last event is 3 and should be 4"),
    ],
)
def test_a_row_that_was_tampered_with_is_found(store, change, found):
    log = SQLLog(store, campaign=create_campaign(store, "kinase"))
    for after in range(4):
        log.append(PIN, after=after)
    assert log.verify() == ()
    with store.writing() as connection:
        connection.execute(sa.text(change))
    assert any(found in problem for problem in SQLLog(store, campaign=log.campaign).verify())


# -- several at once --------------------------------------------------------------------------------------------------


def opened(where: str) -> Database:
    return PostgreSQL(where, connections=1) if where.startswith("postgresql") else SQLiteFile(Path(where), 60)


def place(database: Database) -> str:
    return database.url if isinstance(database, PostgreSQL) else str(database.path)


def migrate(where: str) -> str:
    try:
        upgrade(opened(where), "the database", fresh=True)
    except Exception as error:  # told to the parent
        return repr(error)
    return ""


def record_wells(task: tuple[str, str, int, int]) -> int:
    where, key, writer, wells = task
    log = SQLLog(opened(where), campaign=key, actor=f"robot {writer}")
    loop = Campaign(POOL, [ASSAY], Ridge(), seed=3, log=log)
    names = POOL.names(range(writer * wells, (writer + 1) * wells))
    return sum(loop.record(answers(POOL, [name]), f"{name}.csv").stored for name in names)


POOL = singles()


def test_several_who_migrate_at_once_make_one_database(database):
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert pool.map(migrate, [place(database)] * 8) == [""] * 8
    assert database.read("SELECT version_num FROM alembic_version") == [(HEAD,)]


def test_several_who_record_at_once_all_succeed_and_leave_no_gap(store):
    key, writers, wells = create_campaign(store, "kinase"), 4, 6
    with multiprocessing.get_context("spawn").Pool(writers) as pool:
        stored = pool.map(record_wells, [(place(store), key, writer, wells) for writer in range(writers)])
    assert stored == [wells] * writers
    log = SQLLog(store, campaign=key)
    recorded = list(log)
    assert [r.sequence for r in recorded] == list(range(1, len(recorded) + 1))
    measured = [m.candidate for r in recorded if isinstance(r.event, Measured) for m in r.event.measurements]
    assert sorted(measured) == sorted(POOL.names(range(writers * wells)))
    assert log.verify() == ()


# -- folders from before ----------------------------------------------------------------------------------------------


OLD = """
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);
INSERT INTO alembic_version VALUES ('0001');
CREATE TABLE events (sequence INTEGER NOT NULL PRIMARY KEY, at VARCHAR(40) NOT NULL, kind VARCHAR(40) NOT NULL,
    schema_version INTEGER NOT NULL, payload JSON NOT NULL);
CREATE TABLE artifacts (hash VARCHAR(64) NOT NULL PRIMARY KEY, kind VARCHAR(40) NOT NULL, size BIGINT NOT NULL,
    created VARCHAR(40) NOT NULL);
INSERT INTO artifacts VALUES ('abc', 'predictor', 3, '2026-01-01');
"""


def older_folder(path: Path, events: int) -> CampaignFolder:
    """A campaign whose database is of the form before there were many in one."""
    folder = CampaignFolder.create(path, "# config\n")
    for end in ("", "-wal", "-shm"):
        Path(f"{path / 'campaign.db'}{end}").unlink(missing_ok=True)
    connection = sqlite3.connect(path / "campaign.db")
    connection.executescript(OLD)
    payload = '{"names": ["M1A"], "veto": false, "reason": "1.50 \\u00b5"}'
    rows = [(n, f"2026-01-{n:02}", "pinned", 1, payload) for n in range(1, events + 1)]
    connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?)", rows)
    connection.commit()
    connection.close()
    return folder


def test_an_older_folder_is_brought_on_with_its_events(tmp_path):
    older_folder(tmp_path / "loop", 3)
    folder = CampaignFolder.open(tmp_path / "loop")
    assert [(r.sequence, r.at) for r in folder.log] == [(n, f"2026-01-0{n}") for n in (1, 2, 3)]
    assert encode(next(iter(folder.log)).event)[1] == {"names": ["M1A"], "veto": False, "reason": "1.50 µ"}
    assert folder.log.verify() == ()
    key = folder.log.campaign
    assert folder.log.database.read("SELECT * FROM artifact_owners") == [(key, "abc")]
    folder.log.append(PIN, after=3)
    again = CampaignFolder.open(tmp_path / "loop")
    assert again.log.campaign == key
    assert [r.sequence for r in again.log] == [1, 2, 3, 4]


def test_an_older_folder_without_events_is_brought_on_too(tmp_path):
    older_folder(tmp_path / "loop", 0)
    folder = CampaignFolder.open(tmp_path / "loop")
    assert list(folder.log) == []
    assert folder.log.append(PIN, after=0).sequence == 1


def test_decisions_are_made_while_wells_are_recorded_all_the_time(store):
    key, ended = create_campaign(store, "busy"), threading.Event()
    names = POOL.names(range(len(POOL)))
    loop = Campaign(POOL, [ASSAY], Ridge(), seed=3, log=SQLLog(store, campaign=key, actor="ada"))
    loop.record(answers(POOL, names[-20:]), "first.csv")
    controls, wrong = iter(range(10_000)), list[str]()

    def robot() -> None:
        own = Campaign(POOL, [ASSAY], Ridge(), seed=3, log=SQLLog(store, campaign=key, actor="robot"))
        while not ended.is_set():
            number = next(controls)
            well = Measurement("WT", ASSAY.name, 1.0, plate=f"c{number}", well="A1", control=True)
            try:
                own.record([well], f"{number}.csv")
            except Exception as error:
                wrong.append(repr(error))

    thread = threading.Thread(target=robot)
    thread.start()
    try:
        for number in range(1, 4):
            loop.pin([names[number]], "ours")
            loop.veto([names[number + 10]], "theirs")
            assert loop.propose(4, another=True).number == number
            assert loop.fit(again=True).number >= number
        assert loop.void(2, [2], "bubble") == 1
        loop.promote(1, "back")
    finally:
        ended.set()
        thread.join()
    assert wrong == []
    log = SQLLog(store, campaign=key)
    assert {r.actor for r in log} == {"ada", "robot"}
    assert log.verify() == ()
    assert log.differences(list(log)) == []
