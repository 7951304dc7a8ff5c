"""The web application: API, pages, and who may use them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from fastapi import FastAPI

from activeloop._version import __version__
from activeloop.server import api, identity, operations, problems, wall
from activeloop.server.access import Campaigns
from activeloop.server.compute import Compute, Place, open_store
from activeloop.server.computed import Computed
from activeloop.server.guard import Guard, Metrics
from activeloop.server.hooks import Hooks, deliver_forever
from activeloop.server.settings import Settings
from activeloop.server.watch import Watch

if TYPE_CHECKING:
    from fastapi.telemetry import TelemetryConfig

    from activeloop.config.store import Store

UNTRACED = ("/healthz", "/readyz", "/metrics", "/static/")
"""Paths that are asked for all the time, and tell nothing in a trace."""
TELEMETRY: TelemetryConfig = {
    "metrics": False,  # they stand at /metrics
    "logs": False,  # likewise in the log
    "operation_spans": False,
    "auto_configure": False,  # `activeloop.tracing` does, for workers too
    "exclude": lambda scope: scope["path"].startswith(UNTRACED),
}
"""What FastAPI traces of a request, where tracing is set up."""


def create_app(settings: Settings, store: Store | None = None) -> FastAPI:
    """The application of a server.

    `app.state` holds `settings`, `store`, `campaigns` (those that are open), `identity`, `accounts`, `compute` (child
    processes), `computed` (what was computed for pages), `watch` (who follows events), `hooks`, `metrics`, and
    `role_of(user, campaign)`.

    Args:
        settings: of the server.
        store: of the campaigns; opened by the settings when None.
    """
    place = Place(settings.database, settings.artifacts, settings.cache, settings.allowed_models)
    store = store or open_store(place)
    wall.install(store.database)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.identity.prepare()
        app.state.accounts.forget()
        delivering = asyncio.create_task(deliver_forever(app.state.hooks))
        with store.database.kept_open():
            yield
        app.state.watch.stop()
        delivering.cancel()
        await app.state.compute.stop()

    app = FastAPI(
        title="ActiveLoop",
        summary="Plates out, results in, the model learns by itself.",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,  # the usual page of it loads scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        license_info={"name": "Apache-2.0"},
        telemetry=TELEMETRY,
    )
    app.state.settings, app.state.store = settings, store
    app.state.campaigns = Campaigns(store, settings.open_campaigns)
    app.state.role_of = identity.install(app, settings, store.database).role
    app.state.compute = Compute(place)
    app.state.computed = Computed()
    app.state.watch = Watch(store.database)
    app.state.hooks = Hooks(app.state.accounts, private=settings.private_webhooks or settings.single_user)
    app.state.metrics = Metrics()
    problems.install(app)
    operations.install(app)
    api.install(app)
    if find_spec("activeloop.server.pages"):
        from activeloop.server import pages

        pages.install(app)
    app.add_middleware(Guard, settings=settings, metrics=app.state.metrics)  # the outermost
    return app
