"""The tables, the same for SQLite and PostgreSQL."""

from __future__ import annotations

import sqlalchemy as sa

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
