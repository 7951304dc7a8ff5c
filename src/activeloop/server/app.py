"""The web application: API, pages, and who may use them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse

from activeloop._version import __version__
from activeloop.server import problems
from activeloop.server.access import LOCAL, Campaigns, User
from activeloop.server.settings import Settings

if TYPE_CHECKING:
    from activeloop.config.store import Store


def create_app(settings: Settings, store: Store | None = None) -> FastAPI:
    """The application of a server.

    `app.state` holds `settings`, `store`, `campaigns` (those that are open) and `role_of(user, campaign)`.

    Args:
        settings: of the server.
        store: of the campaigns; opened by the settings when None.
    """
    if store is None:
        from activeloop.config.store import Store

        store = Store.open(settings.database, settings.artifacts, Path(settings.cache) if settings.cache else None)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield

    app = FastAPI(
        title="ActiveLoop",
        version=__version__,
        lifespan=lifespan,
        docs_url="/api/v1/docs",
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.state.settings, app.state.store = settings, store
    app.state.campaigns = Campaigns(store, settings.open_campaigns)
    app.state.role_of = _role_of
    problems.install(app)

    @app.middleware("http")
    async def identify(request: Request, call_next):
        request.state.user = LOCAL if settings.single_user else None
        return await call_next(request)

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> PlainTextResponse:
        """Whether the process answers."""
        return PlainTextResponse("ok")

    if find_spec("activeloop.server.pages"):
        from activeloop.server import pages  # pyright: ignore[reportAttributeAccessIssue]

        pages.install(app)  # adds the router of HTML pages and its static files
    return app


def _role_of(user: User, campaign: str) -> str:
    """What a user is in a campaign; "" = nothing."""
    return "owner" if user.admin else ""
