"""What happened in a campaign: its events in words, and the results that came in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from activeloop.campaigns.events import (
    KINDS,
    Configured,
    Distilled,
    Event,
    Extended,
    Fitted,
    Measured,
    Pinned,
    PlateLaid,
    PlateSent,
    Promoted,
    Proposed,
    Recorded,
    RobotOrdered,
    RunFinished,
    Voided,
    encode,
)
from activeloop.campaigns.state import Result
from activeloop.config import OpenCampaign
from activeloop.errors import InputError
from activeloop.store.log import LongEvent
from activeloop.words import many, some

MOST = 1_000
"""Events or results of one page at most."""
LISTED = 100
"""Of a list in the fields of an event."""
LONGEST = 200_000
"""Characters of an event that is read to be listed."""


@dataclass(frozen=True)
class HappenedEvent:
    """An event of the log.

    Args:
        sequence: its number.
        at: when it was written (ISO 8601, UTC).
        actor: who wrote it; "" where that is not known.
        kind: of it, as it is stored.
        words: what happened, in a sentence without a full stop.
        fields: of it, as it is stored; of lists the first 100 at most. {} of a long event, which is not read.
    """

    sequence: int
    at: str
    actor: str
    kind: str
    words: str
    fields: dict[str, Any]


@dataclass(frozen=True)
class History:
    """A part of what happened.

    Args:
        events: the newest first.
        total: events of these kinds in the whole log.
        kinds: that the log has, each with its number of events.
    """

    events: tuple[HappenedEvent, ...]
    total: int
    kinds: dict[str, int]


@dataclass(frozen=True)
class RecordedFile:
    """A file of results that was stored.

    Args:
        event: with which it came.
        source: its name; "" for rows that came without a file.
        results: that it brought; `voided` of them do not count any more.
    """

    event: int
    source: str
    results: int
    voided: int


@dataclass(frozen=True)
class ResultsPage:
    """Results on record.

    Args:
        results: of the page, in the order in which they came.
        total: that are like what was asked for.
    """

    results: tuple[Result, ...]
    total: int


def history(
    loop: OpenCampaign, kinds: Sequence[str] = (), *, start: int = 0, size: int = 50, listed: int = LISTED
) -> History:
    """What happened in a campaign, the newest first.

    Args:
        loop: the campaign.
        kinds: only these; all when ().
        start: first event, from 0 = the newest.
        size: of the page.
        listed: entries of a long list among the fields of an event that are told.

    Raises:
        InputError: there is no such kind, or the page is impossible.
    """
    _check_page(start, size)
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise InputError(f'there is no kind of event "{unknown[0]}". Use {", ".join(KINDS)}.')
    log = loop.folder.log
    counts = log.kinds()
    total = sum(count for kind, count in counts.items() if not kinds or kind in kinds)
    found = log.newest(kinds, start, size, LONGEST)
    return History(
        tuple(told(r, listed) if isinstance(r, Recorded) else _unread(loop, r) for r in found), total, counts
    )


def recorded_files(loop: OpenCampaign) -> tuple[RecordedFile, ...]:
    """The files of results on record, in the order in which they came."""
    state = loop.campaign.state()
    counts = state.stored.per_event()
    events = sorted({*counts, *state.sources})
    return tuple(RecordedFile(e, state.sources.get(e, ""), *counts.get(e, (0, 0))) for e in events)


def results(
    loop: OpenCampaign, event: int | None = None, *, candidate: str = "", start: int = 0, size: int = 100
) -> ResultsPage:
    """Results on record, also voided ones and controls.

    Args:
        loop: the campaign.
        event: only those that came with it.
        candidate: only its, in any notation.
        start: first result, from 0.
        size: of the page.

    Raises:
        InputError: the name cannot be read, or the page is impossible.
    """
    _check_page(start, size)
    pool = loop.campaign.pool
    name = pool.names([pool.find(candidate)])[0] if candidate else ""
    stored = loop.campaign.state().stored
    wanted = np.ones(len(stored), bool) if event is None else stored.of_events([event])
    if name:
        wanted &= stored.rows["candidate"] == stored.texts.names.find(name)
    found = np.flatnonzero(wanted)
    return ResultsPage(tuple(stored.take(found[start : start + size])), len(found))


def told(recorded: Recorded, listed: int = LISTED) -> HappenedEvent:
    """An event in words.

    Args:
        recorded: it.
        listed: entries of a long list among its fields that are told.
    """
    event, more = recorded.event, 0
    if isinstance(event, Measured) and (more := len(event.measurements) - listed) > 0:
        event = replace(event, measurements=event.measurements[:listed])
    kind, fields = encode(event)
    if more > 0:
        fields["measurements"].append(f"and {more:,} more")
    words = words_of(recorded.event)
    return HappenedEvent(recorded.sequence, recorded.at, recorded.actor, kind, words, _short(fields, listed + 1))


def _unread(loop: OpenCampaign, event: LongEvent) -> HappenedEvent:
    """A long event in words, as far as they are known without reading it."""
    words = f"{event.characters:,} characters"
    if KINDS.get(event.kind) is Measured:
        log = loop.folder.log
        query = "SELECT source, size FROM files WHERE campaign = :key AND event = :event"
        found = log.database.read(query, key=log.campaign, event=event.sequence)
        words = f"{many(found[0][1], 'result')} of {found[0][0] or 'no file'}" if found else words
    return HappenedEvent(event.sequence, event.at, event.actor, event.kind, words, {})


def _short(value: Any, listed: int) -> Any:
    """Fields as JSON holds them, of long lists the beginning."""
    if isinstance(value, Mapping):
        return {str(key): _short(one, listed) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        more = [f"and {len(value) - listed:,} more"] * (len(value) > listed)
        return [*(_short(one, listed) for one in value[:listed]), *more]
    return value


def words_of(event: Event) -> str:
    """What happened, in a sentence without a full stop.

    >>> words_of(Voided(event=3, rows=(4, 5), reason="pipette"))
    'results of event 3 were voided, 2 rows: pipette'
    """
    match event:
        case Configured():
            return f"configured: {some([a.name for a in event.assays])} of {event.origin}"
        case Extended():
            return f"the pool was extended by {many(len(event.names), 'candidate')}: {event.origin}"
        case Proposed():
            version = event.proposal.version
            how = f"chosen by version {version}" if version else "chosen before any version"
            return f"proposal {event.proposal.number}: {many(len(event.proposal.picks), 'candidate')}, {how}"
        case PlateLaid():
            return f"the plates of proposal {event.proposal} were laid out anew"
        case PlateSent():
            return f"{event.plate} was sent to {event.to}{event.note and f': {event.note}'}"
        case RunFinished():
            return f"{event.device} ended the run {event.run} on {event.plate}: {event.outcome}"
        case RobotOrdered(order="release"):
            return f"{event.plate} may go to its device{event.reason and f': {event.reason}'}"
        case RobotOrdered():
            told = {"run": "runs", "pause": "is paused", "stop": "is stopped"}[event.order]
            return f"the robot {told}{event.reason and f': {event.reason}'}"
        case Measured():
            again = f", correcting event {some([str(e) for e in event.replaces])}" if event.replaces else ""
            return f"{many(len(event.measurements), 'result')} of {event.source or 'no file'}{again}"
        case Voided():
            rows = f", {many(len(event.rows), 'row')}" if event.rows else ""
            return f"results of event {event.event} were voided{rows}: {event.reason}"
        case Fitted():
            held = f"; held back: {event.held_back}" if event.held_back else ""
            return f"version {event.version.number} was fitted{held}"
        case Promoted():
            return f"version {event.version} was made current: {event.reason}"
        case Pinned():
            return f"{'vetoed' if event.veto else 'pinned'}: {some(event.names)}{event.reason and f' ({event.reason})'}"
        case Distilled():
            return f"student {event.student.number} of version {event.student.version} was trained"


def _check_page(start: int, size: int) -> None:
    if start < 0 or not 0 < size <= MOST:
        raise InputError(f"a page of {size} from {start}: give 1 to {MOST:,}, from 0 on.")
