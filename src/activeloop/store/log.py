"""The event log in a database."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from activeloop.campaigns.events import SCHEMA, Event, EventLog, Recorded, decode, encode, moved_on, now
from activeloop.errors import StateError, StoreError
from activeloop.store.database import Database, plain_errors

if TYPE_CHECKING:
    import sqlalchemy as sa

_LATER = (
    "SELECT sequence, at, kind, schema_version, payload, actor, request_id FROM events "
    "WHERE campaign = :campaign AND sequence > :after ORDER BY sequence"
)
_ALL = (
    "SELECT sequence, at, actor, request_id, reason, kind, schema_version, payload, previous_hash FROM events "
    "WHERE campaign = :campaign ORDER BY sequence"
)
_OF_REQUEST = "SELECT sequence FROM events WHERE campaign = :campaign AND request_id = :request LIMIT 1"

_AT_ONCE = 1000
"""Rows that one statement writes."""


class SQLLog(EventLog):
    """The events of one campaign in the tables `campaigns` and `events`.

    Events never change, so those already read are cached; iterating reads only later ones from the database. Writers
    of a campaign take turns by a lock on its row of `campaigns`; those of others do not wait (in PostgreSQL).

    Args:
        database: that has the schema (see `activeloop.store.migrate`).
        where: how messages name it.
        campaign: which; "" = the only one of its database, which is made by the first event.
        actor: who writes, kept with every event.
        request: of what request the events are, kept with them.
        holds: called with the connection of each transaction that writes; raises when this process may not write any
            more, because it lost its lease on the work that it does.
        new: name of a campaign that is not there yet: what is written first makes it, under the key of `campaign`.
    """

    def __init__(
        self,
        database: Database,
        where: str = "the database",
        campaign: str = "",
        actor: str = "",
        request: str = "",
        holds: Callable[[sa.Connection], None] | None = None,
        new: str | None = None,
    ):
        self.database, self._where = database, where
        self.actor, self.request, self.holds = actor, request, holds
        self._campaign, self._new, self._read = campaign, new, list[Recorded]()
        self._writing: sa.Connection | None = None
        self._last, self._head = 0, ""

    @property
    def campaign(self) -> str:
        """Its key, 32 hexadecimal digits; "" while its database holds none.

        Raises:
            StoreError: the database holds several, and none was named.
        """
        if not self._campaign:
            found = self._rows("SELECT campaign FROM campaigns")
            if len(found) > 1:
                raise StoreError(f"{self._where} holds {len(found)} campaigns: say which.")
            self._campaign = found[0][0] if found else ""
        return self._campaign

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other writers of this campaign waiting; see `EventLog.alone`."""
        if self._writing is not None:
            yield
            return
        known, key = len(self._read), self._campaign
        try:
            with plain_errors(self._where), self.database.writing() as connection:
                self._writing = connection
                self._last, self._head = self._locked(connection)
                yield
        except BaseException:
            # this block's own events are undone, and so is the campaign where its first event was to make it
            del self._read[known:]
            self._campaign = key
            raise
        finally:
            self._writing = None

    def _locked(self, connection: sa.Connection) -> tuple[int, str]:
        """Lock the campaign's row; the number and hash of its last event. The row is made when there is none."""
        import sqlalchemy as sa

        from activeloop.store.schema import campaigns

        key = self.campaign
        columns = sa.select(campaigns.c.last, campaigns.c.head)
        found = connection.execute(columns.where(campaigns.c.campaign == key).with_for_update()).one_or_none()
        if found is None and key and self._new is None:
            raise StoreError(f"{self._where} holds no campaign {key}. Nothing was written.")
        if found is None:
            self._campaign = key or uuid.uuid4().hex
            connection.execute(sa.insert(campaigns), _new_campaign(self._campaign, self._new or ""))
        if self.holds:
            self.holds(connection)
        return tuple(found) if found else (0, "")

    def append(self, event: Event, *, after: int) -> Recorded:
        """Write one event; see `EventLog.append`."""
        with self.alone():
            if self._last != after:
                raise StateError(moved_on(after, self._last))
            return self._insert(event)

    def _insert(self, event: Event) -> Recorded:
        import sqlalchemy as sa

        from activeloop.store.schema import DUE_AFTER, campaigns, event_hash, events

        assert self._writing is not None  # `append` holds the lock
        kind, payload = encode(event)
        recorded = Recorded(self._last + 1, now(), event, self.actor, self.request)
        row = {
            "campaign": self._campaign,
            "sequence": recorded.sequence,
            "at": recorded.at,
            "actor": self.actor,
            "request_id": self.request,
            "reason": getattr(event, "reason", ""),
            "kind": kind,
            "schema_version": SCHEMA,
            "payload": json.dumps(payload),
            "previous_hash": self._head,
        }
        self._writing.execute(sa.insert(events), row)
        self._last, self._head = recorded.sequence, event_hash(row)
        mine = sa.update(campaigns).where(campaigns.c.campaign == self._campaign)
        self._writing.execute(mine.values(last=self._last, head=self._head))
        if kind in DUE_AFTER:
            self._writing.execute(may_be_due(self._writing, self._campaign, DUE_AFTER[kind]))
        return recorded

    def rows(self) -> list[dict[str, object]]:
        """The events as they stand in their table: what their hashes cover."""
        from activeloop.store.schema import HASHED

        with plain_errors(self._where):
            return [dict(zip(HASHED, row, strict=True)) for row in self._rows(_ALL, campaign=self.campaign)]

    def copy(self, rows: Sequence[Mapping[str, Any]], created: str) -> None:
        """Write the events of another log as they stand there, in a campaign that has none.

        Args:
            rows: as `rows` gives them, unbroken from 1.
            created: when that campaign was made.
        """
        import sqlalchemy as sa

        from activeloop.store.schema import DUE_AFTER, campaigns, event_hash, events

        with self.alone():
            assert self._writing is not None  # within `alone`
            if self._last:
                raise StateError(f"{self._where} has {self._last:,} events already. Nothing was copied.")
            for begin in range(0, len(rows), _AT_ONCE):
                piece = [{"campaign": self._campaign, **row} for row in rows[begin : begin + _AT_ONCE]]
                self._writing.execute(sa.insert(events), piece)
            if rows:
                self._last, self._head = len(rows), event_hash(rows[-1])
            mine = sa.update(campaigns).where(campaigns.c.campaign == self._campaign)
            self._writing.execute(mine.values(last=self._last, head=self._head, created=created))
            for kind in {DUE_AFTER[str(row["kind"])] for row in rows if row["kind"] in DUE_AFTER}:
                self._writing.execute(may_be_due(self._writing, self._campaign, kind))

    def __iter__(self) -> Iterator[Recorded]:
        with plain_errors(self._where):
            rows = self._rows(_LATER, campaign=self.campaign, after=len(self._read))
        for sequence, at, kind, schema, payload, actor, request in rows:
            if sequence != len(self._read) + 1:
                raise StoreError(f"{self._where} lacks event {len(self._read) + 1}: restore it from a backup.")
            try:
                fields = json.loads(payload)
            except ValueError as error:
                problem = "is damaged (an event cannot be read): restore it from a backup."
                raise StoreError(f"{self._where} {problem}") from error
            self._read.append(Recorded(sequence, at, decode(kind, fields, schema), actor, request))
        return iter(tuple(self._read))

    def own(self, key: str, media_type: str, size: int) -> None:
        """Note that a stored object belongs to this campaign, once.

        Args:
            key: hash of its content.
            media_type: of its content.
            size: in bytes.
        """
        from activeloop.store.schema import artifact_owners, artifacts

        owner = {"campaign": "", "hash": key}
        row = {"hash": key, "media_type": media_type, "size": size, "created": now()}
        with self.alone():
            assert self._writing is not None  # within `alone`
            owner["campaign"] = self._campaign
            for table, values in ((artifacts, row), (artifact_owners, owner)):
                insert = insert_of(self._writing)(table).values(**values).on_conflict_do_nothing()
                self._writing.execute(insert)

    def of_request(self, request: str) -> tuple[Recorded, ...]:
        """The events that a request wrote: not () when it is made once more."""
        return tuple(recorded for recorded in self if request and recorded.request == request)

    def holds_request(self, request: str) -> bool:
        """Whether a request wrote something; no other event is read."""
        with plain_errors(self._where):
            return bool(self._rows(_OF_REQUEST, campaign=self.campaign, request=request))

    def verify(self) -> tuple[str, ...]:
        """What is wrong with the chain of events, in sentences; () when each stands as it was written.

        The hash of an event covers its content and the hash of the one before it, so that none can be changed, taken
        out or put in without changing all later ones, and the last hash stands in `campaigns`.
        """
        from activeloop.store.schema import HASHED, event_hash

        problems, head, count = [], "", 0
        with plain_errors(self._where):
            ends = self._rows("SELECT last, head FROM campaigns WHERE campaign = :campaign", campaign=self.campaign)
            rows = self._rows(_ALL, campaign=self.campaign)
        for count, row in enumerate(rows, 1):
            fields = dict(zip(HASHED, row, strict=True))
            if fields["sequence"] != count:
                return (*problems, f"event {count} is missing.")
            if fields["previous_hash"] != head:
                changed = f"event {count - 1} was changed" if count > 1 else "the beginning was cut off"
                problems.append(f"{changed} after it was written, or event {count} was put in.")
            head = event_hash(fields)
        if ends and (count, head) != tuple(ends[0]):
            lost = f"the last event is {count} and should be {ends[0][0]}"
            problems.append(f"event {count} was changed after it was written." if count == ends[0][0] else f"{lost}.")
        return tuple(problems)

    def _rows(self, query: str, **parameters: object) -> Sequence[Any]:
        """Rows of a query; within `alone` those of its transaction."""
        if self._writing is None:
            return self.database.read(query, **parameters)
        import sqlalchemy as sa

        return self._writing.execute(sa.text(query), parameters).fetchall()


def insert_of(connection: sa.Connection) -> Any:
    """The database's own `insert`, which knows `on_conflict_do_nothing`."""
    from sqlalchemy.dialects import postgresql, sqlite

    return {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[connection.dialect.name]


def may_be_due(connection: sa.Connection, campaign: str, kind: str) -> sa.Executable:
    """The statement that notes a change after which some kind of work may be due.

    It is executed in the transaction of the event itself, so that neither is there without the other.
    """
    from sqlalchemy import func

    from activeloop.store.schema import database_time, work

    new = {"owner": "", "fence": 0, "attempts": 0, "stage": "waiting", "share": 0.0, "words": "", "printed": ""}
    changes = {"first_change": database_time(), "last_change": database_time()}
    insert = insert_of(connection)(work).values(campaign=campaign, kind=kind, **new, **changes)
    again = {
        "first_change": func.coalesce(work.c.first_change, database_time()),
        "last_change": database_time(),
        "not_before": None,
        "attempts": 0,
    }
    return insert.on_conflict_do_update(index_elements=[work.c.campaign, work.c.kind], set_=again)


def create_campaign(database: Database, name: str, where: str = "the database") -> str:
    """Make a campaign in a database of several; returns its key.

    Args:
        database: that has the schema.
        name: in the user's words; names need not differ.
        where: how messages name the database.
    """
    import sqlalchemy as sa

    from activeloop.store.schema import campaigns

    row = _new_campaign(uuid.uuid4().hex, name)
    with plain_errors(where), database.writing() as connection:
        connection.execute(sa.insert(campaigns), row)
    return str(row["campaign"])


def _new_campaign(key: str, name: str) -> dict[str, object]:
    return {"campaign": key, "name": name, "created": now(), "last": 0, "head": ""}
