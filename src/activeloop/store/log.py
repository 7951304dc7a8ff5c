"""The event log in a database."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from activeloop.campaigns.events import SCHEMA, Event, EventLog, Recorded, Snapshot, decode, encode, moved_on, now
from activeloop.campaigns.results import GrowingResults, StoredResults
from activeloop.campaigns.state import CampaignState
from activeloop.errors import StateError, StoreError
from activeloop.measurements.arrays import AT_ONCE, fill_columns
from activeloop.store.database import Database, Reader, insert_of, plain_errors

if TYPE_CHECKING:
    import sqlalchemy as sa

    from activeloop.store.projections import Projection

_LATER = (
    "SELECT sequence, at, kind, schema_version, payload, actor, request_id FROM events "
    "WHERE campaign = :campaign AND sequence > :after ORDER BY sequence"
)
_ALL = (
    "SELECT sequence, at, actor, request_id, reason, kind, schema_version, payload, previous_hash FROM events "
    "WHERE campaign = :campaign ORDER BY sequence"
)
_ENDS = "SELECT last, projected, rounds, new_round FROM campaigns WHERE campaign = :campaign"
_COUNT = "SELECT count(*) FROM events WHERE campaign = :campaign"
_NUMBERS = "SELECT sequence FROM events WHERE campaign = :campaign ORDER BY sequence"
_OTHERS = (
    "SELECT sequence, at, kind, schema_version, payload, actor, request_id FROM events "
    "WHERE campaign = :campaign AND kind NOT IN ('measured', 'voided') ORDER BY sequence"
)
_FILES = (
    "SELECT event, source, content_hash, grown_from, repeats, corrects FROM files "
    "WHERE campaign = :campaign ORDER BY event"
)
RESULT = (
    *("event", "round", "void", "void_event", "candidate", "assay", "value", "qualifier", "replicate", "plate", "well"),
    *("measured_at", "file", "row", "control", "error"),
)
"""Columns of a result, as they are selected."""
_RESULTS = (
    f"SELECT {', '.join(RESULT).replace('row', 'file_row')} FROM results "
    "WHERE campaign = :campaign ORDER BY event, place"
)
_HOW_MANY = "SELECT count(*) FROM results WHERE campaign = :campaign"
_OF_KIND = "SELECT count(*) FROM events WHERE campaign = :campaign AND kind = :kind"
_KINDS = "SELECT kind, count(*) FROM events WHERE campaign = :campaign GROUP BY kind ORDER BY kind"
_BRIEF = (
    "SELECT sequence, at, kind, schema_version, CASE WHEN length(payload) <= :longest THEN payload END, actor, "
    "request_id, length(payload) FROM events WHERE campaign = :campaign"
)
_OF_REQUEST = (
    "SELECT sequence, at, kind, schema_version, payload, actor, request_id FROM events "
    "WHERE campaign = :campaign AND request_id = :request ORDER BY sequence"
)
_HOLDS = "SELECT 1 FROM events WHERE campaign = :campaign AND request_id = :request LIMIT 1"

_AT_ONCE = 1000
"""Rows that one statement writes."""


@dataclass(frozen=True)
class LongEvent:
    """What is known of an event that was not read.

    Args:
        sequence: its number.
        at: when it was written (ISO 8601, UTC).
        actor: who wrote it.
        kind: of it, as it is stored.
        characters: of its fields.
    """

    sequence: int
    at: str
    actor: str
    kind: str
    characters: int


class SQLLog(EventLog):
    """The events of one campaign in the tables `campaigns` and `events`.

    No event is kept in memory. Writers of a campaign take turns by a lock on its row of `campaigns`; those of others do
    not wait (in PostgreSQL). Tables that follow from the events (`activeloop.store.projections`) are written in the
    same transaction.

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
        self._campaign, self._new = campaign, new
        self._writing: sa.Connection | None = None
        self._tables: Projection | None = None
        self._last, self._head = 0, ""
        self._waiting, self._due = list[dict[str, Any]](), set[str]()
        self._begun, self._fresh = 0, list[Recorded]()  # of the block: the last event before it, and its own

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
        key, locked = self._campaign, False
        try:
            with plain_errors(self._where), self.database.writing() as connection:
                self._writing = connection
                self._lock(connection)
                self._begun, locked = self._last, True
                yield
                self._write()
        except BaseException:
            # this block's own events are undone, and so is the campaign where its first event was to make it
            self._campaign = key
            self.undone += locked and self._last > self._begun
            raise
        finally:
            self._writing = self._tables = None
            self._waiting, self._fresh, self._due = [], [], set()

    def _lock(self, connection: sa.Connection) -> None:
        """Lock the campaign's row and read where its log ends. The row is made when there is none."""
        import sqlalchemy as sa

        from activeloop.store.projections import Projection, rebuild
        from activeloop.store.schema import campaigns

        key, c = self.campaign, campaigns.c
        columns = sa.select(c.last, c.head, c.projected, c.rounds, c.new_round).where(c.campaign == key)
        found = connection.execute(columns.with_for_update()).one_or_none()
        if found is None and key and self._new is None:
            raise StoreError(f"{self._where} holds no campaign {key}. Nothing was written.")
        if found is None:
            self._campaign = key or uuid.uuid4().hex
            row = insert_of(connection)(campaigns).values(**_new_campaign(self._campaign, self._new or ""))
            made = connection.execute(row.on_conflict_do_nothing().returning(c.campaign)).one_or_none()
            if made is None:  # somebody else made it meanwhile
                found = connection.execute(columns.with_for_update()).one()
        if found is not None and found.projected < found.last:  # somebody emptied its tables
            rebuild(connection, key)
            found = connection.execute(columns).one()
        if self.holds:
            self.holds(connection)
        self._last, self._head = (found.last, found.head) if found else (0, "")
        rounds, new_round = (found.rounds, bool(found.new_round)) if found else (0, True)
        self._tables = Projection(connection, self._campaign, rounds, new_round)

    def append(self, event: Event, *, after: int) -> Recorded:
        """Write one event; see `EventLog.append`."""
        with self.alone(), plain_errors(self._where):
            if self._last != after:
                raise StateError(moved_on(after, self._last))
            return self._insert(event)

    def _insert(self, event: Event) -> Recorded:
        from activeloop.store.schema import DUE_AFTER, event_hash

        assert self._tables is not None  # within `alone`
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
        self._waiting.append(row)
        self._fresh.append(recorded)
        self._last, self._head = recorded.sequence, event_hash(row)
        self._due |= {DUE_AFTER[kind]} if kind in DUE_AFTER else set()
        if kind == "configured":
            self._write()  # the tables may be made anew from all events
        self._tables.add(recorded)
        return recorded

    def _write(self) -> None:
        """Write what the block appended so far: each table by one statement."""
        import sqlalchemy as sa

        from activeloop.store.schema import campaigns, events

        assert self._writing is not None  # within `alone`
        assert self._tables is not None
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._writing.execute(sa.insert(events), waiting)
        self._tables.flush()
        ends = {"last": self._last, "head": self._head, "projected": self._last}
        rounds = {"rounds": self._tables.rounds, "new_round": int(self._tables.new_round)}
        if waiting or self._due:
            self._writing.execute(
                sa.update(campaigns).where(campaigns.c.campaign == self._campaign).values(**ends, **rounds)
            )
        for kind in sorted(self._due):
            self._writing.execute(may_be_due(self._writing, self._campaign, kind))
        self._due = set()

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

        from activeloop.store.projections import rebuild
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
            rebuild(self._writing, self._campaign)
            self._lock(self._writing)
            for kind in {DUE_AFTER[str(row["kind"])] for row in rows if row["kind"] in DUE_AFTER}:
                self._writing.execute(may_be_due(self._writing, self._campaign, kind))

    def __iter__(self) -> Iterator[Recorded]:
        return iter(self.after(0))

    def after(self, sequence: int) -> list[Recorded]:
        """The events behind one; see `EventLog.after`."""
        if self._writing is not None and sequence >= self._begun:
            return [r for r in self._fresh if r.sequence > sequence]
        with plain_errors(self._where):
            rows = self._rows(_LATER, campaign=self.campaign, after=sequence)
        return list(self._recorded(rows, sequence))

    def _recorded(self, rows: Iterable[Sequence[Any]], after: int | None = None) -> Iterator[Recorded]:
        """Events as they are read; those behind one have no gap."""
        for place, (sequence, at, kind, schema, payload, actor, request) in enumerate(rows, 1):
            if after is not None and sequence != after + place:
                raise StoreError(f"{self._where} lacks event {after + place}: restore it from a backup.")
            try:
                fields = json.loads(payload)
            except ValueError as error:
                problem = "is damaged (an event cannot be read): restore it from a backup."
                raise StoreError(f"{self._where} {problem}") from error
            yield Recorded(sequence, at, decode(kind, fields, schema), actor, request)

    def snapshot(self) -> Snapshot | None:
        """What it comes to, by the tables that follow from it; None where not all of it is in them."""
        key = self.campaign
        if self._writing is not None or not key:
            return None

        def ask(read: Reader) -> Snapshot | None:
            ends = list(read(_ENDS, campaign=key))
            if not ends or ends[0][0] != ends[0][1]:
                return None
            last, _, rounds, new_round = ends[0]
            if (there := next(iter(read(_COUNT, campaign=key)))[0]) != last:
                lost = next(
                    (i for i, (number,) in enumerate(read(_NUMBERS, campaign=key), 1) if number != i), there + 1
                )
                raise StoreError(f"{self._where} lacks event {lost}: restore it from a backup.")
            others = tuple(self._recorded(read(_OTHERS, campaign=key)))
            results = _results_in(read(_RESULTS, campaign=key), next(iter(read(_HOW_MANY, campaign=key)))[0])
            same = results.texts.places.same
            files = [
                (event, same(source), content, () if grown == "[]" else tuple(json.loads(grown)), repeats, corrects)
                for event, source, content, grown, repeats, corrects in read(_FILES, campaign=key)
            ]
            return Snapshot(last, others, results, files, rounds, bool(new_round))

        with plain_errors(self._where):
            return self.database.at_one_moment(ask)

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
        if not request:
            return ()
        with plain_errors(self._where):
            return tuple(self._recorded(self._rows(_OF_REQUEST, campaign=self.campaign, request=request)))

    def holds_request(self, request: str) -> bool:
        """Whether a request wrote something; no event is read."""
        if any(recorded.request == request for recorded in self._fresh):  # of this block, which may not be written yet
            return True
        with plain_errors(self._where):
            return bool(self._rows(_HOLDS, flush=False, campaign=self.campaign, request=request))

    @property
    def last(self) -> int:
        """The number of its last event, 0 before the first; no event is read."""
        if self._writing is not None:
            return self._last
        with plain_errors(self._where):
            return next((ends[0] for ends in self._rows(_ENDS, campaign=self.campaign)), 0)

    def count(self, kind: str) -> int:
        """The number of events of a kind, such as `proposed`; no event is read."""
        with plain_errors(self._where):
            return self._rows(_OF_KIND, campaign=self.campaign, kind=kind)[0][0]

    def kinds(self) -> dict[str, int]:
        """Each kind of its events and how many there are; no event is read."""
        with plain_errors(self._where):
            return dict(self._rows(_KINDS, campaign=self.campaign))  # type: ignore[arg-type]

    def newest(self, kinds: Sequence[str], start: int, size: int, longest: int) -> list[Recorded | LongEvent]:
        """Some events of a long log, the newest first; no other event is read.

        Args:
            kinds: such as `measured`; all when ().
            start: how many of these are skipped.
            size: how many at most.
            longest: characters of an event that is read; of longer ones only what is said about them.
        """
        named = {f"kind{i}": kind for i, kind in enumerate(kinds)}
        which = f"AND kind IN ({', '.join(f':{name}' for name in named)}) " if named else ""
        query = f"{_BRIEF} {which}ORDER BY sequence DESC LIMIT :size OFFSET :start"
        with plain_errors(self._where):
            rows = self._rows(
                query, flush=True, campaign=self.campaign, size=size, start=start, longest=longest, **named
            )
        return [
            LongEvent(row[0], row[1], row[5], row[2], row[7]) if row[4] is None else next(self._recorded([row[:7]]))
            for row in rows
        ]

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

    def rebuild(self) -> None:
        """Make the tables that follow from its events anew."""
        from activeloop.store.projections import rebuild

        with self.alone():
            assert self._writing is not None  # within `alone`
            rebuild(self._writing, self._campaign)

    def differences(self, recorded: Sequence[Recorded]) -> list[str]:
        """How the tables that follow from its events differ from the fold of these, in sentences.

        Args:
            recorded: all its events.
        """
        import sqlalchemy as sa

        from activeloop.store.projections import differences

        postgresql = self.database.engine.dialect.name == "postgresql"
        options = {"isolation_level": "REPEATABLE READ"} if postgresql else {}
        with plain_errors(self._where), self.database.engine.connect().execution_options(**options) as connection:
            # all is read at one moment: who writes meanwhile makes no difference
            last = connection.execute(sa.text(_ENDS), {"campaign": self.campaign}).scalar_one_or_none() or 0
            recorded = [*recorded[:last], *(r for r in self.after(len(recorded)) if r.sequence <= last)]
            return differences(connection, self.campaign, CampaignState.of(recorded), recorded)

    def _rows(self, query: str, *, flush: bool = True, **parameters: object) -> Sequence[Any]:
        """Rows of a query; within `alone` those of its transaction, after what waits to be written unless it may."""
        if self._writing is None:
            return self.database.read(query, **parameters)
        import sqlalchemy as sa

        if self._waiting and flush:
            self._write()
        return self._writing.execute(sa.text(query), parameters).fetchall()


def _results_in(rows: Iterable[Sequence[Any]], count: int) -> StoredResults:
    """The rows of `_RESULTS`, of which there are so many."""
    found, rows = GrowingResults(), iter(rows)
    to, place = found.room(count), 0
    while some := list(islice(rows, AT_ONCE)):
        columns = dict(zip(RESULT, zip(*some, strict=True), strict=True))
        voids = columns.pop("void")
        here = to[place : place + len(some)]
        fill_columns(here, columns, found.texts)
        here["void"] = [-1 if why is None else found.texts.words.add(why) for why in voids]
        place += len(some)
    return found.view


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
