"""Databases of campaigns, a file or a server, and their failures in words."""

from __future__ import annotations

import os
import shutil
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

from activeloop import tracing
from activeloop.errors import StoreError

if TYPE_CHECKING:
    import sqlalchemy as sa

T = TypeVar("T")
Reader = Callable[..., Iterable[Any]]

RETRIES = 5
"""How often a file is read anew because another program wrote to it meanwhile."""
BUSY_SECONDS = 10.0
"""How long a writer waits for another before it gives up."""
_MIGRATING = 0x616374697665
"""The number of the lock that a process holds on a PostgreSQL server while it migrates."""


class Database(ABC):
    """Where campaigns are stored: the statements that write are the same for SQLite and PostgreSQL."""

    @property
    @abstractmethod
    def engine(self) -> sa.Engine:
        """SQLAlchemy's engine."""

    @abstractmethod
    def at_one_moment(self, ask: Callable[[Reader], T]) -> T:
        """What is read in several queries, between which nobody writes.

        Args:
            ask: called with a function from a query in SQL that both databases know, with parameters as `:name`, and
                their values, to its rows; again where a file changed meanwhile.
        """

    def read(self, query: str, **parameters: object) -> list[tuple[Any, ...]]:
        """The rows of one query; see `at_one_moment`."""
        return self.at_one_moment(lambda read: list(read(query, **parameters)))

    @abstractmethod
    def tables(self) -> dict[str, set[str]]:
        """The columns of every table; {} of an empty database, and of one that does not exist yet."""

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[sa.Connection]:
        """A connection in a transaction that writes: committed at the end of the block, undone by an exception.

        Args:
            durable: whether a power cut right afterwards must not undo it. Where it may, others wait less long.
        """
        from activeloop.store.schema import WRITING

        options = {**WRITING, "activeloop_durable": durable}
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """While the block runs, questions and writes of this process cost less; for one that asks all the time."""
        yield

    def close(self) -> None:
        """Close its connections; it can be used again."""
        self.engine.dispose()

    @abstractmethod
    def lock_schema(self, connection: sa.Connection) -> None:
        """Let nobody else migrate until the transaction ends."""


@dataclass(frozen=True)
class PostgreSQL(Database):
    """A database of a PostgreSQL server; needs psycopg 3 (the extra `server`).

    Args:
        url: `postgresql://user@host/database`.
        connections: maximum number that this process holds open.
    """

    url: str
    connections: int = 5

    @cached_property
    def engine(self) -> sa.Engine:
        """SQLAlchemy's engine."""
        from activeloop.store.schema import postgresql_engine

        try:
            return postgresql_engine(self.url, self.connections)
        except ModuleNotFoundError as error:
            raise StoreError('PostgreSQL needs psycopg: install it with "pip install psycopg[binary]".') from error

    def at_one_moment(self, ask: Callable[[Reader], T]) -> T:
        """What is read in several queries; see `Database.at_one_moment`."""
        import sqlalchemy as sa

        with self.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            return ask(lambda query, **parameters: map(tuple, connection.execute(sa.text(query), parameters)))

    def tables(self) -> dict[str, set[str]]:
        """The columns of every table of the schema that tables are made in."""
        found: dict[str, set[str]] = {}
        listed = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()"
        for table, column in self.read(listed):
            found.setdefault(table, set()).add(column)
        return found

    def lock_schema(self, connection: sa.Connection) -> None:
        """Let nobody else migrate until the transaction ends."""
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATING})")


@dataclass(frozen=True)
class SQLiteFile(Database):
    """A SQLite database that several processes may use at once.

    Args:
        path: the file; created on first use.
        busy_seconds: how long to wait for another program that is writing.
    """

    path: Path
    busy_seconds: float = BUSY_SECONDS

    @cached_property
    def engine(self) -> sa.Engine:
        """SQLAlchemy's engine."""
        from activeloop.store.schema import sqlite_engine

        return sqlite_engine(self.path, self.busy_seconds)

    def tables(self) -> dict[str, set[str]]:
        """The columns of every table; {} where there is no file yet."""
        named = self.read("SELECT name FROM sqlite_master WHERE type = 'table'") if self.path.exists() else []
        return {name: {row[1] for row in self.read(f'PRAGMA table_info("{name}")')} for (name,) in named}

    def at_one_moment(self, ask: Callable[[Reader], T]) -> T:
        """See `Database.at_one_moment`; by the standard library: importing SQLAlchemy takes longer than most commands.

        It needs no permission to write, and no room.
        """
        try:
            with closing(sqlite3.connect(self.path, timeout=self.busy_seconds, isolation_level=None)) as connection:
                return _asked(connection, ask)
        except sqlite3.OperationalError as error:
            if not self.path.is_file() or not any(word in str(error).lower() for word in _NO_WRITING):
                raise
        return self._ask_without_writing(ask)

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """See `Database.kept_open`: whoever closes a file last moves what was written into it, and waits for that."""
        with plain_errors(str(self.path)), closing(sqlite3.connect(self.path, check_same_thread=False)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchall()  # opens it; nothing is locked after
            yield

    def lock_schema(self, connection: sa.Connection) -> None:
        """Nothing more: SQLite lets one write at a time."""

    def _ask_without_writing(self, ask: Callable[[Reader], T]) -> T:
        """As `at_one_moment`, where SQLite may not keep the index of its write-ahead log beside the file."""
        for _ in range(RETRIES):
            before = self._stamp()
            with TemporaryDirectory() as folder:
                path, options = self.path, "mode=ro&immutable=1"
                if before[1] is not None and before[1][0]:  # written, and not yet in the file itself
                    path, options = Path(folder, self.path.name), "mode=rw"
                    for ending in ("", "-wal"):
                        shutil.copyfile(f"{self.path}{ending}", f"{path}{ending}")
                with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{options}", uri=True)) as connection:
                    found = _asked(connection, ask)
            if self._stamp() == before:
                return found
        problem = f"{self.path} is being written by another program again and again: try again later."
        raise StoreError(problem)

    def _stamp(self) -> list[tuple[int, int] | None]:
        """Size and time of the file and of its write-ahead log."""
        files = [Path(f"{self.path}{ending}") for ending in ("", "-wal")]
        return [(s.st_size, s.st_mtime_ns) if (s := _status(path)) else None for path in files]


def _asked(connection: sqlite3.Connection, ask: Callable[[Reader], T]) -> T:
    connection.execute("BEGIN")

    def read(query: str, **parameters: object) -> Iterable[Any]:
        with tracing.statement("sqlite", query):
            return connection.execute(query, parameters)

    return ask(read)


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def insert_of(connection: sa.Connection) -> Any:
    """The database's own `insert`, which knows `on_conflict_do_nothing`."""
    return import_module(f"sqlalchemy.dialects.{connection.dialect.name}").insert


#: in errors of SQLite when it cannot write beside a file that it could read
_NO_WRITING = ("unable to open", "readonly", "read-only", "disk i/o", "full")

_WORDS = {
    "could not decode": "is damaged: restore it from a backup",
    "locked": "is locked by another program: close it (or wait for it to end) and try again",
    "busy": "is locked by another program: close it (or wait for it to end) and try again",
    "full": "cannot be written, the disk is full: make room and try again",
    "disk i/o": "cannot be written, the disk is full or failing: make room or check the disk and try again",
    "readonly": "cannot be written: you lack the permission, or the disk is mounted read-only",
    "not a database": "is not a database or is damaged: restore it from a backup",
    "malformed": "is damaged: restore it from a backup",
    "unable to open": "cannot be opened: the folder is missing or you lack the permission",
    "connection": "cannot be reached: start the server, or mend its address (DATABASE_URL)",
}


@contextmanager
def plain_errors(where: str) -> Iterator[None]:
    """Failures of the database as `StoreError`s.

    Args:
        where: how messages name the database.
    """
    try:
        yield
    except Exception as error:
        cause = getattr(error, "orig", None) or error  # SQLAlchemy's errors carry the driver's
        if cause is error and not isinstance(error, sqlite3.Error):
            raise
        problem = str(cause).lower()
        words = next((w for key, w in _WORDS.items() if key in problem), f"cannot be used ({cause})")
        raise StoreError(f"{where} {words}. Nothing was written.") from error
