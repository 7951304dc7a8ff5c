"""`activeloop serve`: the laboratory's server."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

WHERE = typer.Argument(metavar="DIR|URL", help="A folder, or postgresql://... (default: DATABASE_URL, else a folder).")
HOST = typer.Option(help="Where to listen (default: this machine only).")
PORT = typer.Option(help="Port (default: 8300; 0 = any free one).")
WORKER = typer.Option("--worker/--no-worker", help="Fit models beside the server (default: yes).")
BROWSER = typer.Option("--browser/--no-browser", help="Open a browser (default: when started by hand, for one user).")


def serve(
    where: Annotated[str | None, WHERE] = None,
    host: Annotated[str | None, HOST] = None,
    port: Annotated[int | None, PORT] = None,
    worker: Annotated[bool | None, WORKER] = None,
    browser: Annotated[bool | None, BROWSER] = None,
) -> None:
    """Serve campaigns to people, programs and robots: pages, an API, and a worker that fits models by itself.

    What else it is told stands in the environment; see the how-to on the server. Ctrl-C ends it.
    """
    import gc

    from activeloop.errors import MissingExtraError

    gc.disable()  # nothing of what is imported goes again, and to look for it takes a sixth of the start
    try:
        from activeloop.server.serving import run
        from activeloop.server.settings import Settings
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("activeloop"):
            raise
        raise MissingExtraError("the server", "server") from error
    settings = Settings.of(database=where, host=host, port=port, worker=worker)
    by_hand = settings.single_user and sys.stdout.isatty()
    run(settings, browser=by_hand if browser is None else browser)
