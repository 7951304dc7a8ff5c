"""What all parts of the API share."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from activeloop.server import forms
from activeloop.server.access import CampaignAccess
from activeloop.server.compute import Order
from activeloop.server.idempotency import OnceRoute
from activeloop.server.problems import Problem

Limit = Annotated[int, Query(ge=1, le=1_000)]
Offset = Annotated[int, Query(ge=0, le=2**62)]
Wait = Annotated[float, Query(ge=0, le=300, description="seconds to wait; then 202, and the same request waits on")]
RUNNING: dict[int | str, dict[str, Any]] = {202: {"model": forms.Running, "description": "It takes longer."}}


PREFIX = "/api/v1"
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": forms.Problem, "description": words, "content": {"application/problem+json": {}}}
    for status, words in {
        400: "The request cannot be read.",
        401: "Nobody is signed in.",
        403: "The caller's role does not allow it.",
        404: "There is no such thing, or the caller is no member of its campaign.",
        409: "The campaign cannot do that now.",
        412: "The campaign is not as `If-Match` says.",
        413: "It is too large.",
        422: "It cannot be used.",
        429: "Too many requests.",
        503: "The store cannot be used now.",
    }.items()
}


def part(tag: str) -> APIRouter:
    """A part of the API."""
    return APIRouter(prefix=PREFIX, tags=[tag], route_class=OnceRoute, responses=PROBLEMS)


class NotModified(Problem):
    """The caller has it already."""

    def __init__(self, tag: str):
        super().__init__(304, "", "", {"etag": tag})


def tag_of(key: str, last: int) -> str:
    """The ETag of what follows from a campaign's log: it changes with every event, and with nothing else."""
    return f'"{key}.{last}"'


def fresh(request: Request, response: Response, access: CampaignAccess) -> None:
    """Answer with an ETag, or with 304 when the caller has it already.

    Raises:
        NotModified: nothing happened since.
    """
    tag = tag_of(access.key, access.last)
    if tag in [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]:
        raise NotModified(tag)
    response.headers["etag"] = tag


async def compute(request: Request, access: CampaignAccess, verb: str, wait: float, **arguments: Any) -> Any:
    """Let a child process do something with a campaign; what it gives, or 202 when it takes longer.

    Args:
        request: which it answers.
        access: to the campaign.
        verb: of `activeloop.server.verbs.VERBS`.
        wait: seconds to wait for it.
        arguments: of the verb.
    """
    wanted = access.if_match.partition(".")[2]
    order = Order(
        verb,
        access.key,
        access.user.actor,
        access.request,
        {key: value for key, value in arguments.items() if value is not None},
        int(wanted) if wanted.isdigit() else None,
    )
    found = await request.app.state.compute.wait(order, wait)
    if found is None:
        from fastapi.responses import JSONResponse

        return JSONResponse(forms.Running().model_dump(), 202, {"retry-after": "1"})
    return found


def page_links(request: Request, response: Response, offset: int, limit: int, total: int) -> None:
    """Say where the pages before and after are (RFC 8288)."""
    links = []
    for relation, start in (("prev", max(offset - limit, 0)), ("next", offset + limit)):
        if (relation == "prev" and offset) or (relation == "next" and start < total):
            links.append(f'<{request.url.include_query_params(offset=start, limit=limit)}>; rel="{relation}"')
    if links:
        response.headers["link"] = ", ".join(links)


Fresh = Depends(fresh)
