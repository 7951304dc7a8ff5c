"""One schema: the migrations make just what the tables say, on SQLite and on PostgreSQL."""

from __future__ import annotations

import io

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import OperationalError

from activeloop.store import CampaignFolder, SQLiteFile, upgrade
from activeloop.store.migrate import HEAD, alembic_config
from activeloop.store.schema import metadata


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
