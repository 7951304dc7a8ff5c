"""The API under `/api/v1`: for programs, devices and other people's scripts."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

from activeloop.server import forms
from activeloop.server.api import campaigns, candidates, events, models, people, plates, results, robot
from activeloop.server.idempotency import OnceRoute

PREFIX = "/api/v1"
PROBLEMS = {
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


def install(app: FastAPI) -> None:
    """Add the API to an application."""
    api = APIRouter(prefix=PREFIX, route_class=OnceRoute, responses=PROBLEMS)  # type: ignore[arg-type]
    for part in (campaigns, candidates, plates, results, robot, models, events, people):
        api.include_router(part.router)
    app.include_router(api)
