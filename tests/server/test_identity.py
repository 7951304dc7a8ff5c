"""Signing in by OpenID Connect, sessions, pages of other sites, limits, headers."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator

import httpx
import pytest
from provider import Provider
from served import CONFIG, Server
from starlette.testclient import TestClient

from activeloop.errors import ConfigError
from activeloop.server.app import create_app
from activeloop.server.settings import Settings

ADA = {"sub": "ada", "name": "Ada", "email": "ada@lab.example", "email_verified": True}


@pytest.fixture
def provider() -> Iterator[Provider]:
    found = Provider()
    yield found
    found.stop()


@pytest.fixture
def browser(settings: Settings, provider: Provider) -> Iterator[Server]:
    """A browser at a server for people; nobody has signed in."""
    how = {"oidc_issuer": provider.issuer, "oidc_client": "lab", "oidc_secret": "secret"}
    with TestClient(create_app(settings.model_copy(update=how)), base_url="http://127.0.0.1:8300") as client:
        yield Server(client, headers={"sec-fetch-site": "same-origin"})


def sign_in(browser: Server, provider: Provider, person: dict, query: str = ""):
    """What the server answers when the provider sends the browser back."""
    provider.person = person
    there = browser.get(f"/auth/login{query}")
    assert there.status_code in (302, 303)
    back = httpx.get(there.headers["location"]).headers["location"]
    return browser.get(back.removeprefix("http://127.0.0.1:8300"))


def test_somebody_signs_in_makes_a_campaign_and_signs_out(browser, provider):
    assert browser.get("/api/v1/me").status_code == 401
    done = sign_in(browser, provider, ADA, "?next=/campaigns")
    assert (done.status_code, done.headers["location"]) == (303, "/campaigns")
    assert provider.asked["code_challenge_method"] == "S256"
    assert browser.get("/api/v1/me").json()["name"] == "Ada"
    browser.key = browser.post("/api/v1/campaigns", {"name": "kinase", "config": CONFIG}).json()["key"]
    assert browser.get().json()["role"] == "owner"
    cookies = dict(browser.client.cookies)
    assert browser.post("/auth/logout").status_code == 303
    assert browser.get("/api/v1/me").status_code == 401
    browser.client.cookies.update(cookies)  # a cookie that somebody took before
    assert browser.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize("fault", ["signature", "nonce", "issuer", "audience", "expired"])
def test_an_answer_that_is_not_right_signs_nobody_in(browser, provider, fault):
    provider.faults = {fault}
    assert sign_in(browser, provider, ADA).status_code == 401
    assert browser.get("/api/v1/me").status_code == 401


def test_an_answer_that_nobody_asked_for_signs_nobody_in(browser, provider):
    sign_in(browser, provider, ADA)
    browser.client.cookies.clear()
    assert browser.get("/auth/callback?code=code-0&state=guessed").status_code == 401
    assert browser.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize("then", ["https://evil.example", "//evil.example", "/\\evil.example"])
def test_nobody_is_sent_to_another_site(browser, provider, then):
    assert sign_in(browser, provider, ADA, f"?next={then}").headers["location"] == "/"


def test_an_address_that_is_not_verified_counts_for_nothing(browser, provider):
    sign_in(browser, provider, {**ADA, "email_verified": False})
    assert browser.get("/api/v1/me").json()["email"] == ""


def test_a_signature_needs_a_password_given_just_now(browser, provider):
    provider.signed_in = time.time() - 3600
    sign_in(browser, provider, ADA)
    browser.key = browser.post("/api/v1/campaigns", {"name": "kinase", "config": CONFIG}).json()["key"]
    stored = browser.post("results", {"measurements": browser.measured(4)}).json()
    wrong = {"event": stored["event"], "reason": "the pipette leaked"}
    refused = browser.post("voids", wrong)
    assert (refused.status_code, refused.json()["signin"]) == (401, "/auth/login?again=true")
    assert browser.get("results?voided=true").json()["total"] == 0
    sign_in(browser, provider, ADA, "?again=true")
    assert (provider.asked["prompt"], provider.asked["max_age"]) == ("login", "0")
    assert browser.post("voids", wrong).json()["voided"] == 4
    signed = browser.get("audit").json()["trail"][-1]
    assert (signed["kind"], signed["actor"], signed["details"]["reason"]) == ("signature", "Ada", wrong["reason"])
    assert browser.get("audit").json()["events"][-1]["reason"] == wrong["reason"]


def test_a_form_of_another_site_does_nothing(browser, provider):
    sign_in(browser, provider, ADA)
    made = {"name": "kinase", "config": CONFIG}
    browser.headers = {}  # an old browser, which says nothing of where a form is from
    assert browser.post("/api/v1/campaigns", made).status_code == 403
    for says in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}):
        assert browser.post("/api/v1/campaigns", made, headers=says).status_code == 403
    assert browser.get("/api/v1/campaigns").json()["total"] == 0
    assert browser.post("/api/v1/campaigns", made, headers={"origin": "http://127.0.0.1:8300"}).status_code == 201


def test_a_page_elsewhere_cannot_speak_for_the_one_user(server):
    """Neither by a form, nor by a name that points to this machine (DNS rebinding)."""
    assert server.post("pins", {"names": ["K2R"]}, headers={"origin": "https://evil.example"}).status_code == 403
    assert server.get(headers={"host": "evil.example"}).status_code == 403
    assert server.get(headers={"host": "localhost:8300"}).status_code == 200


def test_every_answer_carries_what_keeps_browsers_safe(server):
    for path in ("/", "/api/v1/me", "/nothing", "/static/pages.css"):
        headers = server.get(path).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-request-id"]


def test_what_is_too_large_or_too_often_is_refused(settings):
    small = settings.model_copy(update={"upload_mebibytes": 1, "requests_per_minute": 30})
    with TestClient(create_app(small), base_url="http://127.0.0.1:8300") as client:
        server = Server(client)
        assert server.post("/api/v1/campaigns", {"name": "x" * (2 << 20), "config": ""}).status_code == 413

        def pieces():
            yield from (b"x" * 65536 for _ in range(40))

        answer = client.post("/api/v1/campaigns", content=pieces(), headers={"content-type": "application/json"})
        assert answer.status_code == 413  # also where its length was not said before
        last = [server.get("/api/v1/me") for _ in range(40)][-1]
        assert (last.status_code, int(last.headers["retry-after"]) >= 1) == (429, True)


def test_a_fault_of_ours_is_an_answer_and_a_line_of_log(server, monkeypatch, caplog):
    def broken(*_, **__):
        raise RuntimeError("secret details")

    monkeypatch.setattr(server.client.app.state.store.__class__, "campaigns", broken)
    answer = server.get("/api/v1/campaigns", headers={"x-request-id": "abc123"})
    assert (answer.status_code, answer.json()["request"]) == (500, "abc123")
    assert "secret details" not in answer.text
    assert "secret details" in caplog.text


def test_it_is_ready_while_an_upgrade_is_under_way_and_not_before_its_own(server):
    def numbered(number: str) -> int:
        with server.client.app.state.store.database.writing() as connection:
            connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{number}'")
        return server.get("/readyz").status_code

    assert [numbered(number) for number in ("9999", "0001")] == [200, 503]


def test_a_database_that_is_away_for_a_moment_is_said_so(server, monkeypatch):
    def away(*_, **__):
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(type(server.client.app.state.campaigns), "last", away)
    answer = server.get()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "same Idempotency-Key" in answer.json()["fix"]


def test_secrets_are_read_from_files_and_never_shown(tmp_path):
    path = tmp_path / "secret"
    path.write_text("s3cret\n")
    found = Settings.of({"OIDC_ISSUER": "https://idp", "OIDC_CLIENT_ID": "lab", "OIDC_CLIENT_SECRET_FILE": str(path)})
    assert found.oidc_secret == "s3cret"
    with pytest.raises(ConfigError, match="OIDC_CLIENT_SECRET_FILE cannot be read"):
        Settings.of({"OIDC_CLIENT_SECRET_FILE": str(tmp_path / "lost")})


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        ({"ACTIVELOOP_HOST": "0.0.0.0"}, "without asking who calls"),
        ({"OIDC_ISSUER": "https://idp"}, "needs OIDC_CLIENT_ID"),
        ({"ACTIVELOOP_PORT": "many"}, 'ACTIVELOOP_PORT "many"'),
    ],
)
def test_a_server_that_would_be_open_to_anybody_is_not_started(environment, problem):
    with pytest.raises(ConfigError, match=problem):
        Settings.of(environment)
