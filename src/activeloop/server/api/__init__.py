"""The API under `/api/v1`: for programs, devices and other people's scripts."""

from __future__ import annotations

from fastapi import FastAPI

from activeloop.server.api import campaigns, candidates, events, models, people, plates, results, robot


def install(app: FastAPI) -> None:
    """Add the API to an application."""
    for part in (campaigns, candidates, plates, results, robot, models, events, people):
        app.routes.extend(part.router.routes)  # as they are: an included router makes each of them anew
