"""How a campaign is configured is found without reading its other events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    chosen = sa.text("kind = 'configured'")
    op.create_index(
        "configured_events", "events", ["campaign", "sequence"], sqlite_where=chosen, postgresql_where=chosen
    )
