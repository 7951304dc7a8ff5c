"""Work says since when it stands as it does, and what somebody asked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("work", sa.Column("since", sa.Double(), nullable=False, server_default="0"))
    op.add_column("work", sa.Column("ordered", sa.Text(), nullable=False, server_default=""))
