"""The robot's page and its API: orders of people, the deck, files of devices; and a day in a browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from test_pages import Client, Tags

from activeloop.config import Store, config_text, open_folder
from activeloop.config.config import RobotConfig
from activeloop.desk.demonstration import demonstration
from activeloop.desk.new import draft
from activeloop.lab import Robot
from activeloop.lab.deck import deck_of, draw_deck
from activeloop.plates.picklists import transfers
from activeloop.server.app import create_app
from activeloop.server.settings import Settings
from tools.page_pictures import browsing, find_chromium, serving


@pytest.fixture
def lab(tmp_path: Path):
    """A server that knows a device, and its store."""
    settings = Settings(database=str(tmp_path / "lab"), devices="reader=folder:/data/reader")
    app = create_app(settings)
    with TestClient(app, base_url="http://127.0.0.1:8300") as client:
        yield Client(client), app.state.store


def enzyme(store: Store, devices: str = "simulated") -> str:
    planned = draft(demonstration(seed=3))
    robot = RobotConfig(devices=[devices], rounds=2, number=8, approve=True)
    return store.create("enzyme", config_text(planned.config.model_copy(update={"robot": robot})), {})


def told(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def test_a_robot_is_set_up_told_and_followed(lab):
    pages, store = lab
    pages.root = str(pages.post("/demo").url.path)
    key = pages.root.rsplit("/", 1)[1]
    assert "devices, which are chosen below" in told(pages.get("/robot").text)
    page = pages.post("/robot/settings", device_0="simulated", rounds="2", number="8", approve="yes", volume="2,5")
    assert "waits for somebody who lets it run" in told(page.text)
    assert open_folder(store.folder(key)).config.robot.volume == 2.5
    assert "is no number" in pages.post("/robot/settings", device_0="simulated", rounds="many").text
    assert "The robot is told" not in pages.post("/robot/orders", order="dance").text
    page = pages.post("/robot/orders", order="run", reason="the <b>deck</b> is set up")
    assert "the &lt;b&gt;deck" in page.text
    loop = open_folder(store.folder(key, actor="robot"))
    robot = Robot.of(loop)
    assert robot.step().doing == "proposed"
    page = pages.get("/robot")
    assert "waits for somebody who lets plate-1 go" in told(page.text)
    assert 'aria-label="Deck for plate-1: source and 1 racks of tips"' in page.text
    assert len([tag for tag, how in Tags(page.text).found if tag == "li"]) == 7
    pages.post("/robot/orders", order="release", plate="plate-1")
    doing = ""
    while doing != "measured":
        doing = robot.step().doing
    page = pages.get("/robot")
    assert "Measured 16 results" in told(page.text)
    link = re.search(r'href="[^"]+(/robot/files/[0-9a-f]{64})"', page.text)[1]
    assert pages.get(link).content.startswith(b"plate,well,activity")
    assert pages.get(f"/robot/files/{'0' * 64}").status_code == 404
    api = f"/api/v1{pages.root}/robot"
    found = pages.client.get(api).json()
    assert [s["name"] for s in found["stages"]] == [
        "Proposal",
        "Plate",
        "Protocol",
        "Run",
        "Reading",
        "Measured",
        "Fit",
    ]
    assert [s["stand"] for s in found["stages"]] == ["done"] * 6 + ["now"]
    assert pages.client.post(f"{api}/orders", json={"order": "pause", "reason": "lunch"}).json()["event"]
    assert "paused: lunch" in told(pages.get("/robot").text)
    assert pages.client.post(f"{api}/orders", json={"order": "release", "plate": "plate-1"}).status_code == 409


def test_whoever_can_choose_no_device_is_told_who_can(team):
    page = told(team.of("sam", "scientist").call("GET", f"/campaigns/{team.key}/robot").text)
    assert "devices: whoever runs this server gives them names" in page
    assert "below" not in page.split("Devices and limits")[0]
    team.client.app.state.settings = team.client.app.state.settings.model_copy(update={"devices": "r=folder:/data"})
    for role, words in (("reader", "devices, which a scientist chooses"), ("scientist", "which are chosen below")):
        assert words in told(team.of(role, role).call("GET", f"/campaigns/{team.key}/robot").text)


def test_devices_of_a_server_are_named_by_whoever_runs_it(lab):
    pages, store = lab
    key = enzyme(store)
    pages.root = f"/campaigns/{key}"
    assert pages.post("/robot/settings", device_0="reader", device_1="simulated").status_code == 200
    assert open_folder(store.folder(key)).config.robot.devices == ["reader", "simulated"]
    refused = pages.post("/robot/settings", device_0="folder:/etc")
    assert (refused.status_code, "named by one word" in refused.text) == (422, True)
    assert pages.post("/robot/settings").status_code == 200
    assert open_folder(store.folder(key)).config.robot is None
    assert "choose its devices first" in told(pages.post("/robot/orders", order="run").text)


def test_the_deck_shows_every_well_that_takes_part(lab):
    _, store = lab
    loop = open_folder(store.folder(enzyme(store)))
    robot = Robot.of(loop)
    robot.step()
    (plate,) = robot._plates(loop.campaign.state())
    moves = tuple(transfers(plate, 1.0))
    items = deck_of(plate, moves, done=5)
    assert {item.what for item in items} == {"plate", "source", "tips"}
    assert set(items[0].wells) == set(plate.wells)
    stocks = {well for item in items if item.what == "source" for well in item.wells}
    assert stocks == {move.source.well for move in moves}
    assert len(items[-1].wells) == len(moves) - 5
    assert draw_deck(plate, moves, numbered=True).count("<rect") == 12
    assert draw_deck(plate, moves, numbered=False).count("<rect") == 3


@pytest.mark.slow
@pytest.mark.skipif(find_chromium() is None, reason="needs Chromium")
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_round_without_hands_in_a_browser(tmp_path):
    settings = Settings(database=str(tmp_path / "server"))
    store = Store.open(settings.database)
    with serving(settings, store) as address, browsing(viewport={"width": 834, "height": 900}) as context:
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.goto(address)
        page.get_by_role("button", name="Open the demonstration").click()
        page.get_by_role("link", name="Robot", exact=True).click()
        page.get_by_label("First to").select_option("simulated")
        page.get_by_label("Rounds, also those of before").fill("1")
        page.get_by_label("Candidates in a round").fill("8")
        page.get_by_label("Seconds between two looks").fill("0.2")
        page.get_by_role("button", name="Save").click()
        page.get_by_label("Why").fill("the deck is set up")
        page.get_by_role("button", name="Run", exact=True).click()
        page.get_by_role("button", name="Let plate-1 go").click()
        page.get_by_text("stopped", exact=True).wait_for()
        assert "1 round made, as planned." in page.locator(".waits").inner_text()
        assert page.locator(".stages li.done").count() >= 6
        assert page.locator("figure.deck svg").count() == 1
    store.close()
