"""The tables of SQLite and PostgreSQL alike, and SQLAlchemy's engines for both."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import NullPool
from sqlalchemy.sql.functions import GenericFunction

from activeloop import tracing

metadata = sa.MetaData()

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

campaigns = sa.Table(
    "campaigns",
    metadata,
    sa.Column("campaign", sa.String(32), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("created", sa.String(40), nullable=False),
    # The row is what writers of a campaign lock; it says where its log ends and with which hash.
    sa.Column("last", _NUMBER, nullable=False),
    sa.Column("head", sa.String(64), nullable=False),
    # put away: nothing is deleted, and it is no longer listed
    sa.Column("archived", sa.Boolean(), nullable=False, server_default=sa.false()),
    # The last event that is in the tables below; how many rounds have results, and whether the next ones begin another.
    sa.Column("projected", _NUMBER, nullable=False, server_default="0"),
    sa.Column("rounds", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("new_round", sa.Integer(), nullable=False, server_default="1"),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("campaign", sa.String(32), sa.ForeignKey("campaigns.campaign"), primary_key=True),
    sa.Column("sequence", _NUMBER, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("actor", sa.String(200), nullable=False),
    sa.Column("request_id", sa.String(200), nullable=False),
    sa.Column("reason", sa.Text(), nullable=False),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("schema_version", sa.Integer(), nullable=False),
    # Text of JSON: it keeps every digit of every number as it was written, and its hash stays the same.
    sa.Column("payload", sa.Text(), nullable=False),
    sa.Column("previous_hash", sa.String(64), nullable=False),
    sa.Index("events_by_request", "campaign", "request_id"),
    # of configured events alone: to say so here, too, would load what SQLAlchemy knows of PostgreSQL on every laptop
    sa.Index("configured_events", "campaign", "sequence"),
)

# What follows from the events, written in their own transactions: for pages, and to open a campaign without reading
# each event. Values are in the units of the campaign's last configuration.


def _of_campaign(name: str, *columns: sa.Column | sa.Index) -> sa.Table:
    key = sa.Column("campaign", sa.String(32), sa.ForeignKey("campaigns.campaign"), primary_key=True)
    return sa.Table(name, metadata, key, *columns)


def _text(name: str) -> sa.Column:
    return sa.Column(name, sa.Text(), nullable=False, server_default="")


def _count(name: str, **options: Any) -> sa.Column:
    return sa.Column(name, _NUMBER, nullable=False, server_default="0", **options)


def _keyed(name: str) -> sa.Column:
    return sa.Column(name, _NUMBER, primary_key=True, autoincrement=False)


results = _of_campaign(
    "results",
    _keyed("event"),
    _keyed("place"),
    *map(_text, ("candidate", "assay")),
    sa.Column("value", sa.Double()),
    *map(_text, ("qualifier",)),
    _count("replicate"),
    *map(_text, ("plate", "well", "measured_at", "file")),
    _count("file_row"),
    _count("control"),
    sa.Column("error", sa.Double(), nullable=False),
    _count("round"),
    sa.Column("void", sa.Text()),
    _count("void_event"),
    sa.Index("results_by_candidate", "campaign", "candidate"),
    sa.Index("results_by_plate", "campaign", "plate"),
)
"""A row for each measured row: `value` is NULL of a failed well, `void` where it counts; counted from 0: `round`."""

files = _of_campaign(
    "files",
    _keyed("event"),
    *map(_text, ("source", "content_hash", "grown_from")),
    _count("repeats"),
    _count("corrects"),
    _count("size"),
)
"""A row for each event that stored results; `corrects` is the first event that it corrects, 0 when none."""

picks = _of_campaign(
    "picks",
    _keyed("event"),
    _keyed("place"),
    _count("proposal"),
    _count("version"),
    _count("rank"),
    *map(_text, ("candidate", "reason")),
    *(sa.Column(name, sa.Double()) for name in ("score", "mean", "low", "high")),
    sa.Index("picks_by_proposal", "campaign", "proposal"),
)
"""A row for each candidate of each proposal; figures are NULL where there is none."""

plates = _of_campaign(
    "plates",
    sa.Column("plate", sa.String(80), primary_key=True),
    _count("proposal"),
    _count("picks"),
    *map(_text, ("sent_to", "sent_at", "note", "device", "run", "outcome", "finished_at")),
)
"""A row for each plate that was proposed or sent, or on which a run ended; the last run counts."""

versions = _of_campaign(
    "versions",
    _keyed("event"),
    _count("number"),
    *map(_text, ("at", "learner", "data_hash", "code_version", "metrics", "explanation", "artifact", "held_back")),
    _count("current"),
    _count("outdated"),
)
"""A row for each version; `metrics` is JSON."""

PROJECTED = (results, files, picks, plates, versions)
"""The tables that follow from the events."""

artifacts = sa.Table(
    "artifacts",
    metadata,
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("media_type", sa.String(100), nullable=False),
    sa.Column("size", sa.BigInteger(), nullable=False),
    sa.Column("created", sa.String(40), nullable=False),
)

artifact_owners = sa.Table(
    "artifact_owners",
    metadata,
    sa.Column("campaign", sa.String(32), sa.ForeignKey("campaigns.campaign"), primary_key=True),
    sa.Column("hash", sa.String(64), sa.ForeignKey("artifacts.hash"), primary_key=True),
)

work = sa.Table(
    "work",
    metadata,
    sa.Column("campaign", sa.String(32), sa.ForeignKey("campaigns.campaign"), primary_key=True),
    sa.Column("kind", sa.String(20), primary_key=True),
    # moments in seconds since 1970 by the clock of the database, as which all machines agree
    sa.Column("first_change", sa.Double()),
    sa.Column("last_change", sa.Double()),
    sa.Column("not_before", sa.Double()),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("until", sa.Double()),
    sa.Column("fence", sa.Integer(), nullable=False),
    sa.Column("attempts", sa.Integer(), nullable=False),
    sa.Column("stage", sa.String(20), nullable=False),
    sa.Column("share", sa.Double(), nullable=False),
    sa.Column("words", sa.Text(), nullable=False),
    sa.Column("printed", sa.Text(), nullable=False),
    # since when its stage is what it is, by the same clock; what somebody asked for beyond the campaign's settings
    sa.Column("since", sa.Double(), nullable=False, server_default="0"),
    sa.Column("ordered", sa.Text(), nullable=False, server_default=""),
)
"""What may be due for a campaign: a row for each kind of work, which whoever does it holds for a while."""

people = sa.Table(
    "people",
    metadata,
    # issuer and subject, as the identity provider gives them
    sa.Column("person", sa.String(300), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("email", sa.String(300), nullable=False),
    sa.Column("created", sa.String(40), nullable=False),
    # sessions that began before are over; seconds since 1970
    sa.Column("signed_out", sa.Double(), nullable=False),
)

members = sa.Table(
    "members",
    metadata,
    sa.Column("campaign", sa.String(32), sa.ForeignKey("campaigns.campaign"), primary_key=True),
    sa.Column("person", sa.String(300), sa.ForeignKey("people.person"), primary_key=True),
    sa.Column("role", sa.String(20), nullable=False),
)

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("token", sa.String(32), primary_key=True),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("person", sa.String(300), sa.ForeignKey("people.person"), nullable=False),
    sa.Column("role", sa.String(20), nullable=False),
    # the only campaign that it is for; "" = all of its person
    sa.Column("campaign", sa.String(32), nullable=False),
    sa.Column("created", sa.String(40), nullable=False),
    sa.Column("expires", sa.Double()),
    sa.Column("revoked", sa.Boolean(), nullable=False),
    sa.Index("tokens_by_hash", "hash", unique=True),
)

requests = sa.Table(
    "requests",
    metadata,
    sa.Column("person", sa.String(300), primary_key=True),
    sa.Column("key", sa.String(200), primary_key=True),
    # of method, path and body: a key stands for one request
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("begun", sa.Double(), nullable=False),
    # 0 while it is being done
    sa.Column("status", sa.Integer(), nullable=False),
    sa.Column("body", sa.Text(), nullable=False),
)
"""Requests that were answered: one that comes again with the same key is answered by what was answered."""

webhooks = sa.Table(
    "webhooks",
    metadata,
    sa.Column("webhook", sa.String(32), primary_key=True),
    sa.Column("campaign", sa.String(32), sa.ForeignKey("campaigns.campaign"), nullable=False),
    sa.Column("url", sa.Text(), nullable=False),
    sa.Column("secret", sa.String(100), nullable=False),
    sa.Column("kinds", sa.Text(), nullable=False),
    sa.Column("created", sa.String(40), nullable=False),
    # the last event that was delivered, or is none of its kinds
    sa.Column("delivered", _NUMBER, nullable=False),
    sa.Column("attempts", sa.Integer(), nullable=False),
    sa.Column("not_before", sa.Double(), nullable=False),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("until", sa.Double(), nullable=False),
    sa.Column("words", sa.Text(), nullable=False),
    sa.Column("stopped", sa.Boolean(), nullable=False),
)
"""Who is told of a campaign's events; the log itself is the list of what there is to deliver."""

access_log = sa.Table(
    "access_log",
    metadata,
    sa.Column("sequence", _NUMBER, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("actor", sa.String(300), nullable=False),
    sa.Column("campaign", sa.String(32), nullable=False),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("payload", sa.Text(), nullable=False),
    sa.Column("previous_hash", sa.String(64), nullable=False),
    sa.Index("access_log_by_campaign", "campaign"),
)
"""What was done that is no event of a campaign, such as a new member or a signature; a chain of hashes."""

secrets = sa.Table(
    "secrets",
    metadata,
    sa.Column("name", sa.String(40), primary_key=True),
    sa.Column("value", sa.Text(), nullable=False),
)
"""What servers of one database share, such as the secret that signs the sessions of a machine's one user."""

UNWALLED = (members, tokens, access_log)
"""Tables with a campaign whose rows no policy of PostgreSQL hides: by them it is found who may see what."""

#: kind of event -> the kind of work that may be due once it is written
DUE_AFTER = {
    "measured": "fit",
    "voided": "fit",
    "configured": "fit",
    "extended": "fit",
    "fitted": "distil",
    "promoted": "distil",
    "robot-ordered": "robot",
}


class database_time(GenericFunction[float]):
    """Seconds since 1970 by the clock of the database, with milliseconds at least."""

    type = sa.Double()
    inherit_cache = True


@compiles(database_time, "sqlite")
def _of_sqlite(*_: object, **__: object) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(database_time, "postgresql")
def _of_postgresql(*_: object, **__: object) -> str:
    return "extract(epoch from clock_timestamp())::double precision"


#: what the hash of an event covers, in this order; its sequence number and the hash before it make a chain of the log
HASHED = ("sequence", "at", "actor", "request_id", "reason", "kind", "schema_version", "payload", "previous_hash")

WRITING = {"activeloop_writing": True}
"""Execution options of a connection that will write: SQLite takes the write lock when its transaction begins."""


def event_hash(row: Mapping[Any, Any]) -> str:
    """The hash of an event as it stands in its table, with the hash of the one before it: 64 hexadecimal digits.

    Args:
        row: its columns, those of `HASHED` at least.

    >>> first = dict.fromkeys(HASHED, "") | {"sequence": 1}
    >>> event_hash(first) == event_hash(first | {"sequence": 2})
    False
    """
    digest = hashlib.sha256()
    for name in HASHED:
        value = str(row[name]).encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(value) + value)  # with its length, so that no text can run over into the next
    return digest.hexdigest()


SILENT = 30_000
"""Milliseconds for which a transaction may do nothing on a PostgreSQL server."""


def sqlite_engine(path: Path, busy_seconds: float) -> sa.Engine:
    """An engine for a database file that several processes may use at once.

    Args:
        path: the file; created on first use.
        busy_seconds: how long a writer waits for another.
    """
    url = sa.URL.create("sqlite+pysqlite", database=str(path))
    engine = sa.create_engine(url, poolclass=NullPool, connect_args={"timeout": busy_seconds})
    tracing.watch(engine)

    @event.listens_for(engine, "connect")
    def _connected(connection, _record):
        connection.isolation_level = None  # transactions are begun below, so that CREATE TABLE is part of them too
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")  # a committed event survives a power cut

    @event.listens_for(engine, "begin")
    def _begun(connection):
        options = connection.get_execution_options()
        writing = options.get("activeloop_writing")
        if not options.get("activeloop_durable", True):  # this connection is used once
            connection.exec_driver_sql("PRAGMA synchronous=NORMAL")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def postgresql_engine(url: str, connections: int) -> sa.Engine:
    """An engine for a PostgreSQL server, through psycopg 3.

    Args:
        url: `postgresql://user@host/database`.
        connections: maximum number that a process holds open.
    """
    address = sa.make_url(url).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(address, pool_size=connections, max_overflow=0, pool_pre_ping=True)
    tracing.watch(engine)

    @event.listens_for(engine, "connect")
    def _connected(connection, _record):
        # A machine that was stopped, or cut off, in the middle of a transaction must not keep its locks.
        with connection.cursor() as cursor:
            cursor.execute(f"SET idle_in_transaction_session_timeout = {SILENT}")
        connection.commit()

    return engine
