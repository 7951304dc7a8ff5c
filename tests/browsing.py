"""A server with its worker, and a browser that visits it."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from activeloop.config import Store
from activeloop.server.app import create_app
from activeloop.server.settings import Settings
from activeloop.work import Place, Timing, Worker

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find_chromium() -> str | None:
    """The path of an installed Chromium, or None."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


@contextmanager
def serving(settings: Settings, store: Store, *, worker: bool = True) -> Iterator[str]:
    """The address of a server on a free port, with a worker beside it unless `worker` is False."""
    server = uvicorn.Server(uvicorn.Config(create_app(settings, store), port=0, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.02)
    place = Place(settings.database, settings.artifacts, settings.cache)
    does = Worker([place], Timing(quiet=0.2))
    works = threading.Thread(target=does.run, args=(lambda words: None,), daemon=True)
    if worker:
        works.start()
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        does.stop()
        server.should_exit = True
        if worker:
            works.join(30)
        thread.join(30)


@contextmanager
def browsing(**options: Any) -> Iterator[Any]:
    """A browser's context; its options are those of Playwright's `new_context`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser.new_context(**options)
        finally:
            browser.close()


def with_mistakes(measured: Path, to: Path) -> Path:
    """A list that a laboratory wrote (plate, well, value), in which a well, a plate and a value are wrong."""
    header, *rows = (line.split(",") for line in measured.read_text(encoding="utf-8").splitlines())
    rows[2][1], rows[5][0], rows[9][2] = "H13", "plate-9", "see note"
    to.write_text("".join(f"{','.join(row)}\n" for row in (header, *rows)), encoding="utf-8")
    return to
