"""Pictures of the server's pages: `python -m tools.page_pictures [FOLDER]` (needs Chromium and Playwright).

A demonstration of three rounds is served, and every page is taken in light and dark, as wide as a laptop and a tablet.
Without a folder only those of the documentation are written anew, into `docs/pictures`.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn

from activeloop.config import OpenCampaign, RobotConfig, Store, config_text, open_folder
from activeloop.config.students import trainer_of
from activeloop.desk.demonstration import NAME, demonstration, measure
from activeloop.desk.new import draft
from activeloop.desk.propose import propose
from activeloop.lab import Robot
from activeloop.server.app import create_app
from activeloop.server.settings import Settings
from activeloop.work import Place, Timing, Worker
from activeloop.work.places import work_of

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
ROUNDS, PICKS, STEPS = 3, 88, 60
WIDTHS = {"laptop": 1280, "tablet": 834}
HEIGHT = 900
PAGES = {
    "campaigns": "/",
    "new": "/new",
    "campaign": "/campaigns/{key}",
    "plates": "/campaigns/{key}/plates",
    "plate-measured": "/campaigns/{key}/plates/plate-2",
    "plate-out": "/campaigns/{key}/plates/plate-4",
    "results": "/campaigns/{key}/results",
    "candidates": "/campaigns/{key}/candidates",
    "why": "/campaigns/{key}/candidates/Y5S:V15E:L23S/why",
    "model": "/campaigns/{key}/model",
    "students": "/campaigns/{key}/students",
    "audit": "/campaigns/{key}/audit",
    "settings": "/campaigns/{key}/settings",
    "people": "/campaigns/{key}/audit/people",
    "trail": "/trail",
    "robot": "/campaigns/{robot}/robot",
    "part-11": "/part-11",
}
"""Name of a picture -> its page."""
KEPT = {
    "page-campaign": ("campaign", "laptop", "light"),
    "page-plate": ("plate-measured", "laptop", "light"),
    "page-candidates": ("candidates", "laptop", "light"),
    "page-robot": ("robot", "laptop", "light"),
    "page-robot-dark": ("robot", "laptop", "dark"),
    "page-robot-tablet": ("robot", "tablet", "light"),
    "page-robot-tablet-dark": ("robot", "tablet", "dark"),
}
"""Picture of the documentation -> the page that it shows the beginning of, how wide, and light or dark."""


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
        if time.monotonic() > deadline:
            raise TimeoutError("the server did not start")
        time.sleep(0.02)
    does = Worker([Place(settings.database, settings.artifacts, settings.cache)], Timing(quiet=0.2))
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


def settle(page: Any) -> None:
    """Wait until all parts of a page are there."""
    page.wait_for_load_state("load")
    page.wait_for_function("() => !document.querySelector('main [aria-busy=true]')")


def predicted(page: Any) -> None:
    """Wait until the candidates have their predictions, which a worker of the server makes."""
    settle(page)
    page.wait_for_function("() => !document.querySelector('#found > [hx-trigger]')", timeout=120_000)


def demonstrated(store: Store) -> str:
    """The key of a campaign with three rounds, a student, a fourth plate that is out, and something pinned."""
    planned = draft(replace(demonstration(), price=1.5))
    key = store.create(NAME, planned.text, planned.inputs, actor="Ada")
    loop = open_folder(store.folder(key, actor="Ada"))
    for _ in range(ROUNDS):
        measure(loop, propose(loop, PICKS).plates[0])
    loop.campaign.fit()
    _teach(loop)
    loop.campaign.pin(["Y5A:V15A:L23A"], "asked for by the group next door")
    loop.campaign.veto(["Y5P:V15P:L23P"], "does not fold")
    propose(loop, PICKS)
    return key


def robotic(store: Store) -> str:
    """The key of a campaign whose robot has made two rounds and fills the plate of the third."""
    planned = draft(replace(demonstration(seed=3), wells=96, controls=6))
    robot = RobotConfig(devices=["simulated"], rounds=8, number=40, max_wells=700, approve=True)
    key = store.create("Lipase, unattended", config_text(planned.config.model_copy(update={"robot": robot})), {}, "Ada")
    loop = open_folder(store.folder(key, actor="Ada"))
    loop.campaign.order_robot("run", reason="the deck is set up, stocks are full")
    loop.folder.log.actor = "robot"
    one = Robot.of(loop)
    step = one.step()
    while step.doing != "running" or len(loop.campaign.state().proposals) < ROUNDS:
        if step.doing == "approval":
            loop.folder.log.actor = "Ada"
            loop.campaign.order_robot("release", f"plate-{len(loop.campaign.state().proposals)}")
            loop.folder.log.actor = "robot"
        step = one.step()
    work = work_of(loop)
    lease = work.claim(loop.folder.log.campaign, "robot", "bench-2:4711")
    assert lease is not None  # nobody else does it
    work.renew(lease, step.share, "".join(f"{words}\n" for words in (f"plate-{ROUNDS} went to the robot.", step.words)))
    work.later(lease, f"{step.words} {step.share:.0%} of it is done.", 3600)
    return key


def _teach(loop: OpenCampaign) -> None:
    update = {"network": "conv", "options": {"width": 16}, "training": {"steps": STEPS}}
    settings = loop.config.student.model_copy(update=update)
    loop.campaign.distil(trainer_of(settings, loop.campaign.pool, str(loop.folder.config)))


def photograph(address: str, keys: Mapping[str, str], folder: Path) -> None:
    """Every page in light and dark, as wide as a laptop and as a tablet."""
    for width, pixels in WIDTHS.items():
        for scheme in ("light", "dark"):
            size = {"width": pixels, "height": HEIGHT}
            with browsing(viewport=size, color_scheme=scheme) as context:
                page = context.new_page()
                for name, path in PAGES.items():
                    page.goto(address + path.format(**keys))
                    predicted(page)
                    page.screenshot(path=folder / f"{name}-{scheme}-{width}.png", full_page=True)


def keep(address: str, keys: Mapping[str, str]) -> None:
    """The few pictures of the documentation."""
    for name, (shown, width, scheme) in KEPT.items():
        size = {"width": WIDTHS[width], "height": HEIGHT}
        with browsing(viewport=size, color_scheme=scheme) as context:
            page = context.new_page()
            page.goto(address + PAGES[shown].format(**keys))
            predicted(page)
            page.screenshot(path=PICTURES / f"{name}.png")


def main(arguments: list[str]) -> None:
    """Write the pictures."""
    with tempfile.TemporaryDirectory() as name:
        settings = Settings(database=str(Path(name) / "server"))
        store = Store.open(settings.database)
        keys = {"key": demonstrated(store), "robot": robotic(store)}
        with serving(settings, store, worker=False) as address:
            if arguments:
                folder = Path(arguments[0])
                folder.mkdir(parents=True, exist_ok=True)
                photograph(address, keys, folder)
            else:
                keep(address, keys)
        store.close()


if __name__ == "__main__":
    main(sys.argv[1:])
