"""The typed client against a server, over a real connection."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest
from served import CONFIG, Server

from activeloop.client import Client
from activeloop.errors import ConfigError, InputError, MeasurementError, StateError, StoreError
from activeloop.server.serving import in_thread
from activeloop.server.settings import Settings


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    """A client of a server that listens on a port of its own."""
    with in_thread(settings) as url, Client(url) as found:
        yield found


def test_a_round_through_the_client(client, tmp_path):
    made = client.make_campaign("kinase", CONFIG)
    assert client.campaign("kinase").key == client.campaign(made.key).key == made.key
    proposal = made.propose(8)
    assert proposal.plates == ["plate-1"]
    assert made.plates()[0].id == "plate-1"
    assert made.plate_file("plate-1", "csv").startswith(b"plate,well")
    assert made.send_plate("plate-1", "Bo")
    assert made.finish_run("plate-1", "reader 3", "17")
    values = [{"candidate": p.name, "assay": "activity", "value": p.rank / 10} for p in proposal.picks[:4]]
    assert made.record(values, "reader 3, run 17").stored == 4
    path = tmp_path / "rest.csv"
    path.write_text("mutant,activity\n" + "".join(f"{p.name},{p.rank / 10}\n" for p in proposal.picks[4:]))
    assert made.preview_file(path).problems == []
    assert made.record_file(path).stored == 4
    assert made.fit().number == made.versions().current == 1
    assert [p.name for p in made.predict(["K2R", "T3S"]).candidates] == ["K2R", "T3S"]
    assert made.pin(["K2R"], "literature") == ["K2R"]
    assert made.veto(["K2R"]) == ["K2R"]
    assert made.candidates(sort="activity", limit=5).matching == 418
    event = next(made.results()).event
    assert made.void(event, [1], "the pipette leaked") == 1
    assert [e.kind for e in made.events()][-1] == "voided"
    assert made.status().voided == 1
    assert made.work()


def test_errors_are_those_of_the_house(client):
    made = client.make_campaign("kinase", CONFIG)
    with pytest.raises(MeasurementError, match="row 1") as error:
        made.record([{"candidate": "nonsense", "assay": "activity", "value": 1}])
    assert (error.value.row, str(error.value).count("row 1:")) == (1, 1)
    with pytest.raises(InputError, match='no campaign "other"'):
        client.campaign("other")
    with pytest.raises(StateError):
        made.fit()
    with Client(client.url, token="al_wrong") as wrong, pytest.raises(ConfigError, match="not known"):
        wrong.me()
    with pytest.raises(ConfigError, match="no address"):
        Client("lab.example")


def test_a_call_is_repeated_until_the_server_is_there_and_done_once(server: Server):
    """The first answers are lost on the way, as when the server is begun anew."""
    lost = iter(["before", "after", "unavailable"])

    def handle(request: httpx.Request) -> httpx.Response:
        kind = next(lost, "") if request.method == "POST" else ""
        if kind == "before":
            raise httpx.ConnectError("refused")
        if kind == "unavailable":
            return httpx.Response(503, json={"detail": "restarting"}, headers={"retry-after": "0"})
        url = str(request.url).replace("http://lab", "")
        headers = {k: v for k, v in request.headers.items() if k in ("idempotency-key", "content-type")}
        answer = server.client.request(request.method, url, content=request.read(), headers=headers)
        if kind == "after":
            raise httpx.ReadTimeout("lost")
        return httpx.Response(answer.status_code, content=answer.content, headers={"content-type": "application/json"})

    with Client("http://lab", transport=httpx.MockTransport(handle)) as client:
        campaign = client.campaign(server.key)
        assert campaign.record(server.measured(5), "run 1").stored == 5
        assert server.get("results").json()["total"] == 5


def test_a_server_that_is_not_there_is_said_so():
    began = time.monotonic()
    with Client("http://127.0.0.1:9", attempts=2) as client, pytest.raises(StoreError, match="cannot be reached"):
        client.me()
    assert time.monotonic() - began < 5
