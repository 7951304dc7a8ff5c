"""What Alembic runs: on the open connection that `activeloop.store.migrate` hands over, or as text of SQL."""

from __future__ import annotations

from alembic import context

from activeloop.store.schema import metadata


def run() -> None:
    config = context.config
    if context.is_offline_mode():
        context.configure(dialect_name=config.get_main_option("dialect"), target_metadata=metadata)
    else:
        # The caller has opened the transaction: a step is done whole or not at all, also in SQLite.
        context.configure(connection=config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


if hasattr(context, "config"):  # only Alembic provides it; whoever merely imports this file migrates nothing
    run()
