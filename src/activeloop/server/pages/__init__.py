"""HTML pages of the server, for people: readable without JavaScript, quicker with it."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

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

STATIC = Path(__file__).parents[1] / "static"


def install(app: FastAPI) -> None:
    """Add the pages and their static files to an application."""
    for part in (campaigns, new, overview, plates, results, candidates, model, students, robot, audit, settings, demo):
        app.routes.extend(part.router.routes)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
