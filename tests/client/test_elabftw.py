"""Campaigns pushed into eLabFTW: the client against an emulator on loopback, written from its OpenAPI document."""

from __future__ import annotations

import threading

import pytest
import uvicorn
from elabftw_emulator import KEY, Notebook

from activeloop.client.elabftw import ELabFTW
from activeloop.config import open_campaign
from activeloop.desk.demonstration import demonstration
from activeloop.desk.eln import notebook_entries
from activeloop.desk.new import draft, new
from activeloop.desk.propose import propose
from activeloop.errors import ConfigError, StateError, StoreError


@pytest.fixture
def notebook():
    """An emulated eLabFTW; its `url` is where it answers."""
    found = Notebook()
    server = uvicorn.Server(uvicorn.Config(found.app(), port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    found.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield found
    server.should_exit = True
    thread.join()


@pytest.fixture
def loop(tmp_path):
    found = open_campaign(new(draft(demonstration()), tmp_path / "enzyme").folder)
    propose(found, 8)
    return found


def test_a_campaign_becomes_linked_experiments_and_stays_them(notebook, loop):
    with ELabFTW(notebook.url, KEY) as client:
        first = client.push(notebook_entries(loop))
        assert [(one.number, one.made, one.title) for one in first] == [
            (1, True, "enzyme"),
            (2, True, "enzyme, round 1"),
        ]
        assert notebook.links == {(1, 2)}
        names = {one["real_name"] for one in notebook.uploads.values()}
        assert {"events.csv", "proposals.csv", "campaign.toml", "plate-1.csv", "plate-1.svg"} <= names
        assert notebook.experiments[1]["tags"] == "ActiveLoop"
        assert "candidates: " in notebook.experiments[1]["body"]

        notebook.calls.clear()
        again = client.push(notebook_entries(loop))
        assert [(one.number, one.made, one.changed, one.files) for one in again] == [
            (1, False, False, 0),
            (2, False, False, 0),
        ]
        assert {call.split()[0] for call in notebook.calls} == {"GET"}

        # what people write stays; what happened since comes
        notebook.experiments[1]["title"] = "Our enzyme"
        notebook.experiments[1]["body"] = f"<h1>Aim</h1>{notebook.experiments[1]['body']}<p>Ask Bo.</p>"
        propose(loop, 8, another=True)
        done = client.push(notebook_entries(loop))
        assert [(one.number, one.made) for one in done] == [(1, False), (2, False), (3, True)]
        body = notebook.experiments[1]["body"]
        assert (body.count("<h1>Aim</h1>"), body.count("Ask Bo."), body.count("Begin of ActiveLoop")) == (1, 1, 1)
        assert "2 proposals" in body
        assert notebook.experiments[1]["title"] == "Our enzyme"
        kept = [one for one in notebook.uploads.values() if one["real_name"] == "events.csv"]
        assert [one["state"] for one in kept] == [2, 1]
        assert notebook.links == {(1, 2), (1, 3)}


@pytest.mark.parametrize("broken", ["POST /experiments/1/uploads", "POST /experiments/1/tags", "GET /experiments/2"])
def test_a_push_that_was_cut_off_goes_on(notebook, loop, broken):
    with ELabFTW(notebook.url, KEY) as client:
        notebook.faults.add(broken)
        with pytest.raises(StoreError, match="The same push goes on"):
            client.push(notebook_entries(loop))
        notebook.faults.clear()
        assert len(client.push(notebook_entries(loop))) == len(notebook.experiments) == 2
        states = [one["state"] for one in notebook.uploads.values()]
        names = [(one["item_id"], one["real_name"]) for one in notebook.uploads.values()]
        assert set(states) == {1}
        assert len(set(names)) == len(names)


def test_what_is_refused_is_said(notebook, loop):
    entries = notebook_entries(loop)
    with ELabFTW(notebook.url, "wrong") as client, pytest.raises(ConfigError, match="No corresponding API key found"):
        client.push(entries)
    with ELabFTW("http://127.0.0.1:9", KEY) as client, pytest.raises(StoreError, match="cannot be reached"):
        client.push(entries)
    with ELabFTW(notebook.url, KEY) as client:
        client.push(entries)
        notebook.experiments[1]["locked"] = 1
        with pytest.raises(StateError, match=r"experiment 1 .* is locked"):
            client.push(entries)
        notebook.experiments[9] = notebook.experiments[1] | {"id": 9}
        with pytest.raises(StateError, match="experiments 1, 9 are all of enzyme"):
            client.push(entries)


def test_from_the_command_line(notebook, loop, capsys, monkeypatch):
    from activeloop.cli import main

    words = ["export", str(loop.folder.path), "--to", notebook.url]
    for key, status in (("", 1), (KEY, 0)):
        monkeypatch.setenv("ELABFTW_API_KEY", key)
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert (ended.value.code or 0) >= status
    assert "Experiment 2, enzyme, round 1: made, 2 files new." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://eln.example.org", "send the key unencrypted.*https://eln.example.org"),
        ("http://192.168.0.9:8080/", "https://192.168.0.9:8080"),
        ("eln.example.org", "is no address"),
        ("ftp://eln.example.org", "is no address"),
        ("https://", "is no address"),
    ],
)
def test_a_key_goes_nowhere_unencrypted(url, words):
    with pytest.raises(ConfigError, match=words):
        ELabFTW(url, KEY)
