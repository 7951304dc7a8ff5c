"""Bringing a database to the schema of this release: forwards only, whole steps only."""

from __future__ import annotations

from pathlib import Path

from activeloop.errors import StoreError
from activeloop.store.database import SQLiteFile

HEAD = "0001"
"""The newest migration this release knows; migrations are numbered, so a larger number is a newer schema."""

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database: SQLiteFile, where: str) -> None:
    """Run the migrations that a database lacks, all in one transaction; does nothing when there is none.

    Args:
        database: the database.
        where: how messages name it.

    Raises:
        StoreError: a newer ActiveLoop wrote it; nothing was changed.
    """
    if _revision(database, where) == HEAD:
        return
    from alembic import command

    from activeloop.store.schema import WRITING

    # Another process may have been faster; once nobody else can write, Alembic looks again.
    with database.engine.connect().execution_options(**WRITING) as connection, connection.begin():
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


def _revision(database: SQLiteFile, where: str) -> str | None:
    if not database.read("SELECT name FROM sqlite_master WHERE name = 'alembic_version'"):
        return None
    found = [number for (number,) in database.read("SELECT version_num FROM alembic_version")]
    if found and found[0] > HEAD:
        raise StoreError(
            f"{where} was written by a newer ActiveLoop (schema {found[0]}, this one knows {HEAD}): upgrade with "
            '"pip install --upgrade activeloop-bio". Nothing was changed.'
        )
    return found[0] if found else None
