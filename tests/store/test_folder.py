"""A campaign folder: kept, reopened, and every way the disk can fail it."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from small_campaign import ASSAY, Ridge, answers, singles

from activeloop.campaigns import Campaign, InMemoryLog, Pinned
from activeloop.campaigns.events import encode
from activeloop.errors import InputError, StateError, StoreError
from activeloop.store import CampaignFolder

POOL = singles()
PIN = Pinned(("M1A",), veto=False, reason='µ & "quotes" – kept')


@pytest.fixture
def folder(tmp_path: Path) -> CampaignFolder:
    return CampaignFolder.create(tmp_path / "loop", "# config\n")


def reopen(folder: CampaignFolder, **settings) -> CampaignFolder:
    return CampaignFolder.open(folder.path, **settings)


def campaign(folder: CampaignFolder) -> Campaign:
    return Campaign(POOL, [ASSAY], Ridge(), seed=3, log=folder.log, artifacts=folder.artifacts)


def one_round(folder: CampaignFolder, n: int = 8) -> None:
    loop = campaign(folder)
    names = [p.name for p in loop.propose(n).picks]
    loop.record(answers(POOL, names), f"{len(names)}.csv")


def events(folder: CampaignFolder) -> list[tuple]:
    """All events in a form in which NaN equals NaN."""
    return [(r.sequence, r.at, *encode(r.event)) for r in reopen(folder).log]


def raw(folder: CampaignFolder, sql: str, *values) -> list[tuple]:
    connection = sqlite3.connect(folder.path / "campaign.db")
    try:
        with connection:
            return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def test_a_campaign_goes_on_after_reopening_just_as_one_in_memory(folder):
    memory = Campaign(POOL, [ASSAY], Ridge(), seed=3, log=InMemoryLog())
    for _ in range(3):
        names = [p.name for p in memory.propose(8).picks]
        memory.record(answers(POOL, names), "8.csv")
        one_round(reopen(folder))
    memory.fit()
    campaign(reopen(folder)).fit()
    stored = [encode(r.event)[1] for r in reopen(folder).log]
    kept = [encode(r.event)[1] for r in memory.log]
    for event in stored + kept:
        event.get("version", {}).pop("created_at", None)
    assert stored == kept
    assert np.array_equal(campaign(reopen(folder)).predict([9]).mean, memory.predict([9]).mean)


def test_events_come_back_as_they_were_and_two_logs_see_each_other(folder):
    one, other = folder.log, reopen(folder).log
    assert list(other) == []
    written = one.append(PIN, after=0)
    assert list(other) == [written]
    other.append(PIN, after=1)
    assert [r.sequence for r in one] == [1, 2]


def test_a_writer_who_missed_something_is_refused(folder):
    folder.log.append(PIN, after=0)
    with pytest.raises(StateError, match="moved on"):
        reopen(folder).log.append(PIN, after=0)
    with pytest.raises(StateError, match="moved on"):
        folder.log.append(PIN, after=5)
    assert len(list(reopen(folder).log)) == 1


def test_a_model_is_written_once_under_its_hash(folder):
    arrays = {"b": np.arange(3.0), "a": np.array([[1, 2]], np.uint8)}
    key = folder.artifacts.put(arrays)
    assert reopen(folder).artifacts.put(dict(reversed(arrays.items()))) == key
    back = reopen(folder).artifacts.get(key)
    assert {n: a.tolist() for n, a in back.items()} == {"a": [[1, 2]], "b": [0.0, 1.0, 2.0]}
    assert back["a"].dtype == np.uint8
    assert [(h, k) for h, k, *_ in raw(folder, "SELECT * FROM artifacts")] == [(key, "application/x-npz")]
    assert [p.name for p in folder.path.rglob("*.npz")] == [f"{key}.npz"]
    assert folder.artifacts.put({}) == ""
    assert folder.artifacts.get("") == {}


def test_an_object_without_a_row_is_found_by_the_next_attempt(folder):
    key = folder.artifacts.put({"a": np.ones(2)})
    raw(folder, "DELETE FROM artifact_owners")
    raw(folder, "DELETE FROM artifacts")
    assert folder.artifacts.put({"a": np.ones(2)}) == key
    assert len(raw(folder, "SELECT * FROM artifacts")) == 1


def test_a_pickle_is_never_written(folder):
    with pytest.raises(ValueError, match="allow_pickle"):
        folder.artifacts.put({"a": np.array([object()])})
    assert not list(folder.path.rglob("*.npz"))


# -- what can go wrong ----------------------------------------------------------------------------------------------


def test_no_campaign_there(tmp_path):
    with pytest.raises(InputError, match="is not a folder: name a campaign's folder, or make one"):
        CampaignFolder.open(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"has no campaign\.toml"):
        CampaignFolder.open(tmp_path)


def test_a_campaign_is_never_overwritten(folder):
    with pytest.raises(InputError, match="is a campaign already"):
        CampaignFolder.create(folder.path, "# other\n")
    assert folder.config.read_text() == "# config\n"


def test_a_file_where_the_folder_should_be(tmp_path):
    (tmp_path / "x").write_text("")
    with pytest.raises(InputError, match="is a file"):
        CampaignFolder.create(tmp_path / "x", "")


def test_creation_that_died_before_its_recipe_can_be_repeated(folder):
    folder.config.unlink()
    assert CampaignFolder.create(folder.path, "# again\n").config.read_text() == "# again\n"


def test_a_lost_database_is_not_replaced_by_an_empty_one(folder):
    (folder.path / "campaign.db").unlink()
    with pytest.raises(StoreError, match=r"has lost its campaign\.db"):
        reopen(folder)
    assert not (folder.path / "campaign.db").exists()


def test_a_damaged_database(folder):
    (folder.path / "campaign.db").write_bytes(b"not a database, whatever its name says" * 100)
    with pytest.raises(StoreError, match="is not a database or is damaged: restore it from a backup"):
        reopen(folder)


def test_a_database_damaged_in_its_middle(folder):
    one_round(folder, 100)
    raw(folder, "PRAGMA wal_checkpoint(TRUNCATE)")
    path = folder.path / "campaign.db"
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged: restore it from a backup"):
        list(reopen(folder).log)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("UPDATE events SET payload = '{\"picks' WHERE sequence = 2", "an event cannot be read"),
        ("UPDATE events SET payload = '{\"surprise\": 1}' WHERE sequence = 2", "is damaged .unknown field surprise"),
        (
            "UPDATE events SET payload = CAST(x'7bff7d' AS TEXT) WHERE sequence = 2",
            "is damaged: restore it from a backup",
        ),
        ("UPDATE events SET payload = '[]' WHERE sequence = 2", 'stored event "pinned" is damaged'),
        ("UPDATE events SET kind = 'dreamt' WHERE sequence = 2", "newer ActiveLoop"),
        ("UPDATE events SET schema_version = 99 WHERE sequence = 2", "newer ActiveLoop"),
        ("DELETE FROM events WHERE sequence = 2", "lacks event 2"),
    ],
)
def test_events_that_were_tampered_with(folder, change, message):
    for after in range(3):
        folder.log.append(PIN, after=after)
    raw(folder, change)
    with pytest.raises(StoreError, match=message):
        list(reopen(folder).log)


def test_a_newer_schema_is_left_alone(folder):
    raw(folder, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"newer ActiveLoop \(schema 9999"):
        reopen(folder)


def test_a_locked_database(folder):
    other = sqlite3.connect(folder.path / "campaign.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="is locked by another program: close it"):
            reopen(folder, busy_seconds=0.1).log.append(PIN, after=0)
        other.execute("ROLLBACK")
    finally:
        other.close()
    assert list(reopen(folder).log) == []
    reopen(folder).log.append(PIN, after=0)


def test_a_full_database_stores_nothing_of_the_results(folder):
    with folder.log.database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    sa.event.listen(folder.log.database.engine, "connect", lambda c, _: c.execute(f"PRAGMA max_page_count={pages}"))
    loop = campaign(folder)

    def fill() -> None:
        for i in range(200):
            loop.veto([POOL.design(i % 100).name], reason="x" * 500)

    with pytest.raises(StoreError, match="the disk is full: make room"):
        fill()
    written = len(list(reopen(folder).log))
    assert written < 200
    assert [r.sequence for r in reopen(folder).log] == list(range(1, written + 1))


LIMITED = """
    import resource, signal, sys
    sys.path[:0] = {paths!r}
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    from small_campaign import ASSAY, Ridge, singles, answers
    from activeloop.campaigns import Campaign
    from activeloop.errors import StoreError
    from activeloop.store import CampaignFolder
    folder = CampaignFolder.open({path!r})
    loop = Campaign(singles(), [ASSAY], Ridge(), seed=3, log=folder.log, artifacts=folder.artifacts)
    resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
    try:
        {action}
    except StoreError as error:
        print(error)
        sys.exit(7)
"""


def on_a_small_disk(folder: CampaignFolder, limit: int, action: str) -> subprocess.CompletedProcess[str]:
    """Run something in a process whose files cannot grow beyond `limit` bytes."""
    code = textwrap.dedent(LIMITED).format(paths=sys.path, path=str(folder.path), limit=limit, action=action)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)


def test_a_disk_that_fills_up_while_results_are_recorded(folder):
    one_round(folder)
    before = events(folder)
    size = (folder.path / "campaign.db").stat().st_size
    action = "loop.record(answers(singles(), [singles().design(i).name for i in range(114)] * 8), 'big.csv')"
    died = on_a_small_disk(folder, size, action)
    assert died.returncode == 7, died.stderr
    assert "the disk is full or failing" in died.stdout
    assert "Nothing was written" in died.stdout
    assert events(folder) == before


def test_a_full_disk_while_a_model_is_stored(folder):
    one_round(folder)
    before = events(folder)
    died = on_a_small_disk(folder, 60_000, "loop.fit()")
    assert died.returncode == 7, died.stderr
    assert "artifacts cannot be written, the disk may be full" in died.stdout
    assert events(folder) == before
    assert campaign(reopen(folder)).fit().number == 1


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be made"):
        CampaignFolder.create(tmp_path / "file" / "x", "")


def test_a_recipe_that_does_not_fit_on_the_disk_makes_no_campaign(tmp_path):
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    code = f"import sys; sys.path[:0] = {sys.path!r}\nfrom activeloop.store import CampaignFolder\nimport signal\n"
    code += "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    code += f"CampaignFolder.create({str(tmp_path / 'x')!r}, '#' * 300_000)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, preexec_fn=limited, check=False)
    assert "StoreError" in run.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["remove", "change"])
def test_a_lost_or_damaged_model_is_reported_and_can_be_fitted_again(folder, damage):
    one_round(folder)
    loop = campaign(folder)
    loop.fit()
    model = next(folder.path.rglob("*.npz"))
    if damage == "remove":
        model.unlink()
    else:
        model.write_bytes(b"PK" + model.read_bytes()[2:-1] + b"!")
    with pytest.raises(StoreError, match="fit again"):
        campaign(reopen(folder)).predict([0])
    version = campaign(reopen(folder)).fit(again=True)
    assert version.number == 2
    assert len(campaign(reopen(folder)).predict([0])) == 1


# -- databases that are not this campaign's --------------------------------------------------------------------------


def test_an_empty_database_is_not_taken_for_a_fresh_campaign(folder):
    for content in (b"", b"\0" * 0):
        (folder.path / "campaign.db").write_bytes(content)
        with pytest.raises(StoreError, match="is empty, and the results of the campaign stood in it"):
            reopen(folder)
        assert (folder.path / "campaign.db").read_bytes() == b""


@pytest.mark.parametrize(
    "tables",
    [
        ["CREATE TABLE places (url TEXT)"],
        ["CREATE TABLE alembic_version (version_num TEXT)", "INSERT INTO alembic_version VALUES ('ae1027a6acf')"],
        ["CREATE TABLE alembic_version (version_num TEXT)", "INSERT INTO alembic_version VALUES ('0001')"],
        ["CREATE TABLE events (id INTEGER, title TEXT)", "CREATE TABLE artifacts (hash TEXT)"],
    ],
)
def test_the_database_of_another_program_is_left_alone(folder, tables):
    path = folder.path / "campaign.db"
    path.unlink()
    for sql in tables:
        raw(folder, sql)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="is the database of another program, not of a campaign"):
        reopen(folder)
    folder.config.unlink()
    with pytest.raises(StoreError, match="is the database of another program"):
        CampaignFolder.create(folder.path, "# other\n")
    assert path.read_bytes() == before
    assert sorted(p.name for p in folder.path.iterdir()) == ["artifacts", "campaign.db", "plates"]


def test_a_log_without_proposals_beside_plates_is_not_the_one_of_this_folder(folder):
    (folder.plates / "results.csv").write_text("not a plate\n")
    reopen(folder)
    (folder.plates / "plate-1.csv").write_text("plate,well\n")
    with pytest.raises(StoreError, match=r"knows of no proposal, and there is .*plate-1\.csv"):
        reopen(folder)
    campaign(folder).propose(4)
    reopen(folder)


def test_a_folder_that_holds_a_log_is_not_adopted(folder):
    one_round(folder)
    folder.config.unlink()
    before = (folder.path / "campaign.db").read_bytes()
    with pytest.raises(InputError, match=r"holds the log of a campaign that has lost its campaign\.toml"):
        CampaignFolder.create(folder.path, "# other\n")
    assert not folder.config.exists()
    assert (folder.path / "campaign.db").read_bytes() == before


# -- folders that one may only read ----------------------------------------------------------------------------------

LOOKING = """
    import ctypes, struct, sys
    sys.path[:0] = {paths!r}
    # root may write everywhere: give that capability (CAP_DAC_OVERRIDE) away
    header, data = (ctypes.create_string_buffer(b) for b in (struct.pack("II", 0x20080522, 0), bytes(24)))
    ctypes.CDLL(None).capget(header, data)
    effective, permitted, *others = struct.unpack("6I", data.raw[:24])
    ctypes.CDLL(None).capset(header, struct.pack("6I", effective & ~2, permitted & ~2, *others))
    from small_campaign import ASSAY, Ridge, singles, answers
    from activeloop.campaigns import Campaign
    from activeloop.errors import StoreError
    from activeloop.store import CampaignFolder
    folder = CampaignFolder.open({path!r})
    loop = Campaign(singles(), [ASSAY], Ridge(), seed=3, log=folder.log, artifacts=folder.artifacts)
    print(len(list(folder.log)), loop.status().measured, len(loop.predict([0, 1])), loop.assess(4).round)
    for write in (lambda: loop.veto(["M1A"]), lambda: folder.check_writable("Nothing was done.")):
        try:
            write()
        except StoreError as error:
            print(error)
"""


def seen_by_others(folder: CampaignFolder) -> list[str]:
    """What somebody sees who may read the folder and not write."""
    paths = [path for path in (folder.path, *folder.path.rglob("*")) if not path.is_symlink()]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        code = textwrap.dedent(LOOKING).format(paths=sys.path, path=str(folder.path))
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    finally:
        for path in paths:
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def test_a_folder_of_another_user_answers_and_says_when_it_cannot_be_written(folder):
    one_round(folder)
    campaign(folder).fit()
    before = sorted(p.name for p in folder.path.iterdir())
    answered, *refused = seen_by_others(folder)
    assert answered == "4 8 2 1"
    assert ["cannot be" in line for line in refused] == [True, True]
    assert "you lack the permission, or the disk is mounted read-only" in refused[1]
    assert sorted(p.name for p in folder.path.iterdir()) == before


def test_what_stands_in_the_write_ahead_log_alone_is_read_too(folder):
    one_round(folder)
    campaign(folder).fit()
    holding = sqlite3.connect(folder.path / "campaign.db")  # keeps the write-ahead log from being folded in
    try:
        holding.execute("SELECT * FROM events").fetchall()
        campaign(folder).veto(["M1A"])
        assert (folder.path / "campaign.db-wal").stat().st_size
        copy = CampaignFolder(folder.path.parent / "copy", folder.log, folder.artifacts)
        copy.path.mkdir()
        for name in ("campaign.db", "campaign.db-wal", "campaign.toml"):
            (copy.path / name).write_bytes((folder.path / name).read_bytes())
        (copy.path / "artifacts").symlink_to(folder.path / "artifacts")
        (copy.path / "plates").mkdir()
        assert seen_by_others(copy)[0] == "5 8 2 1"
    finally:
        holding.close()
