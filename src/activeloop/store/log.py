"""The event log in a database."""

from __future__ import annotations

import json
from collections.abc import Iterator

from activeloop.campaigns.events import SCHEMA, Event, EventLog, Recorded, decode, encode, moved_on, now
from activeloop.errors import StateError, StoreError
from activeloop.store.database import SQLiteFile, plain_errors

_LATER = "SELECT sequence, at, kind, schema_version, payload FROM events WHERE sequence > ? ORDER BY sequence"


class SQLLog(EventLog):
    """Events in the table `events`.

    Events never change, so those already read are cached; iterating reads only later ones from the database.

    Args:
        database: that has the schema (see `activeloop.store.migrate`).
        where: how messages name it.
    """

    def __init__(self, database: SQLiteFile, where: str = "the database"):
        self.database, self._where = database, where
        self._read: list[Recorded] = []

    def append(self, event: Event, *, after: int) -> Recorded:
        """Write one event; see `EventLog.append`."""
        kind, payload = encode(event)
        recorded = Recorded(after + 1, now(), event)
        row = {
            "sequence": recorded.sequence,
            "at": recorded.at,
            "kind": kind,
            "schema_version": SCHEMA,
            "payload": payload,
        }
        with plain_errors(self._where):
            last = self._insert(row, after)
        if last != after:
            raise StateError(moved_on(after, last))
        return recorded

    def _insert(self, row: dict[str, object], after: int) -> int:
        """Compare and append in one transaction; returns the last sequence number that it found."""
        import sqlalchemy as sa
        from sqlalchemy.exc import IntegrityError

        from activeloop.store.schema import WRITING, events

        highest = sa.select(sa.func.coalesce(sa.func.max(events.c.sequence), 0))
        with self.database.engine.connect().execution_options(**WRITING) as connection:
            try:
                with connection.begin():
                    last = connection.execute(highest).scalar_one()
                    if last == after:
                        connection.execute(sa.insert(events), row)
                    return last
            except IntegrityError:  # PostgreSQL lets two writers look at once; the key lets one of them in
                with connection.begin():
                    return connection.execute(highest).scalar_one()

    def __iter__(self) -> Iterator[Recorded]:
        with plain_errors(self._where):
            rows = self.database.read(_LATER, len(self._read))
        for sequence, at, kind, schema, payload in rows:
            if sequence != len(self._read) + 1:
                raise StoreError(f"{self._where} lacks event {len(self._read) + 1}: restore it from a backup.")
            try:
                fields = json.loads(payload)
            except ValueError as error:
                problem = "is damaged (an event cannot be read): restore it from a backup."
                raise StoreError(f"{self._where} {problem}") from error
            self._read.append(Recorded(sequence, at, decode(kind, fields, schema)))
        return iter(tuple(self._read))
