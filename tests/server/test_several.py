"""Two servers on one database of either kind: what one does the other knows, and what comes twice is done once."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from served import CONFIG, Server
from starlette.testclient import TestClient

from activeloop.server.app import create_app
from activeloop.server.settings import Settings


@pytest.fixture(params=["sqlite", "postgresql"])
def servers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    """Two servers with working folders of their own, and one campaign."""
    if request.param == "sqlite":
        where = str(tmp_path / "lab")
    else:
        import psycopg

        name, address = f"test_{uuid.uuid4().hex[:12]}", request.getfixturevalue("postgresql_server")
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}".encode())
        where = f"{address}&options=-csearch_path%3D{name}"
    each = [Settings(database=where, artifacts=str(tmp_path / "a"), cache=str(tmp_path / f"work{i}")) for i in (1, 2)]
    first, second = create_app(each[0]), create_app(each[1])
    with (
        TestClient(first, base_url="http://127.0.0.1:8300") as one,
        TestClient(second, base_url="http://127.0.0.1:8300") as two,
    ):
        made = Server(one).post("/api/v1/campaigns", {"name": "kinase", "config": CONFIG}).json()
        yield Server(one, made["key"]), Server(two, made["key"])
    first.state.store.close()
    second.state.store.close()


def test_what_one_does_the_other_knows(servers):
    one, two = servers
    assert two.get().json()["results"] == 0
    key = {"idempotency-key": "run 17"}
    stored = one.post("results", {"measurements": one.measured(6)}, headers=key)
    again = two.post("results", {"measurements": one.measured(6)}, headers=key)
    assert again.json() == stored.json()
    assert two.get().json()["results"] == 6
    text = one.get("configuration").json()["config"]
    assert two.get("configuration").json()["config"] == text
    changed = text.replace('unit = "U"', 'unit = "U"\nhit = 0.35')
    assert one.call("PUT", "configuration", json={"config": changed}).status_code == 200
    assert two.get().json()["hits"] == 2
    assert two.post("versions").json()["number"] == 1
    assert one.post("versions").json()["number"] == 1  # nothing came since
    assert one.post("proposals", {"number": 4}).json()["version"] == 1
    assert two.get("plates/plate-1").json() == one.get("plates/plate-1").json()  # made again from the events


def test_many_robots_write_through_both_and_nothing_is_lost(servers):
    rows = servers[0].measured(16)

    def write(i: int) -> int:
        server = servers[i % 2]
        how = {"measurements": [rows[i]], "source": f"robot {i}"}
        return server.post("results", how, headers={"idempotency-key": f"well {i}"}).status_code

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(write, range(16))) == [201] * 16
    assert [server.get("results").json()["total"] for server in servers] == [16, 16]
    assert servers[0].get("audit/verification").json()["problems"] == []
    events = servers[1].get("events").json()["events"]
    assert [event["sequence"] for event in events] == list(range(1, 18))
