"""The event log in a database."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from activeloop.campaigns import Event, EventLog, Recorded
from activeloop.campaigns.events import SCHEMA, decode, encode, moved_on, now
from activeloop.errors import StateError, StoreError
from activeloop.store.database import WRITING, events, plain_errors


class SQLLog(EventLog):
    """Events in the table `events`.

    Events never change, so those already read are kept; iterating asks the database for later ones only.

    Args:
        engine: of a database that has the schema (see `activeloop.store.migrate`).
        where: how messages name it.
    """

    def __init__(self, engine: sa.Engine, where: str = "the database"):
        self._engine, self._where = engine, where
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
        highest = sa.select(sa.func.coalesce(sa.func.max(events.c.sequence), 0))
        with self._engine.connect().execution_options(**WRITING) as connection:
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
        known = len(self._read)
        later = sa.select(events).where(events.c.sequence > known).order_by(events.c.sequence)
        with plain_errors(self._where), self._engine.connect() as connection:
            rows = self._fetch(connection, later)
        for row in rows:
            if row.sequence != len(self._read) + 1:
                raise StoreError(f"{self._where} lacks event {len(self._read) + 1}: restore it from a backup.")
            self._read.append(Recorded(row.sequence, row.at, decode(row.kind, row.payload, row.schema_version)))
        return iter(tuple(self._read))

    def _fetch(self, connection: sa.Connection, query: sa.Select) -> list[sa.Row]:
        try:
            return list(connection.execute(query))
        except ValueError as error:  # the payload is no JSON any more
            raise StoreError(
                f"{self._where} is damaged (an event cannot be read): restore it from a backup."
            ) from error
