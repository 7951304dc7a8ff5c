"""The database file of a campaign, and its failures in words."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from activeloop.errors import StoreError

if TYPE_CHECKING:
    import sqlalchemy as sa

RETRIES = 5
"""How often a file is read anew because another program wrote to it meanwhile."""
BUSY_SECONDS = 10.0
"""How long a writer waits for another before it gives up."""


@dataclass(frozen=True)
class SQLiteFile:
    """A SQLite database that several processes may use at once.

    Args:
        path: the file; created on first use.
        busy_seconds: how long to wait for another program that is writing.
    """

    path: Path
    busy_seconds: float = BUSY_SECONDS

    @cached_property
    def engine(self) -> sa.Engine:
        """What writes: the code that writes is the same for PostgreSQL."""
        from activeloop.store.schema import sqlite_engine

        return sqlite_engine(self.path, self.busy_seconds)

    def read(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """The rows of a query; by the standard library, since importing SQLAlchemy takes longer than most commands.

        It needs no permission to write, and no room.
        """
        try:
            with closing(sqlite3.connect(self.path, timeout=self.busy_seconds)) as connection:
                return connection.execute(query, parameters).fetchall()
        except sqlite3.OperationalError as error:
            if not self.path.is_file() or not any(word in str(error).lower() for word in _NO_WRITING):
                raise
        return self._read_without_writing(query, parameters)

    def _read_without_writing(self, query: str, parameters: tuple[object, ...]) -> list[tuple[Any, ...]]:
        """As `read`, where SQLite may not keep the index of its write-ahead log beside the file."""
        for _ in range(RETRIES):
            before = self._stamp()
            with TemporaryDirectory() as folder:
                path, options = self.path, "mode=ro&immutable=1"
                if before[1] is not None and before[1][0]:  # written, and not yet in the file itself
                    path, options = Path(folder, self.path.name), "mode=rw"
                    for ending in ("", "-wal"):
                        shutil.copyfile(f"{self.path}{ending}", f"{path}{ending}")
                with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{options}", uri=True)) as connection:
                    found = connection.execute(query, parameters).fetchall()
            if self._stamp() == before:
                return found
        problem = f"{self.path} is being written by another program again and again: try again later."
        raise StoreError(problem)

    def _stamp(self) -> list[tuple[int, int] | None]:
        """Size and time of the file and of its write-ahead log."""
        files = [Path(f"{self.path}{ending}") for ending in ("", "-wal")]
        return [(s.st_size, s.st_mtime_ns) if (s := _status(path)) else None for path in files]


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


#: in errors of SQLite when it cannot write beside a file that it could read
_NO_WRITING = ("unable to open", "readonly", "read-only", "disk i/o", "full")

_WORDS = {
    "locked": "is locked by another program: close it (or wait for it to end) and try again",
    "busy": "is locked by another program: close it (or wait for it to end) and try again",
    "full": "cannot be written, the disk is full: make room and try again",
    "disk i/o": "cannot be written, the disk is full or failing: make room or check the disk and try again",
    "readonly": "cannot be written: you lack the permission, or the disk is mounted read-only",
    "not a database": "is not a database or is damaged: restore it from a backup",
    "malformed": "is damaged: restore it from a backup",
    "unable to open": "cannot be opened: the folder is missing or you lack the permission",
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
        cause = getattr(error, "orig", error)  # SQLAlchemy's errors carry the driver's
        if cause is error and not isinstance(error, sqlite3.Error):
            raise
        problem = str(cause).lower()
        words = next((w for key, w in _WORDS.items() if key in problem), f"cannot be used ({cause})")
        raise StoreError(f"{where} {words}. Nothing was written.") from error
