"""Tables that follow from the events; `activeloop.store.migrate` fills them once they are there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(name: str) -> sa.Column:
    return sa.Column(name, sa.Text(), nullable=False, server_default="")


def _count(name: str) -> sa.Column:
    return sa.Column(name, NUMBER, nullable=False, server_default="0")


def _keyed(name: str) -> sa.Column:
    return sa.Column(name, NUMBER, primary_key=True, autoincrement=False)


def _table(name: str, *columns: sa.Column) -> None:
    key = sa.Column("campaign", sa.String(32), sa.ForeignKey("campaigns.campaign"), primary_key=True)
    op.create_table(name, key, *columns)


def upgrade() -> None:
    op.add_column("campaigns", _count("projected"))
    op.add_column("campaigns", sa.Column("rounds", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("campaigns", sa.Column("new_round", sa.Integer(), nullable=False, server_default="1"))
    _table(
        "results",
        _keyed("event"),
        _keyed("place"),
        _text("candidate"),
        _text("assay"),
        sa.Column("value", sa.Double()),
        _text("qualifier"),
        _count("replicate"),
        _text("plate"),
        _text("well"),
        _text("measured_at"),
        _text("file"),
        _count("file_row"),
        _count("control"),
        sa.Column("error", sa.Double(), nullable=False),
        _count("round"),
        sa.Column("void", sa.Text()),
        _count("void_event"),
    )
    op.create_index("results_by_candidate", "results", ["campaign", "candidate"])
    op.create_index("results_by_plate", "results", ["campaign", "plate"])
    _table(
        "files",
        _keyed("event"),
        _text("source"),
        _text("content_hash"),
        _text("grown_from"),
        _count("repeats"),
        _count("corrects"),
        _count("size"),
    )
    figures = [sa.Column(name, sa.Double()) for name in ("score", "mean", "low", "high")]
    _table(
        "picks",
        _keyed("event"),
        _keyed("place"),
        _count("proposal"),
        _count("version"),
        _count("rank"),
        _text("candidate"),
        _text("reason"),
        *figures,
    )
    op.create_index("picks_by_proposal", "picks", ["campaign", "proposal"])
    words = ("sent_to", "sent_at", "note", "device", "run", "outcome", "finished_at")
    _table(
        "plates",
        sa.Column("plate", sa.String(80), primary_key=True),
        _count("proposal"),
        _count("picks"),
        *map(_text, words),
    )
    words = ("at", "learner", "data_hash", "code_version", "metrics", "explanation", "artifact", "held_back")
    _table("versions", _keyed("event"), _count("number"), *map(_text, words), _count("current"), _count("outdated"))
