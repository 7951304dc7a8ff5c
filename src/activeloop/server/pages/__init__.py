"""HTML pages of the server, for people: readable without JavaScript, quicker with it."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from activeloop.server.api.common import PREFIX
from activeloop.server.pages import (
    audit,
    campaigns,
    candidates,
    demo,
    model,
    new,
    overview,
    plates,
    results,
    robot,
    settings,
    students,
)
from activeloop.server.pages.base import http_page
from activeloop.server.problems import problem_of

STATIC = Path(__file__).parents[1] / "static"


def install(app: FastAPI) -> None:
    """Add the pages and their static files to an application."""
    for part in (campaigns, new, overview, plates, results, candidates, model, students, robot, audit, settings, demo):
        app.routes.extend(part.router.routes)

    @app.exception_handler(HTTPException)
    def of_http(request: Request, error: HTTPException) -> Response:
        """Outside of pages, too, a browser is answered by one."""
        browser = "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(PREFIX)
        return http_page(request, error) if browser else problem_of(error)

    app.mount("/static", StaticFiles(directory=STATIC), name="static")
