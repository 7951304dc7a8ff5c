"""One schema for SQLite and PostgreSQL: opening a database, its tables, bringing it to this release."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from activeloop.errors import StoreError

HEAD = "0001"
"""The newest migration this release knows; migrations are numbered, so a larger number is a newer schema."""

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


BUSY_SECONDS = 10.0
"""How long a writer waits for another before it gives up."""

WRITING = {"activeloop_writing": True}
"""Execution options of a connection that will write: it takes the write lock when its transaction begins."""

_WORDS = {
    "locked": "is locked by another program: close it (or wait for it to end) and try again",
    "busy": "is locked by another program: close it (or wait for it to end) and try again",
    "full": "cannot be written, the disk is full: make room and try again",
    "disk i/o": "cannot be written, the disk is full or failing: make room or check the disk and try again",
    "readonly": "cannot be written: you lack the permission, or the disk is mounted read-only",
    "not a database": "is not a database or is damaged: restore it from a backup",
    "malformed": "is damaged: restore it from a backup",
    "unable to open": "cannot be opened: the folder is missing or you lack the permission",
}


def sqlite_engine(path: Path, busy_seconds: float = BUSY_SECONDS) -> sa.Engine:
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


@contextmanager
def plain_errors(where: str) -> Iterator[None]:
    """Failures of the database as `StoreError`s.

    Args:
        where: how messages name the database.
    """
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        said = str(cause).lower()
        words = next((w for key, w in _WORDS.items() if key in said), f"cannot be used ({cause})")
        raise StoreError(f"{where} {words}. Nothing was written.") from error
