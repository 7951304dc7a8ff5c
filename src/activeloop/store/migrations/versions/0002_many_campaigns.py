"""Many campaigns in a database: each has its own numbers, and its events form a chain of hashes."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import context, op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


HASHED = ("sequence", "at", "actor", "request_id", "reason", "kind", "schema_version", "payload", "previous_hash")


def event_hash(row: dict) -> str:
    """As it was when this step was written: a step never changes, whatever the code of later releases does."""
    digest = hashlib.sha256()
    for name in HASHED:
        value = str(row[name]).encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(value) + value)
    return digest.hexdigest()


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "campaigns",
        sa.Column("campaign", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("created", sa.String(40), nullable=False),
        sa.Column("last", number, nullable=False),
        sa.Column("head", sa.String(64), nullable=False),
    )
    op.rename_table("events", "old_events")
    events = op.create_table(
        "events",
        sa.Column("campaign", sa.String(32), sa.ForeignKey("campaigns.campaign"), primary_key=True),
        sa.Column("sequence", number, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("request_id", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("schema_version", sa.Integer(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
    )
    op.create_index("events_by_request", "events", ["campaign", "request_id"])
    op.create_table(
        "artifact_owners",
        sa.Column("campaign", sa.String(32), sa.ForeignKey("campaigns.campaign"), primary_key=True),
        sa.Column("hash", sa.String(64), sa.ForeignKey("artifacts.hash"), primary_key=True),
    )
    op.create_table(
        "work",
        sa.Column("campaign", sa.String(32), sa.ForeignKey("campaigns.campaign"), primary_key=True),
        sa.Column("kind", sa.String(20), primary_key=True),
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
    )
    with op.batch_alter_table("artifacts") as artifacts:
        artifacts.alter_column("kind", new_column_name="media_type", type_=sa.String(100), existing_nullable=False)
    if not context.is_offline_mode():
        _move(op.get_bind(), events)
    op.drop_table("old_events")


def _move(connection: sa.Connection, events: sa.Table) -> None:
    """The events of the one campaign that a database held until now; an empty database holds none."""
    text = sa.text("SELECT sequence, at, kind, schema_version, CAST(payload AS TEXT) FROM old_events ORDER BY sequence")
    numbers = [n for (n,) in connection.execute(sa.text("SELECT sequence FROM old_events ORDER BY sequence"))]
    stored = connection.execute(sa.text("SELECT count(*) FROM artifacts")).scalar_one()
    if not numbers and not stored:
        return
    campaign, head, last, created = uuid.uuid4().hex, "", 0, datetime.now(UTC).isoformat(timespec="milliseconds")
    row = {"campaign": campaign, "name": "", "created": created, "last": 0, "head": ""}
    connection.execute(sa.text("INSERT INTO campaigns VALUES (:campaign, :name, :created, :last, :head)"), row)
    for sequence, at, kind, schema, payload in connection.execute(text):
        moved = {
            "campaign": campaign, "sequence": sequence, "at": at, "actor": "", "request_id": "", "reason": "",
            "kind": kind, "schema_version": schema, "payload": payload, "previous_hash": head,
        }  # fmt: skip
        connection.execute(sa.insert(events), moved)
        head, last = event_hash(moved), sequence
    ends = {"campaign": campaign, "last": last, "head": head, "created": created}
    connection.execute(sa.text("UPDATE campaigns SET last = :last, head = :head WHERE campaign = :campaign"), ends)
    connection.execute(sa.text("INSERT INTO artifact_owners SELECT :campaign, hash FROM artifacts"), ends)
    connection.execute(sa.text("UPDATE artifacts SET media_type = 'application/x-npz'"))
