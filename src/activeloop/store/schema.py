"""The tables of SQLite and PostgreSQL alike, and SQLAlchemy's engine for a SQLite file."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.pool import NullPool

metadata = sa.MetaData()

events = sa.Table(
    "events",
    metadata,
    sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("schema_version", sa.Integer(), nullable=False),
    # JSON, not JSONB: it keeps every digit of every number as it was written.
    sa.Column("payload", sa.JSON(), nullable=False),
)

artifacts = sa.Table(
    "artifacts",
    metadata,
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("size", sa.BigInteger(), nullable=False),
    sa.Column("created", sa.String(40), nullable=False),
)

WRITING = {"activeloop_writing": True}
"""Execution options of a connection that will write: it takes the write lock when its transaction begins."""


def sqlite_engine(path: Path, busy_seconds: float) -> sa.Engine:
    """An engine for a database file that several processes may use at once.

    Args:
        path: the file; created on first use.
        busy_seconds: how long a writer waits for another.
    """
    url = sa.URL.create("sqlite+pysqlite", database=str(path))
    engine = sa.create_engine(url, poolclass=NullPool, connect_args={"timeout": busy_seconds})

    @event.listens_for(engine, "connect")
    def _connected(connection, _record):
        connection.isolation_level = None  # transactions are begun below, so that CREATE TABLE is part of them too
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")  # a committed event survives a power cut

    @event.listens_for(engine, "begin")
    def _begun(connection):
        writing = connection.get_execution_options().get("activeloop_writing")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine
