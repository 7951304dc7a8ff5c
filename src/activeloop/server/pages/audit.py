"""The audit trail of a campaign: what happened, when, by whom; whether it is as it was written; what 21 CFR 11 asks."""

from __future__ import annotations

import json
from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import HTMLResponse

from activeloop.campaigns.events import Recorded, encode
from activeloop.desk.history import kind_of, words_of
from activeloop.desk.verify import verify
from activeloop.server.access import Reader
from activeloop.server.pages.base import page, pages_router
from activeloop.server.pages.overview import campaign_fields

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


@router.get("/campaigns/{campaign}/audit")
def audit(request: Request, access: Reader, kind: str = "", at: int = 1, check: bool = False) -> HTMLResponse:
    """The trail, the newest first."""
    with access.open() as loop:
        log = list(loop.folder.log)
        kinds = sorted({kind_of(r.event) for r in log})
        found = [r for r in reversed(log) if not kind or kind_of(r.event) == kind]
        pages = max(-(-len(found) // SHOWN), 1)
        at = min(max(at, 1), pages)
        lines = [line_of(r) for r in found[(at - 1) * SHOWN : at * SHOWN]]
        checked = verify(loop.folder) if check else None
        fields = campaign_fields(access, loop)
    fields |= {"lines": lines, "kinds": kinds, "kind": kind, "at": at, "pages": pages, "checked": checked}
    return page(request, "audit.html", title=f"Audit of {fields['name']}", events=len(log), **fields)


@router.get("/part-11")
def part_11(request: Request) -> HTMLResponse:
    """What 21 CFR Part 11 asks, and which of it this software does."""
    return page(request, "part11.html", title="21 CFR Part 11")
