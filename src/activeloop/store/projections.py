"""Tables that follow from the events: written with each event, made anew from all, compared with the fold."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from activeloop.campaigns.configuring import Change
from activeloop.campaigns.events import (
    Configured,
    Event,
    Extended,
    Fitted,
    Measured,
    PlateSent,
    Promoted,
    Proposed,
    Recorded,
    RunFinished,
    Voided,
    decode,
    plain,
)
from activeloop.campaigns.state import CampaignState, Result, replaced_by
from activeloop.plates import Proposal
from activeloop.store.database import insert_of
from activeloop.store.schema import (
    PROJECTED,
    campaigns,
    events,
    files,
    picks,
    plates,
    results,
    versions,
)

AT_ONCE = 10_000
"""Rows that are collected before they are written."""

Row = dict[str, Any]


class Projection:
    """What the events of one campaign change in the tables that follow from them, in the transaction of the events.

    Args:
        connection: in a transaction that writes.
        campaign: its key.
        rounds: how many rounds have results.
        new_round: whether the next results begin another.
        first: the first configuration of all events, where they are of earlier ones than `now`.
        now: the configuration in whose units values are; None where that is the one in force.
    """

    def __init__(
        self,
        connection: sa.Connection,
        campaign: str,
        rounds: int = 0,
        new_round: bool = True,
        first: Configured | None = None,
        now: Configured | None = None,
    ):
        self._connection, self._campaign = connection, campaign
        self.rounds, self.new_round, self._now = rounds, new_round, now
        self._change = Change(first, now) if first and now else None
        self._waiting: dict[sa.Table, list[Row]] = {}

    def add(self, recorded: Recorded) -> None:
        """One more event."""
        number, event = recorded.sequence, recorded.event
        if isinstance(event, Configured):
            self._configure(number, event)
            return
        if self._change is not None:
            event = self._change.applied(event)
        if isinstance(event, Measured):
            self._measure(number, event)
        elif isinstance(event, Voided):
            self._strike(number, (event.event,), event.reason, event.rows)
        elif isinstance(event, Proposed):
            self._insert(picks, pick_rows(number, event.proposal))
            self._set_plate(**plate_row(event.proposal))
            self.new_round = True
        elif isinstance(event, (PlateSent, RunFinished)):
            self._set_plate(**(sent_row(event) if isinstance(event, PlateSent) else run_row(event)))
        elif isinstance(event, Fitted):
            outdated = self._change is not None and self._change.refits
            self._insert(versions, [version_row(recorded, event) | {"current": 0, "outdated": int(outdated)}])
            if not event.held_back:
                self._promote(event.version.number)
        elif isinstance(event, Promoted):
            self._promote(event.version)
        elif isinstance(event, Extended):
            self._update(versions, outdated=1)

    def flush(self) -> None:
        """Write what was collected."""
        waiting, self._waiting = self._waiting, {}
        for table, rows in waiting.items():
            self._connection.execute(sa.insert(table), rows)

    def _configure(self, number: int, event: Configured) -> None:
        if self._now is not None:
            self._change = Change(event, self._now)
            return
        columns = sa.select(events.c.payload, events.c.schema_version).where(*self._mine(events))
        earlier = columns.where(events.c.kind == "configured", events.c.sequence < number)
        before = _configured(self._connection.execute(earlier.order_by(events.c.sequence.desc()).limit(1)))
        if before is None:
            return  # what came before is as this one says
        change = Change(before, event)
        if change.alters:
            self._waiting = {}
            whole = rebuilt(self._connection, self._campaign, upto=number)
            self.rounds, self.new_round = whole.rounds, whole.new_round

    def _measure(self, number: int, event: Measured) -> None:
        own = None
        if event.replaces:
            self.flush()
            mine = (*self._mine(results), results.c.event.in_(event.replaces))
            own = self._connection.execute(sa.select(sa.func.max(results.c.round)).where(*mine)).scalar()
        if own is None:
            self.rounds += self.new_round
            self.new_round = False
            own = self.rounds - 1
        self._strike(number, event.replaces, replaced_by(number, event.source))
        first = 0
        if event.replaces:
            firsts = sa.select(files.c.event, files.c.corrects).where(*self._mine(files))
            found = dict(map(tuple, self._connection.execute(firsts.where(files.c.event.in_(event.replaces)))))
            first = min(found.get(e, 0) or e for e in event.replaces)
        self._insert(files, [file_row(number, event, first)])
        for begin in range(0, len(event.measurements), AT_ONCE):  # a long file is not in memory twice
            some = enumerate(event.measurements[begin : begin + AT_ONCE], begin)
            self._insert(results, [result_row(i, Result(number, own, m)) for i, m in some])

    def _strike(self, number: int, struck: Sequence[int], reason: str, rows: Sequence[int] = ()) -> None:
        if not struck:
            return
        self.flush()
        mine = [*self._mine(results), results.c.event.in_(struck), results.c.void.is_(None)]
        if rows:
            mine.append(results.c.file_row.in_(rows))
        self._connection.execute(sa.update(results).where(*mine).values(void=storable(reason), void_event=number))

    def _set_plate(self, plate: str, **values: object) -> None:
        self.flush()
        row = insert_of(self._connection)(plates).values(campaign=self._campaign, plate=plate, **values)
        key = [plates.c.campaign, plates.c.plate]
        self._connection.execute(row.on_conflict_do_update(index_elements=key, set_=values))

    def _promote(self, number: int) -> None:
        self._update(versions, current=sa.case((versions.c.number == number, 1), else_=0))

    def _update(self, table: sa.Table, **values: object) -> None:
        self.flush()
        self._connection.execute(sa.update(table).where(*self._mine(table)).values(**values))

    def _insert(self, table: sa.Table, rows: list[Row]) -> None:
        waiting = self._waiting.setdefault(table, [])
        waiting += [{"campaign": self._campaign, **row} for row in rows]
        if len(waiting) >= AT_ONCE:
            self.flush()

    def _mine(self, table: sa.Table) -> tuple[sa.ColumnElement[bool], ...]:
        return (table.c.campaign == self._campaign,)


def rebuilt(connection: sa.Connection, campaign: str, upto: int | None = None) -> Projection:
    """Make the tables of a campaign anew from its events.

    Args:
        connection: in a transaction that writes, in which nobody else writes to the campaign.
        campaign: its key.
        upto: the last event that counts; all when None.
    """
    for table in PROJECTED:
        connection.execute(sa.delete(table).where(table.c.campaign == campaign))
    mine = [events.c.campaign == campaign] + ([] if upto is None else [events.c.sequence <= upto])
    columns = (events.c.sequence, events.c.at, events.c.kind, events.c.payload, events.c.schema_version)
    ordered, number = sa.select(*columns).where(*mine).order_by(events.c.sequence).limit(AT_ONCE), events.c.sequence
    ways = sa.select(events.c.payload, events.c.schema_version).where(*mine, events.c.kind == "configured").limit(1)
    first, now = (_configured(connection.execute(ways.order_by(by))) for by in (number, number.desc()))
    whole, last = Projection(connection, campaign, first=first, now=now), 0
    while rows := connection.execute(ordered.where(number > last)).all():
        for last, at, kind, payload, schema in rows:
            whole.add(Recorded(last, at, decode(kind, json.loads(payload), schema)))
    whole.flush()
    return whole


def _configured(found: sa.CursorResult[Any, Any]) -> Configured | None:
    """The configuration in the one row (payload, form) that a query found; None when it found none."""
    row = found.one_or_none()
    event = None if row is None else decode("configured", json.loads(row[0]), row[1])
    return event if isinstance(event, Configured) else None


def rebuild(connection: sa.Connection, campaign: str) -> None:
    """Make the tables of a campaign anew, and note that they are whole."""
    whole = rebuilt(connection, campaign)
    made = {"projected": campaigns.c.last, "rounds": whole.rounds, "new_round": int(whole.new_round)}
    connection.execute(sa.update(campaigns).where(campaigns.c.campaign == campaign).values(**made))


def catch_up(connection: sa.Connection) -> None:
    """Make the tables of every campaign whose events are not all in them."""
    behind = sa.select(campaigns.c.campaign).where(campaigns.c.projected < campaigns.c.last)
    for campaign in connection.execute(behind).scalars().all():
        rebuild(connection, campaign)


# -- rows ------------------------------------------------------------------------------------------------------------


def storable(text: str) -> str:
    """A text as both databases can hold it: what PostgreSQL cannot (NUL, half characters) becomes U+FFFD."""
    if text.isascii() and "\0" not in text:
        return text
    return "".join("\ufffd" if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in text)


def _figure(value: float) -> float | None:
    return None if math.isnan(value) else value


def result_row(place: int, result: Result) -> Row:
    """A measured row, at a place of its event."""
    m = result.measurement
    return {
        "event": result.event,
        "place": place,
        "candidate": storable(m.candidate),
        "assay": storable(m.assay),
        "value": _figure(m.value),
        "qualifier": m.qualifier,
        "replicate": m.replicate,
        "plate": storable(m.plate),
        "well": storable(m.well),
        "measured_at": storable(m.measured_at),
        "file": storable(m.file),
        "file_row": m.row,
        "control": int(m.control),
        "error": m.error,
        "round": result.round,
        "void": None if result.void is None else storable(result.void),
        "void_event": result.void_event,
    }


def file_row(number: int, event: Measured, corrects: int) -> Row:
    """An event that stored results."""
    return {
        "event": number,
        "source": storable(event.source),
        "content_hash": storable(event.content_hash),
        "grown_from": json.dumps(event.grown_from),
        "repeats": int(event.repeats),
        "corrects": corrects,
        "size": len(event.measurements),
    }


def pick_rows(number: int, proposal: Proposal) -> list[Row]:
    """The candidates of a proposal."""
    return [
        {
            "event": number,
            "place": place,
            "proposal": proposal.number,
            "version": proposal.version,
            "rank": pick.rank,
            "candidate": storable(pick.name),
            "reason": storable(pick.reason),
            **{name: _figure(getattr(pick, name)) for name in ("score", "mean", "low", "high")},
        }
        for place, pick in enumerate(proposal.picks)
    ]


def plate_row(proposal: Proposal) -> Row:
    """The plate of a proposal."""
    return {"plate": f"plate-{proposal.number}", "proposal": proposal.number, "picks": len(proposal.picks)}


def sent_row(event: PlateSent) -> Row:
    """Where a plate is."""
    named = {"plate": storable(event.plate), "proposal": _proposal_of(event.plate)}
    return {**named, "sent_to": storable(event.to), "sent_at": storable(event.sent_at), "note": storable(event.note)}


def run_row(event: RunFinished) -> Row:
    """How the last run on a plate ended; one that was not done takes the plate back."""
    back = {} if event.outcome == "done" else dict.fromkeys(("sent_to", "sent_at", "note"), "")
    ended = {name: storable(getattr(event, name)) for name in ("device", "run", "outcome", "finished_at")}
    return {"plate": storable(event.plate), "proposal": _proposal_of(event.plate), **back, **ended}


def _proposal_of(plate: str) -> int:
    number = plate.split("-")[1:2]
    return int(number[0]) if number and number[0].isdecimal() else 0


def version_row(recorded: Recorded, event: Fitted) -> Row:
    """A version."""
    v = event.version
    words = {name: storable(getattr(v, name)) for name in ("learner", "data_hash", "code_version", "artifact")}
    told = {"explanation": storable(v.explanation), "held_back": storable(event.held_back)}
    metrics = json.dumps(plain(v.metrics))
    return {"event": recorded.sequence, "number": v.number, "at": recorded.at, "metrics": metrics, **words, **told}


# -- what is in them -------------------------------------------------------------------------------------------------


def expected(state: CampaignState, log: Iterable[Recorded]) -> dict[sa.Table, list[Row]]:
    """What the tables must hold, by the fold of all events.

    Args:
        state: the fold, in the units of its last configuration.
        log: the events.
    """
    found: dict[sa.Table, list[Row]] = {table: [] for table in PROJECTED}
    place: dict[int, int] = {}
    for r in state.results:
        found[results].append(result_row(place.get(r.event, 0), r))
        place[r.event] = place.get(r.event, 0) + 1
    known: dict[str, Row] = {}
    own = dict.fromkeys(("sent_to", "sent_at", "note", "device", "run", "outcome", "finished_at"), "")
    for number, proposal in zip(state.proposal_events, state.proposals, strict=True):
        found[picks] += pick_rows(number, proposal)
        row = plate_row(proposal)
        known[row["plate"]] = {"proposal": 0, "picks": 0, **own, **known.get(row["plate"], {}), **row}
    for one in (*state.runs, *state.sent.values()):
        row = run_row(one) if isinstance(one, RunFinished) else sent_row(one)
        known[row["plate"]] = {"proposal": 0, "picks": 0, **own, **known.get(row["plate"], {}), **row}
    found[plates] = list(known.values())
    for recorded in log:
        event: Event = recorded.event
        if isinstance(event, Measured):
            found[files].append(file_row(recorded.sequence, event, state.corrects.get(recorded.sequence, 0)))
        elif isinstance(event, Fitted):
            mine = event.version.number
            marks = {"current": int(mine == state.promoted), "outdated": int(mine in state.outdated)}
            found[versions].append(version_row(recorded, event) | marks)
    return found


def differences(connection: sa.Connection, campaign: str, state: CampaignState, log: Iterable[Recorded]) -> list[str]:
    """How the tables differ from the fold of all events, in sentences; [] when they say the same."""
    found = []
    for table, rows in expected(state, log).items():
        names = [c.name for c in table.columns if c.name != "campaign"]
        key = [c.name for c in table.primary_key.columns if c.name != "campaign"]
        there = connection.execute(sa.select(*(table.c[n] for n in names)).where(table.c.campaign == campaign))
        held = {tuple(row[names.index(k)] for k in key): dict(zip(names, row, strict=True)) for row in there}
        wanted = {tuple(row[k] for k in key): row for row in rows}
        wrong = [k for k in wanted.keys() & held.keys() if wanted[k] != held[k]]
        for at in sorted(wrong)[:3]:
            name = next(n for n in names if wanted[at][n] != held[at][n])
            here = ", ".join(f"{k} {v}" for k, v in zip(key, at, strict=True))
            found.append(f"{table.name}, {here}: {name} is {held[at][name]!r}, by the events {wanted[at][name]!r}.")
        if lost := len(wanted.keys() - held.keys()):
            found.append(f"{table.name} lacks {lost:,} of {len(wanted):,} rows.")
        if more := len(held.keys() - wanted.keys()):
            found.append(f"{table.name} has {more:,} rows that follow from no event.")
    return found
