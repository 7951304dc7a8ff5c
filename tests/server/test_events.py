"""Events as they happen, and other programs that are told of them."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from activeloop.server.hooks import deliver, signature
from activeloop.server.watch import Watch


class Listener:
    """A program that is told of events.

    Attributes:
        told: bodies and headers, in order.
        refuses: how many of the next deliveries it answers with 500.
    """

    def __init__(self) -> None:
        self.told: list[tuple[bytes, dict[str, str]]] = []
        self.refuses = 0
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                listener.told.append((body, {k.lower(): v for k, v in self.headers.items()}))
                listener.refuses -= 1
                self.send_response(500 if listener.refuses >= 0 else 204)
                self.end_headers()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/events"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def events(self) -> list[int]:
        return [json.loads(body)["sequence"] for body, _ in self.told]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    yield found
    found.stop()


def delivered(server) -> None:
    """Deliver what there is, as the server's own task does."""
    hooks = server.client.app.state.hooks

    async def once() -> None:
        async with httpx.AsyncClient() as client:
            while found := hooks.take("test"):
                await deliver(hooks, found, client)

    asyncio.run(once())


def wait_for(server, listener: Listener, count: int) -> None:
    for _ in range(200):
        if len(listener.told) >= count:
            return
        threading.Event().wait(0.05)
    raise AssertionError(f"{len(listener.told)} of {count} deliveries came")


def test_a_program_is_told_of_each_event_in_order_and_signed(server, listener):
    made = server.post("webhooks", {"url": listener.url}).json()
    server.post("pins", {"names": ["K2R"]})
    server.post("results", {"measurements": server.measured(3)})
    wait_for(server, listener, 2)
    assert listener.events == [2, 3]
    for body, headers in listener.told:
        signed = signature(made["secret"], headers["x-activeloop-timestamp"], body)
        assert headers["x-activeloop-signature"] == f"sha256={signed}"
    assert (
        json.loads(listener.told[1][0])["payload"]["measurements"][0]["candidate"] == server.measured(1)[0]["candidate"]
    )
    shown = server.get("webhooks").json()["webhooks"]
    assert "secret" not in shown[0]
    assert server.call("DELETE", f"webhooks/{made['webhook']['id']}").status_code == 204
    server.post("pins", {"names": ["T3S"]})
    delivered(server)
    assert listener.events == [2, 3]


def test_only_events_that_were_asked_for_are_sent(server, listener):
    server.post("webhooks", {"url": listener.url, "kinds": ["measured"]})
    server.post("pins", {"names": ["K2R"]})
    server.post("results", {"measurements": server.measured(3)})
    wait_for(server, listener, 1)
    assert listener.events == [3]
    refused = server.post("webhooks", {"url": listener.url, "kinds": ["nonsense"]})
    assert (refused.status_code, "Use configured" in refused.json()["detail"]) == (422, True)


def test_what_is_not_taken_comes_again_and_nothing_overtakes_it(server, listener):
    listener.refuses = 1
    server.post("webhooks", {"url": listener.url})
    server.post("pins", {"names": ["K2R"]})
    wait_for(server, listener, 1)
    server.post("pins", {"names": ["T3S"]})
    wait_for(server, listener, 3)
    assert listener.events == [2, 2, 3]
    assert len({headers["x-activeloop-delivery"] for _, headers in listener.told}) == 2


def test_webhooks_of_a_team_reach_no_private_network(team):
    ada = team.of("ada")
    for url in ("http://127.0.0.1:9/x", "http://10.0.0.1/x", "http://[::1]/x", "http://169.254.169.254/latest"):
        refused = ada.post("webhooks", {"url": url})
        assert (refused.status_code, "own network" in refused.json()["detail"]) == (422, True)
    assert ada.post("webhooks", {"url": "file:///etc/passwd"}).status_code == 422


def test_who_follows_gets_what_was_missed_and_then_what_happens(server):
    database = server.client.app.state.store.database
    for name in ("K2R", "T3S"):
        server.post("pins", {"names": [name]})

    async def follow() -> list[str]:
        watch, found = Watch(database), []
        async for line in watch.follow(server.key, 1):
            if "id" in line:
                found.append(line["id"])
            if len(found) == 2:
                await asyncio.to_thread(server.post, "pins", {"names": ["Y5F"]})
            if len(found) == 3:
                break
        watch.stop()
        return found

    assert asyncio.run(asyncio.wait_for(follow(), 20)) == ["2", "3", "4"]


def test_events_are_listed_by_number_and_kind(server):
    server.post("pins", {"names": ["K2R"], "reason": "why not"})
    server.post("results", {"measurements": server.measured(3)})
    found = server.get("events?after=1").json()
    assert [(e["sequence"], e["kind"], e["reason"]) for e in found["events"]] == [
        (2, "pinned", "why not"),
        (3, "measured", ""),
    ]
    only = server.get("events?kind=measured&payload=true").json()["events"]
    assert len(only[0]["payload"]["measurements"]) == 3
