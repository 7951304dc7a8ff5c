"""The list of campaigns, each with its state and what it waits for."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from activeloop.config.store import StoredCampaign
from activeloop.errors import ActiveLoopError
from activeloop.server.access import CampaignAccess, OpenCampaigns, SignedIn, role_named
from activeloop.server.api.campaigns import listed_for
from activeloop.server.forms import Role
from activeloop.server.pages.base import computed, page, pages_router
from activeloop.server.pages.overview import strip_fields
from activeloop.server.wall import allow

router = pages_router()

SHOWN = 50
"""Campaigns on one page."""


@router.get("/")
def campaigns(request: Request, user: SignedIn, held: OpenCampaigns, search: str = "", at: int = 1) -> HTMLResponse:
    """All campaigns that the caller may see."""
    roles, words = request.app.state.identity.roles(user), search.casefold().split()
    found: list[tuple[StoredCampaign, Role]] = [
        (one, user.most if roles is None else role_named(roles[one.key]))
        for one in listed_for(held.store, roles)
        if all(word in one.name.casefold() for word in words)
    ]
    pages = max(-(-len(found) // SHOWN), 1)
    at = min(max(at, 1), pages)
    allow(*(one.key for one, _ in found))
    rows = [
        _row(request, CampaignAccess(one.key, user, role, "", held), one.name, one.created)
        for one, role in found[(at - 1) * SHOWN : at * SHOWN]
    ]
    fields = {"rows": rows, "count": len(found), "search": search, "at": at, "pages": pages}
    return page(request, "campaigns.html", title="Campaigns", **fields)


def _row(request: Request, access: CampaignAccess, name: str, created: str) -> dict[str, Any]:
    """What the list says of a campaign; one that cannot be opened says why."""
    row: dict[str, Any] = {"key": access.key, "name": name, "created": created, "problem": "", "status": None}
    try:
        with access.open() as loop:
            row["status"] = computed(request).of(access.key, loop.campaign.state().last, "status", loop.campaign.status)
            row |= strip_fields(access, loop)
            row["assays"] = [assay.name for assay in loop.campaign.assays]
    except ActiveLoopError as error:
        row["problem"] = str(error)
    return row | {"name": name}
