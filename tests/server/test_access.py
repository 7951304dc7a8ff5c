"""Who may do what: every route, every role, and somebody else's campaign; made from the routes themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from served import CONFIG
from starlette.testclient import TestClient

from activeloop.server.access import ROLES, allows, user_of
from activeloop.server.app import create_app

OPEN = {"/healthz", "/readyz", "/auth/login", "/auth/callback", "/part-11"}
"""What anybody may call."""
PARTS = {"plate": "plate-1", "number": "1", "name": "K2A", "token": "0" * 32, "webhook": "0" * 32, "event": "1"}


def routes_of(routes: Any, prefix: str = "") -> Iterator[tuple[str, APIRoute]]:
    """Every route and its whole path."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield prefix + route.path, route
        elif hasattr(route, "original_router"):
            yield from routes_of(route.original_router.routes, prefix + route.include_context.prefix)


def calls_of(dependant: Any) -> Iterator[Any]:
    for one in dependant.dependencies:
        yield one.call
        yield from calls_of(one)


def needed(route: APIRoute) -> str:
    """The role that a route needs; "" = only to be signed in."""
    return next((call.role for call in calls_of(route.dependant) if hasattr(call, "role")), "")


def url_of(path: str, key: str) -> str:
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda m: key if m[1] == "campaign" else PARTS.get(m[1], "x"), path)


def test_every_route_asks_who_calls(team):
    found = list(routes_of(team.client.app.routes))
    assert len(found) > 40
    for path, route in found:
        if path not in OPEN:
            assert user_of in set(calls_of(route.dependant)), f"{path} asks nobody who they are"
        if "{campaign}" in path:
            assert needed(route) in ROLES, f"{path} does not say which role it needs"


def test_every_route_with_every_role_and_with_another_campaign(team):
    people = {role: team.of(role, role) for role in ROLES}
    stranger = team.of("mallory")
    wrong = []
    for path, route in routes_of(team.client.app.routes):
        if path in OPEN:
            continue
        need, url = needed(route), url_of(path, team.key)
        for method in (route.methods or set()) - {"HEAD"}:
            if url.endswith("/stream"):
                continue  # which never ends; who may follow is asked by the same dependency

            def status(who, method=method, url=url):
                return who.call(method, url, json={}).status_code

            if status(team) != 401:
                wrong.append(f"{method} {path} by nobody: {status(team)}")
            if not need:
                continue
            if status(stranger) != 404:
                wrong.append(f"{method} {path} by a stranger: {status(stranger)}")
            for role, person in people.items():
                got = status(person)
                if not allows(role, need) and got != 403:  # type: ignore[arg-type]
                    wrong.append(f"{method} {path} by a {role}: {got}, needs {need}")
                if allows(role, need) and (got in (401, 403) or got >= 500):  # type: ignore[arg-type]
                    wrong.append(f"{method} {path} by a {role}: {got}, and {need} is enough")
    assert wrong == []
    assert team.of("ada").get().json()["name"] == "kinase"  # nothing of it was harmed


@pytest.mark.parametrize("most", ROLES)
def test_a_token_can_do_no_more_than_it_was_made_for(team, most):
    token = team.of("ada", most=most)
    assert token.get().json()["role"] == most
    expected = 403 if most == "reader" else 201
    assert token.post("results", {"measurements": team.measured(3)}).status_code == expected
    assert token.post("pins", {"names": ["K2R"]}).status_code == (200 if allows(most, "scientist") else 403)


def test_a_token_of_one_campaign_sees_no_other(team, settings):
    ada = team.of("ada")
    other = ada.post("/api/v1/campaigns", {"name": "other", "config": CONFIG}).json()["key"]
    secret, _ = team.accounts.make_token("idp|ada", "t", "owner", "ada", campaign=team.key)
    only = type(team)(team.client, team.key, {"authorization": f"Bearer {secret}"})
    assert [c["key"] for c in only.get("/api/v1/campaigns").json()["campaigns"]] == [team.key]
    assert only.get(f"/api/v1/campaigns/{other}").status_code == 404
    assert ada.get(f"/api/v1/campaigns/{other}").status_code == 200
    assert only.post("/api/v1/campaigns", {"name": "third", "config": CONFIG}).status_code == 403


def test_a_token_cannot_make_tokens_nor_sign(team):
    ada = team.of("ada")
    assert ada.post("/api/v1/me/tokens", {"name": "second"}).status_code == 403
    ada.post("results", {"measurements": team.measured(3)})
    refused = ada.post("voids", {"event": 2, "reason": "the pipette leaked"})
    assert (refused.status_code, "21 CFR 11.100" in refused.json()["detail"]) == (403, True)
    assert ada.get("results?voided=true").json()["total"] == 0


def test_a_token_that_was_taken_back_is_refused(team):
    ada = team.of("ada")
    assert ada.get().status_code == 200
    (token,) = [t for t in ada.get("/api/v1/me/tokens").json()["tokens"] if not t["revoked"]][:1]
    for one in ada.get("/api/v1/me/tokens").json()["tokens"]:
        team.accounts.revoke(one["id"], "ada", person="idp|ada")
    refused = ada.get()
    assert refused.status_code == 401
    assert "token" in refused.json()["detail"]
    assert token["id"]


def test_members_are_made_and_taken_out_by_owners(team):
    ada, bob = team.of("ada"), team.of("bob")
    assert bob.get().status_code == 404
    assert ada.call("PUT", "members", json={"person": "bob@lab.example", "role": "scientist"}).status_code == 200
    assert bob.get().json()["role"] == "scientist"
    assert ada.call("PUT", "members", json={"person": "bob@lab.example", "role": None}).status_code == 200
    assert bob.get().status_code == 404
    last = ada.call("PUT", "members", json={"person": "idp|ada", "role": "reader"})
    assert (last.status_code, "needs an owner" in last.json()["detail"]) == (422, True)
    kinds = [entry["kind"] for entry in ada.get("audit").json()["trail"]]
    assert kinds.count("member") == 3


def test_an_administrator_may_do_everything(settings):

    from served import Server  # type: ignore[import-not-found]

    how = {"oidc_issuer": "http://127.0.0.1:9", "oidc_client": "c", "oidc_secret": "s", "admins": "root@lab.example"}
    with TestClient(create_app(settings.model_copy(update=how)), base_url="http://127.0.0.1") as client:
        root, ada = Server(client).of("root"), Server(client).of("ada")
        assert root.get("/metrics").status_code == 200
        assert ada.get("/metrics").status_code == 403
