"""The audit trail of a campaign: what happened, when, by whom; whether it is as it was written; what 21 CFR 11 asks."""

from __future__ import annotations

import json
from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import HTMLResponse

from activeloop.campaigns.events import (
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
    RunFinished,
    Voided,
    encode,
)
from activeloop.desk.verify import verify
from activeloop.server.access import Reader
from activeloop.server.pages.base import page, pages_router
from activeloop.server.pages.overview import campaign_fields
from activeloop.words import many, some

router = pages_router()

SHOWN = 50
"""Events of one page."""
LONGEST = 4_000
"""Characters of an event's fields that are shown."""


@dataclass(frozen=True)
class Line:
    """An event as the trail shows it.

    Args:
        recorded: it.
        kind: of it.
        words: what happened.
        fields: of it, as JSON.
    """

    recorded: Recorded
    kind: str
    words: str
    fields: str


def line_of(recorded: Recorded) -> Line:
    """An event as the trail shows it."""
    kind, fields = encode(recorded.event)
    written = json.dumps(fields, ensure_ascii=False, indent=1)
    more = f"\n... {len(written) - LONGEST:,} more characters" if len(written) > LONGEST else ""
    return Line(recorded, kind, words_of(recorded.event), written[:LONGEST] + more)


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
            who = f"version {event.proposal.version}" if event.proposal.version else "no version yet"
            return f"proposal {event.proposal.number}: {many(len(event.proposal.picks), 'candidate')}, chosen by {who}"
        case PlateLaid():
            return f"the plates of proposal {event.proposal} were laid out anew"
        case PlateSent():
            return f"{event.plate} was sent to {event.to}{event.note and f': {event.note}'}"
        case RunFinished():
            return f"{event.device} ended the run {event.run} on {event.plate}: {event.outcome}"
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


@router.get("/campaigns/{campaign}/audit")
def audit(request: Request, access: Reader, kind: str = "", at: int = 1, check: bool = False) -> HTMLResponse:
    """The trail, the newest first."""
    with access.open() as loop:
        log = list(loop.folder.log)
        kinds = sorted({encode_kind(r.event) for r in log})
        found = [r for r in reversed(log) if not kind or encode_kind(r.event) == kind]
        pages = max(-(-len(found) // SHOWN), 1)
        at = min(max(at, 1), pages)
        lines = [line_of(r) for r in found[(at - 1) * SHOWN : at * SHOWN]]
        checked = verify(loop.folder) if check else None
        fields = campaign_fields(access, loop)
    fields |= {"lines": lines, "kinds": kinds, "kind": kind, "at": at, "pages": pages, "checked": checked}
    return page(request, "audit.html", title=f"Audit of {fields['name']}", events=len(log), **fields)


def encode_kind(event: Event) -> str:
    """The kind of an event, as it is stored."""
    from activeloop.campaigns.events import KINDS

    return next(name for name, kind in KINDS.items() if isinstance(event, kind))


@router.get("/part-11")
def part_11(request: Request) -> HTMLResponse:
    """What 21 CFR Part 11 asks, and which of it this software does."""
    return page(request, "part11.html", title="21 CFR Part 11")
