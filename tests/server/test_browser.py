"""A newcomer's day at the server's pages, in a real browser, on SQLite and on PostgreSQL."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from activeloop.config import Store, config_text, open_folder
from activeloop.desk.demonstration import PARENT, SITES, measured_list
from activeloop.desk.propose import plates_of
from activeloop.server.settings import Settings
from tools.page_pictures import browsing, find_chromium, serving, settle

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="needs Chromium"),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

PAGES = (
    "",
    "/plates",
    "/plates/plate-1",
    "/results",
    "/candidates",
    "/model",
    "/students",
    "/robot",
    "/audit",
    "/audit/people",
    "/settings",
)
SLOW = 240_000
"""Milliseconds within which a worker fits a version or trains a student."""


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Of a server on either kind of database."""
    if request.param == "sqlite":
        yield Settings(database=str(tmp_path / "server"))
        return
    import psycopg

    name, address = f"test_{uuid.uuid4().hex[:12]}", request.getfixturevalue("postgresql_server")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    found = f"{address}&options=-csearch_path%3D{name}"
    yield Settings(database=found, artifacts=str(tmp_path / "artifacts"), cache=str(tmp_path / "work"))


def opened(settings: Settings) -> Store:
    return Store.open(settings.database, settings.artifacts, Path(settings.cache) if settings.cache else None)


def results_of(store: Store, key: str, number: int, folder: Path) -> Path:
    """What the laboratory wrote about the plate of a proposal."""
    loop = open_folder(store.folder(key))
    return measured_list(loop, plates_of(loop, number).plates[0], folder)


def with_mistakes(measured: Path, to: Path) -> Path:
    """A list that a laboratory wrote (plate, well, value), in which a well, a plate and a value are wrong."""
    header, *rows = (line.split(",") for line in measured.read_text(encoding="utf-8").splitlines())
    rows[2][1], rows[5][0], rows[9][2] = "H13", "plate-9", "see note"
    to.write_text("".join(f"{','.join(row)}\n" for row in (header, *rows)), encoding="utf-8")
    return to


def shorten_training(store: Store, key: str) -> None:
    config = open_folder(store.folder(key)).config
    student = config.student.model_copy(update={"network": "conv", "options": {"width": 8}, "training": {"steps": 30}})
    store.configure(key, config_text(config.model_copy(update={"student": student})))


def refused(page: Any) -> list[str]:
    """What axe-core finds wrong with a page, of what it calls serious or worse."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{page.url}: {one['id']}: {one['nodes'][0]['html'][:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def test_a_day_of_a_newcomer(settings: Settings, tmp_path: Path) -> None:
    store = opened(settings)
    with serving(settings, store) as address, browsing(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        errors: list[str] = []
        page.on("console", lambda m: errors.append(m.text) if "Content Security" in m.text else None)
        page.on("pageerror", lambda e: errors.append(str(e)))
        page.set_default_timeout(30_000)

        # a campaign from FASTA, looked at before it is made
        page.goto(address)
        page.get_by_role("link", name="New campaign").first.click()
        page.get_by_label("Name", exact=True).first.fill("Planted <b>protein</b>")
        page.get_by_label("Wild type").fill(f">planted\n{PARENT}\n")
        page.get_by_label("All combinations at some sites").check()
        page.get_by_label("Sites", exact=True).fill(", ".join(SITES))
        page.locator("#assay_name_0").fill("activity")
        page.get_by_label("Wells of a plate").select_option("24")
        page.get_by_label("Controls", exact=True).fill("2")
        page.get_by_role("button", name="Look at it").click()
        assert "8,000 variants" in page.locator("#preview").inner_text()
        assert page.locator(".sequence .on").all_inner_texts() == ["Y", "V", "L"]
        assert not refused(page)
        page.get_by_role("button", name="Make the campaign").last.click()
        page.wait_for_url(re.compile("/campaigns/[0-9a-f]{32}$"))
        key = page.url.rsplit("/", 1)[1]
        assert page.locator("h1").inner_text() == "Planted <b>protein</b>"

        # the first plate, downloaded
        page.get_by_role("button", name="Propose the first plate").click()
        page.wait_for_url("**/plates/plate-1")
        with page.expect_download() as coming:
            page.get_by_role("link", name="Workbook").click()
        assert coming.value.suggested_filename == "plate-1.xlsx"

        # results with three bad rows: seen explained, and nothing stored
        measured = results_of(store, key, 1, tmp_path)
        page.get_by_role("link", name="Upload results").click()
        page.locator("#file").set_input_files(with_mistakes(measured, tmp_path / "bad.csv"))
        page.get_by_role("button", name="Look at it").click()
        wrong = page.locator("table", has_text="What is wrong").inner_text()
        assert "H13" in wrong
        assert "plate-9" in wrong
        assert "see note" in wrong
        assert not page.get_by_role("button", name=re.compile("Store ")).count()
        page.locator("#file").set_input_files(measured)
        page.get_by_role("button", name="Look again").click()
        assert "would be stored" in page.locator(".verdict").inner_text()
        page.get_by_role("button", name=re.compile(r"Store \d+ results")).click()
        assert "Stored" in page.get_by_role("status").inner_text()

        # a version appears by itself
        page.get_by_role("link", name="Overview").click()
        page.get_by_role("link", name="version 1").wait_for(timeout=SLOW)
        page.get_by_text("Go on or stop?").wait_for()
        page.locator("#progress figure svg").first.wait_for()

        # the next plate, two wells swapped before it is sent
        page.get_by_role("button", name="Propose the next plate").click()
        page.wait_for_url("**/plates/plate-2")
        held = page.locator("figure svg g > title").all_text_contents()
        first, other = (text.partition(": ") for text in held[:2])
        page.get_by_label("Swap well").fill(first[0])
        page.get_by_label("with", exact=True).fill(other[0])
        page.get_by_role("button", name="Swap").click()
        page.wait_for_load_state()
        now = dict(text.split(": ", 1) for text in page.locator("figure svg g > title").all_text_contents())
        assert now[first[0]].split(" ")[0] == other[2].split(" ")[0]
        results = results_of(store, key, 2, tmp_path)
        page.get_by_role("link", name="Results", exact=True).click()
        page.locator("#file").set_input_files(results)
        page.get_by_role("button", name="Look at it").click()
        page.get_by_role("button", name=re.compile(r"Store \d+ results")).click()
        page.get_by_role("link", name="Overview").click()
        page.get_by_role("link", name="version 2").wait_for(timeout=SLOW)

        # roll back, and promote again: both are signed with a reason
        page.get_by_role("link", name="Model").click()
        for number, does in (("1", "Roll back"), ("2", "Promote")):
            row = page.locator("tbody tr", has=page.get_by_role("rowheader", name=number, exact=True)).first
            row.locator("summary", has_text="...").last.click()
            row.get_by_label("Why").fill("to try it")
            row.get_by_role("button", name=does).click()
            page.get_by_text(f"Version {number} predicts and proposes.").wait_for()
        assert not errors, errors

        # extend the pool, pin and veto
        page.get_by_role("link", name="Candidates").click()
        page.locator("#table tbody tr").first.wait_for()
        page.get_by_label("Every residue at new positions").check()
        page.get_by_label("Positions", exact=True).fill("10")
        page.get_by_role("button", name="Extend the pool").click()
        page.wait_for_url("**/candidates?**")
        page.get_by_label("Names").fill("Y5A:V15A:L23A")
        page.get_by_role("button", name=re.compile("^Pin")).click()
        page.get_by_label("Show").select_option("pinned")
        page.get_by_role("button", name="Find").click()
        assert "Y5A:V15A:L23A" in page.locator("#table").inner_text()

        # a student, opened in the browser; the full training takes minutes
        shorten_training(store, key)
        page.get_by_role("link", name="Students").click()
        page.get_by_role("button", name=re.compile("Train a student")).click()
        page.get_by_role("link", name="Open its page").wait_for(timeout=SLOW)
        with context.expect_page() as other_page:
            page.get_by_role("link", name="Open its page").click()
        student = other_page.value
        student.wait_for_load_state()
        assert "Predicted activity" in student.title()
        student.close()

        # every page: nothing serious for axe-core
        found = []
        for path in ("/", "/new", "/part-11", "/trail", *(f"/campaigns/{key}{one}" for one in PAGES)):
            page.goto(f"{address}{path}")
            settle(page)
            found += refused(page)
        assert not found, "\n".join(found)
        assert not errors, errors
    store.close()


def test_every_page_is_read_without_a_script(tmp_path: Path) -> None:
    settings = Settings(database=str(tmp_path / "server"))
    store = opened(settings)
    with serving(settings, store, worker=False) as address, browsing(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(address)
        page.get_by_role("button", name="Open the demonstration").click()
        key = page.url.rsplit("/", 1)[1]
        page.locator("#n").fill("20")
        page.get_by_role("button", name="Propose the first plate").click()
        page.get_by_role("button", name="Let the simulated laboratory measure it").click()
        page.get_by_role("link", name="Show the advice").click()
        assert page.locator("figure svg").count() >= 1
        for path in ("/", "/new", "/part-11", "/trail", *(f"/campaigns/{key}{one}" for one in PAGES)):
            answer = page.goto(f"{address}{path}")
            assert answer is not None
            assert answer.status == 200, path
            assert page.locator("h1").count() == 1, path
            assert "script-src 'self'" in answer.headers["content-security-policy"]
            assert not page.locator("main [style], main script, main style").count(), path
            page.pdf()
    store.close()
