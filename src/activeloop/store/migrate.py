"""Bringing a database to the schema of this release: forwards only, whole steps only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from activeloop.errors import StoreError
from activeloop.store.database import Database

HEAD = "0007"
"""The newest migration this release knows; migrations are numbered, so a larger number is a newer schema."""

COLUMNS = {
    "alembic_version": {"version_num"},
    "events": {"sequence", "at", "kind", "schema_version", "payload"},
    "artifacts": {"hash"},
}
"""Tables, and columns of them, that every campaign has had since the first release."""
_RESTORE = "put back the campaign's own from a backup. Nothing was changed."

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database: Database, where: str, *, fresh: bool = False) -> None:
    """Run the migrations that a database lacks, all in one transaction; does nothing when there is none.

    Args:
        database: the database.
        where: how messages name it.
        fresh: whether it may be empty or missing, and is filled then.

    Raises:
        StoreError: it is empty, another program's, or of a newer ActiveLoop; nothing was changed.
    """
    tables = database.tables()
    if not tables and not fresh:
        raise StoreError(f"{where} is empty, and the results of the campaign stood in it: {_RESTORE}")
    if tables:
        _refuse_foreign(where, tables)
        if _revision(database, where) == HEAD:
            return
    from alembic import command

    # Another process may have been faster; once nobody else can write, Alembic looks again.
    with database.writing() as connection:
        database.lock_schema(connection)
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        from activeloop.store.projections import catch_up

        catch_up(connection)


def alembic_config():
    """Alembic's settings; it needs no ini file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _refuse_foreign(where: str, tables: Mapping[str, set[str]]) -> None:
    """Refuse a database that lacks our tables, or whose tables of these names are others."""
    if any(not columns <= tables.get(name, set()) for name, columns in COLUMNS.items()):
        raise StoreError(f"{where} is the database of another program, not of a campaign: {_RESTORE}")


def _revision(database: Database, where: str) -> str | None:
    found = [number for (number,) in database.read("SELECT version_num FROM alembic_version")]
    if found and found[0] > HEAD:
        raise StoreError(
            f"{where} was written by a newer ActiveLoop (schema {found[0]}, this one knows {HEAD}): upgrade with "
            '"pip install --upgrade activeloop-bio". Nothing was changed.'
        )
    return found[0] if found else None
