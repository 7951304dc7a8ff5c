"""One schema: the migrations make just what the tables say, on SQLite and on PostgreSQL."""

from __future__ import annotations

import io
import math
import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import OperationalError

from activeloop.campaigns import CampaignState, Configured, Measured, Voided
from activeloop.measurements import Assay, Measurement
from activeloop.store import CampaignFolder, SQLiteFile, SQLLog, upgrade
from activeloop.store.migrate import HEAD, alembic_config
from activeloop.store.schema import event_hash, events, metadata


def test_the_newest_migration_is_the_one_this_release_knows():
    assert ScriptDirectory.from_config(alembic_config()).get_current_head() == HEAD


def test_migrations_and_tables_agree(database):
    upgrade(database, "the database", fresh=True)
    upgrade(database, "the database", fresh=True)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_migrations_can_be_read_as_statements():
    config, text = alembic_config(), io.StringIO()
    config.set_main_option("dialect", "postgresql")
    config.output_buffer = text
    command.upgrade(config, "head", sql=True)
    written = text.getvalue()
    assert "sequence BIGINT NOT NULL" in written
    assert "sequence BIGSERIAL" not in written  # numbers are given by the log: a sequence would leave gaps
    assert "PRIMARY KEY (campaign, sequence)" in written


def test_a_database_of_before_has_the_tables_that_follow_from_its_events(database, tmp_path):
    written = SQLLog(SQLiteFile(tmp_path / "other.db"))
    upgrade(written.database, "other.db", fresh=True)
    rows = [Measurement("K2R", "kcat", 1.5, plate="P1", well="A1"), Measurement("T3S", "kcat", math.nan, row=3)]
    configured = Configured((Assay("kcat", "1/s"),), "pool", "all", 0)
    per_minute = Configured((Assay("kcat", "1/min"),), "pool", "all", 0)
    happened = (configured, Measured(tuple(rows), "r.csv", "h"), Voided(2, (3,), "bubble"), per_minute)
    for after, event in enumerate(happened):
        written.append(event, after=after)
    with database.writing() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        own = "INSERT INTO campaigns (campaign, name, created, last, head) VALUES (:campaign, '', '', 4, :head)"
        head = event_hash(written.rows()[-1])
        connection.execute(sa.text(own), {"campaign": written.campaign, "head": head})
        names = [c.name for c in events.columns]
        told = [{"campaign": written.campaign, **row} for row in written.rows()]
        columns = ", ".join(names), ", ".join(f":{n}" for n in names)
        connection.execute(sa.text(f"INSERT INTO events ({columns[0]}) VALUES ({columns[1]})"), told)
    upgrade(database, "the database")
    log = SQLLog(database)
    assert log.verify() == ()
    assert log.differences(list(log)) == []
    found = database.read("SELECT candidate, value, void FROM results ORDER BY place")
    assert [tuple(row) for row in found] == [("K2R", 90.0, None), ("T3S", None, "bubble")]


@pytest.mark.parametrize("name", ["singles", "two-assays", "taught"])
def test_a_folder_of_a_former_release_has_them_too(tmp_path, name):
    folder = shutil.copytree(Path(__file__).parents[1] / "golden" / "campaigns" / name, tmp_path / "loop")
    log = CampaignFolder.open(folder).log
    assert log.differences(list(log)) == []
    counted = [r.measurement.candidate for r in CampaignState.of(log).results]
    listed = log.database.read("SELECT candidate FROM results ORDER BY event, place")
    assert [name for (name,) in listed] == counted != []


def test_a_migration_that_dies_leaves_nothing(tmp_path):
    database = SQLiteFile(tmp_path / "x.db")
    with database.engine.connect() as connection:
        connection.exec_driver_sql("CREATE VIEW artifacts AS SELECT 1")  # in the way of the second table
        connection.commit()
    with pytest.raises(OperationalError, match="artifacts already exists"):
        upgrade(database, "x.db", fresh=True)
    assert sa.inspect(database.engine).get_table_names() == []


def test_sqlite_waits_syncs_and_keeps_a_write_ahead_log(tmp_path):
    folder = CampaignFolder.create(tmp_path / "x", "")
    with folder.log.database.engine.connect() as connection:
        ask = [
            connection.exec_driver_sql(f"PRAGMA {p}").scalar() for p in ("journal_mode", "synchronous", "busy_timeout")
        ]
    assert ask == ["wal", 2, 10_000]


def test_a_file_that_is_kept_open_is_moved_together_when_it_is_closed(tmp_path):
    database = SQLiteFile(tmp_path / "x.db")
    upgrade(database, "x", fresh=True)
    log = tmp_path / "x.db-wal"
    with database.kept_open():
        for number in range(3):
            with database.writing() as connection:
                connection.execute(sa.text(f"CREATE TABLE freezer_{number} (name TEXT)"))
            assert log.stat().st_size
            assert f"freezer_{number}" in SQLiteFile(database.path).tables()
    assert not log.exists()
    assert "freezer_2" in database.tables()
