"""The audit trail of a campaign: what happened, when, by whom; whether it is as it was written; what 21 CFR 11 asks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from activeloop.desk.history import HappenedEvent, history
from activeloop.desk.verify import verify
from activeloop.server.access import Owner, Reader, SignedIn
from activeloop.server.api.campaigns import listed_for
from activeloop.server.pages.base import page, pages_router
from activeloop.server.pages.overview import campaign_fields
from activeloop.server.problems import Problem
from activeloop.store.accounts import TrailEntry

router = pages_router()

SHOWN = 50
"""Events of one page."""
LISTED, LONGEST = 10, 1_500
"""Entries of a list among an event's fields, and characters of all of them, that are shown."""


def fields_of(event: HappenedEvent) -> str:
    """The fields of an event as the trail shows them."""
    written = json.dumps(event.fields, ensure_ascii=False, indent=1)
    return written if len(written) <= LONGEST else f"{written[:LONGEST]}\n..."


@router.get("/campaigns/{campaign}/audit")
def audit(request: Request, access: Reader, kind: str = "", at: int = 1, check: bool = False) -> HTMLResponse:
    """The trail, the newest first."""
    with access.open() as loop:
        at = max(at, 1)
        found = history(loop, (kind,) * bool(kind), start=(at - 1) * SHOWN, size=SHOWN, listed=LISTED)
        checked = verify(loop.folder) if check else None
        fields = campaign_fields(access, loop)
    pages = max(-(-found.total // SHOWN), 1)
    lines = [(event, fields_of(event)) for event in found.events]
    fields |= {"lines": lines, "kinds": sorted(found.kinds), "kind": kind, "at": at, "pages": pages, "checked": checked}
    fields["owns"] = access.may("owner")
    events = sum(found.kinds.values())
    return page(request, "audit.html", title=f"Audit of {fields['name']}", events=events, **fields)


@dataclass(frozen=True)
class Entry:
    """An entry of the trail of accounts as a page shows it.

    Args:
        entry: it.
        words: what was done, in words.
        name: of the campaign; "" = of none.
    """

    entry: TrailEntry
    words: str
    name: str = ""


def words_of(entry: TrailEntry) -> str:
    """What an entry of the trail says, in words.

    >>> words_of(TrailEntry(1, "", "ada", "", "member", {"person": "bob@lab.example", "role": "reader"}))
    'bob@lab.example became reader'
    """
    told = {key: str(value) for key, value in entry.details.items() if value not in ("", None)}
    match entry.kind:
        case "signed-in" | "signed-out":
            return f"signed {entry.kind[7:]}"
        case "member":
            role = told.get("role")
            return f"{told.get('person')} {f'became {role}' if role else 'was taken out'}"
        case "token":
            return f"a token of {told.get('name')}, which may do what a {told.get('role')} does"
        case "token-revoked":
            return f"took token {told.get('token', '')[:8]} back"
        case "webhook":
            return f"events are told to {told.get('url')}"
        case "webhook-removed":
            return f"took webhook {told.get('webhook', '')[:8]} out"
        case "archived":
            return "put the campaign away"
        case "taken out":
            return "took the campaign out again"
    return "; ".join(f"{key.replace('_', ' ')}: {value}" for key, value in told.items())


@router.get("/campaigns/{campaign}/audit/people")
def trail_of_campaign(request: Request, access: Owner, at: int = 1, check: bool = False) -> HTMLResponse:
    """Who was let in, got a token or signed, in this campaign."""
    with access.open() as loop:
        fields = campaign_fields(access, loop)
    return _trail(request, access.key, at, check=check, fields=fields, address=f"{fields['root']}/audit/people")


@router.get("/trail")
def trail(request: Request, user: SignedIn, at: int = 1, check: bool = False) -> HTMLResponse:
    """Who signed in, was let in, got a token or signed, on the whole server."""
    if not user.admin:
        raise Problem(403, "the trail of the server is for those who run it.", "Look at that of your campaigns.")
    return _trail(request, "", at, check=check, fields={}, address="/trail")


def _trail(request: Request, key: str, at: int, *, check: bool, fields: dict[str, Any], address: str) -> HTMLResponse:
    accounts = request.app.state.accounts
    total = accounts.trail_length(key)
    pages = max(-(-total // SHOWN), 1)
    at = min(max(at, 1), pages)
    found: tuple[TrailEntry, ...] = accounts.trail(key, limit=SHOWN, newest=True, skip=(at - 1) * SHOWN)
    listed = () if key else listed_for(request.app.state.store, None)
    names = {one.key: one.name for one in listed}
    lines = [Entry(entry, words_of(entry), names.get(entry.campaign, entry.campaign[:8])) for entry in found]
    fields |= {"lines": lines, "total": total, "at": at, "pages": pages, "address": address}
    fields |= {"problems": accounts.verify() if check else None, "whole": not key}
    return page(request, "trail.html", title="Who was allowed what", **fields)


@router.get("/part-11")
def part_11(request: Request) -> HTMLResponse:
    """What 21 CFR Part 11 asks, and which of it this software does."""
    return page(request, "part11.html", title="21 CFR Part 11")
