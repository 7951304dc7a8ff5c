"""PostgreSQL shows a request the rows of its own campaigns alone; servers share the secret that signs sessions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

WALLED = (
    *("campaigns", "events", "results", "files", "picks", "plates", "versions"),
    *("artifact_owners", "work", "webhooks"),
)
#: the subqueries are evaluated once for a query, not for each row
MAY = (
    "(SELECT coalesce(current_setting('activeloop.campaigns', true), '') IN ('', '*')) OR "
    "campaign = ANY ((SELECT string_to_array(current_setting('activeloop.campaigns', true), ','))::text[])"
)


def upgrade() -> None:
    op.create_table(
        "secrets", sa.Column("name", sa.String(40), primary_key=True), sa.Column("value", sa.Text(), nullable=False)
    )
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in WALLED:
        op.execute(f"CREATE POLICY own_campaigns ON {table} USING ({MAY}) WITH CHECK ({MAY})")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")  # also for whoever owns it, as a server does
