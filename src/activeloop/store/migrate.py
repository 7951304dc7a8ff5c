"""Bringing a database to the schema of this release: forwards only, whole steps only."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from activeloop.errors import StoreError
from activeloop.store.database import HEAD, WRITING

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(engine: sa.Engine, where: str) -> None:
    """Run the migrations that a database lacks, all in one transaction; does nothing when there is none.

    Args:
        engine: of the database.
        where: how messages name it.

    Raises:
        StoreError: a newer ActiveLoop wrote it; nothing was changed.
    """
    with engine.connect() as connection:
        if _revision(connection, where) == HEAD:
            return
    # Another process may have been faster: ask again once nobody else can write.
    with engine.connect().execution_options(**WRITING) as connection, connection.begin():
        if _revision(connection, where) == HEAD:
            return
        from alembic import command

        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def alembic_config():
    """Alembic's settings; it needs no ini file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _revision(connection: sa.Connection, where: str) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    if found is not None and found > HEAD:
        raise StoreError(
            f"{where} was written by a newer ActiveLoop (schema {found}, this one knows {HEAD}): upgrade with "
            '"pip install --upgrade activeloop-bio". Nothing was changed.'
        )
    return found
