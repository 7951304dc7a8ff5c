"""What those who run the server ask: is it alive, is it ready, how does it do."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from activeloop.errors import ActiveLoopError
from activeloop.server.access import SignedIn
from activeloop.server.problems import Problem
from activeloop.server.wall import everything
from activeloop.work.leases import Work

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
async def healthz() -> PlainTextResponse:
    """Whether the process answers."""
    return PlainTextResponse("ok\n")


@router.get("/readyz")
def readyz(request: Request) -> PlainTextResponse:
    """Whether requests can be answered: the database is there and has the schema of this release, or a newer one."""
    from activeloop.store.migrate import HEAD

    try:
        found = request.app.state.store.database.read("SELECT version_num FROM alembic_version")
    except ActiveLoopError as error:
        raise Problem(503, str(error), "Wait, or look at the database.") from error
    except Exception as error:  # whatever a driver raises when its server is gone
        raise Problem(503, "the database cannot be reached.", "Wait, or look at the database.") from error
    if not found or found[0][0] < HEAD:  # a newer one is that of an upgrade under way, which this release survives
        raise Problem(503, f"the database has the schema {found}, and this release needs {HEAD}.", "Migrate it.")
    return PlainTextResponse("ready\n")


@router.get("/metrics")
def metrics(request: Request, user: SignedIn) -> Response:
    """Figures for Prometheus, for whoever may do everything."""
    if not user.admin:
        raise Problem(403, "figures are for those who run the server.", "Use a token of an administrator.")
    state = request.app.state
    state.metrics.open.set(len(state.campaigns))
    with everything():
        state.metrics.show_work(Work(state.store.database).states())
    return Response(generate_latest(state.metrics.registry), media_type=CONTENT_TYPE_LATEST)


def install(app: FastAPI) -> None:
    """Add these answers to an application."""
    app.routes.extend(router.routes)
