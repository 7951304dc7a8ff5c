"""The second wall: PostgreSQL shows a request its own campaigns alone, whatever a check in code forgot."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fastapi import Request
from served import CONFIG, Server
from starlette.testclient import TestClient

from activeloop.server.app import create_app
from activeloop.server.settings import Settings
from activeloop.store.schema import UNWALLED, metadata

HOOK = {"url": "https://93.184.216.34/hook", "kinds": ["measured"]}
WALLED = [t.name for t in metadata.tables.values() if "campaign" in t.columns and t not in UNWALLED]


@dataclass
class Team:
    """A server of PostgreSQL with two people and a campaign of each.

    Args:
        ada, bob: who call.
        address: of the database, for a role that is no superuser.
    """

    ada: Server
    bob: Server
    address: str


@pytest.fixture(scope="module")
def team(postgresql_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    name = f"wall_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{name}'".encode())  # as a server's role should be
        connection.execute(f"CREATE SCHEMA {name} AUTHORIZATION {name}".encode())
    address = postgresql_server.replace("://postgres:", f"://{name}:{name}")
    assert address != postgresql_server
    address += f"&options=-csearch_path%3D{name}"
    folder = tmp_path_factory.mktemp("wall")
    places = Settings(database=address, artifacts=str(folder / "a"), cache=str(folder / "w"), secret="x" * 40)
    identity = {"oidc_issuer": "http://127.0.0.1:9", "oidc_client": "c", "oidc_secret": "s"}
    app = create_app(places.model_copy(update=identity))

    @app.get("/forgotten/{campaign}")
    def forgotten(request: Request, campaign: str) -> list[Any]:
        """A route whose author forgot to ask who calls."""
        query = "SELECT sequence FROM events WHERE campaign = :key"
        return [list(row) for row in request.app.state.store.database.read(query, key=campaign)]

    with TestClient(app, base_url="http://127.0.0.1:8300") as client:
        people = []
        for person in ("ada", "bob"):
            one = Server(client).of(person)
            one.key = one.post("/api/v1/campaigns", {"name": person, "config": CONFIG}).json()["key"]
            assert one.post("results", {"measurements": one.measured(8)}).status_code == 201
            assert one.post("versions").status_code == 201
            assert one.post("proposals", {"number": 4}).status_code == 201
            assert one.post("webhooks", HOOK).status_code == 201
            people.append(one)
        yield Team(people[0], people[1], address)
    app.state.store.close()


def test_what_a_check_forgot_is_not_shown(team: Team):
    assert team.ada.get(f"/forgotten/{team.bob.key}").json() == []
    assert team.ada.get(f"/forgotten/{team.ada.key}").json() == []  # nobody said that she may
    assert [one["name"] for one in team.ada.get("/api/v1/campaigns").json()["campaigns"]] == ["ada"]
    assert team.ada.get("events").json()["events"][0]["sequence"] == 1
    assert team.bob.call("GET", f"/api/v1/campaigns/{team.ada.key}").status_code == 404


@pytest.mark.parametrize("table", WALLED)
def test_another_campaign_has_no_rows(team: Team, table: str):
    with psycopg.connect(team.address) as connection:
        everything = connection.execute(f"SELECT DISTINCT campaign FROM {table}".encode()).fetchall()
        assert {key for (key,) in everything} == {team.ada.key, team.bob.key}
        connection.execute("SELECT set_config('activeloop.campaigns', %s, true)", (team.ada.key,))
        mine = connection.execute(f"SELECT DISTINCT campaign FROM {table}".encode()).fetchall()
        assert mine == [(team.ada.key,)]
        other = f"UPDATE {table} SET campaign = campaign WHERE campaign = %s".encode()
        assert connection.execute(other, (team.bob.key,)).rowcount == 0
        moved = f"UPDATE {table} SET campaign = %s WHERE campaign = %s".encode()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(moved, (team.bob.key, team.ada.key))


def test_before_anything_is_allowed_nothing_is_seen(team: Team):
    with psycopg.connect(team.address) as connection:
        connection.execute("SELECT set_config('activeloop.campaigns', '-', true)")
        for table in WALLED:
            assert connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() == (0,), table


def test_servers_of_one_database_share_a_secret(postgresql_server: str, tmp_path: Path):
    name = f"secret_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}".encode())
    address = f"{postgresql_server}&options=-csearch_path%3D{name}"
    kept = str(tmp_path / "a")
    apps = [create_app(Settings(database=address, artifacts=kept, cache=str(tmp_path / f"w{i}"))) for i in (1, 2)]
    assert apps[0].state.secret == apps[1].state.secret
    assert len(apps[0].state.secret) > 32
    for app in apps:
        app.state.store.close()
