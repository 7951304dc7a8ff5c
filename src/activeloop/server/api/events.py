"""What happened: the log, as it happens, and the audit trail."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Query, Request
from sse_starlette.sse import EventSourceResponse

from activeloop.server import forms
from activeloop.server.access import Owner, Reader
from activeloop.server.api.common import Limit, part
from activeloop.server.views import events_out

router = part("events")
After = Annotated[int, Query(ge=0, le=2**62)]


@router.get("/campaigns/{campaign}/events")
def list_events(
    access: Reader,
    after: After = 0,
    limit: Limit = 100,
    payload: bool = False,
    kind: Annotated[list[str], Query(max_length=20)] = [],  # noqa: B006 - FastAPI copies it
) -> forms.EventsOut:
    """Events of the log in order, after a number."""
    database = access.campaigns.store.database
    found = events_out(database, access.key, after, limit, payload=payload, kinds=kind)
    return forms.EventsOut(events=found, last=access.last)


@router.get("/campaigns/{campaign}/events/stream", response_class=EventSourceResponse)
async def stream_events(
    request: Request,
    access: Reader,
    after: Annotated[int | None, Query(ge=0, le=2**62, description="from now on when left out")] = None,
    last_event_id: Annotated[str, Header()] = "",
) -> EventSourceResponse:
    """Events as they happen, and the progress of work, as server-sent events.

    A client that was cut off sends `Last-Event-ID`, as browsers do by themselves, and misses nothing.
    """
    known = last_event_id.isdigit() and len(last_event_id) < 19
    start = int(last_event_id) if known else access.last if after is None else after
    return EventSourceResponse(request.app.state.watch.follow(access.key, start), ping=15)


@router.get("/campaigns/{campaign}/audit")
def show_audit(request: Request, access: Reader, after: After = 0, limit: Limit = 100) -> forms.AuditOut:
    """The audit trail: events of the campaign with who and why, and who was allowed what."""
    trail = request.app.state.accounts.trail(access.key, limit=1_000) if access.may("owner") else ()
    return forms.AuditOut(
        events=events_out(access.campaigns.store.database, access.key, after, limit),
        trail=[forms.TrailOut.model_validate(entry) for entry in trail],
        last=access.last,
    )


@router.get("/campaigns/{campaign}/audit/verification")
def verify_audit(request: Request, access: Owner) -> forms.VerifiedOut:
    """Whether every event, model and entry of the trail stands as it was written."""
    from activeloop.desk.verify import verify

    with access.open() as loop:
        found = verify(loop.folder)
    problems = [*found.problems, *request.app.state.accounts.verify()]
    return forms.VerifiedOut(events=found.events, artifacts=found.artifacts, problems=problems)
