"""The audit trail of a campaign: what happened, when, by whom; whether it is as it was written; what 21 CFR 11 asks."""

from __future__ import annotations

import json

from fastapi import Request
from fastapi.responses import HTMLResponse

from activeloop.desk.history import HappenedEvent, history
from activeloop.desk.verify import verify
from activeloop.server.access import Reader
from activeloop.server.pages.base import page, pages_router
from activeloop.server.pages.overview import campaign_fields

router = pages_router()

SHOWN = 50
"""Events of one page."""
LONGEST = 1_500
"""Characters of an event's fields that are shown."""


def fields_of(event: HappenedEvent) -> str:
    """The fields of an event as the trail shows them."""
    written = json.dumps(event.fields, ensure_ascii=False, indent=1)
    return written if len(written) <= LONGEST else f"{written[:LONGEST]}\n..."


@router.get("/campaigns/{campaign}/audit")
def audit(request: Request, access: Reader, kind: str = "", at: int = 1, check: bool = False) -> HTMLResponse:
    """The trail, the newest first."""
    with access.open() as loop:
        at = max(at, 1)
        found = history(loop, (kind,) * bool(kind), start=(at - 1) * SHOWN, size=SHOWN)
        checked = verify(loop.folder) if check else None
        fields = campaign_fields(access, loop)
    pages = max(-(-found.total // SHOWN), 1)
    lines = [(event, fields_of(event)) for event in found.events]
    fields |= {"lines": lines, "kinds": sorted(found.kinds), "kind": kind, "at": at, "pages": pages, "checked": checked}
    events = sum(found.kinds.values())
    return page(request, "audit.html", title=f"Audit of {fields['name']}", events=events, **fields)


@router.get("/part-11")
def part_11(request: Request) -> HTMLResponse:
    """What 21 CFR Part 11 asks, and which of it this software does."""
    return page(request, "part11.html", title="21 CFR Part 11")
