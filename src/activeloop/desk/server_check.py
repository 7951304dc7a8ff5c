"""Whether a server can do its work on this machine: settings, database, artifacts, clocks, identity provider."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

from activeloop.errors import ActiveLoopError
from activeloop.models.doctor.installation import CheckResult, passed_if

if TYPE_CHECKING:
    from activeloop.config import Store

CLOCK_SECONDS = 5.0
"""By which the clock of this machine may differ from that of the database."""
LATE_SECONDS = 600.0
"""After which work that nobody has begun shows that no worker runs."""


def check_store(store: Store) -> Iterator[CheckResult]:
    """What a server needs of its store.

    Args:
        store: of its campaigns.
    """
    yield from _database(store)
    yield from _wall(store)
    yield from _artifacts(store)
    good = os.access(store.work if store.work.exists() else store.work.parent, os.W_OK)
    fix = "choose another with ACTIVELOOP_WORK, or allow this user to write there"
    yield passed_if("working folders", good, f"{store.work} can {'' if good else 'not '}be written", fix)
    yield from _work(store)
    yield from _chains(store)


def _database(store: Store) -> Iterator[CheckResult]:
    from sqlalchemy import select

    from activeloop.store.schema import database_time

    began = time.perf_counter()
    with store.database.writing() as connection:
        told = connection.execute(select(database_time())).scalar_one()
    took = time.perf_counter() - began
    yield CheckResult(
        "database", "ok", f"{store.where} writes in {took * 1000:.0f} ms, {len(store.campaigns())} campaigns"
    )
    apart = abs(float(told) - time.time())
    fix = "let both follow a time server (NTP): moments in the log would be out of order"
    yield passed_if("clocks", apart <= CLOCK_SECONDS, f"{apart:.1f} s between this machine and the database", fix)


def _wall(store: Store) -> Iterator[CheckResult]:
    """Whether PostgreSQL keeps requests to their own campaigns; nothing of SQLite, which cannot."""
    from activeloop.store import PostgreSQL

    if isinstance(store.database, PostgreSQL):
        query = "SELECT rolname, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
        name, above = store.database.read(query)[0]
        found = f"the role {name} {'is above' if above else 'is held by'} row-level security"
        fix = "let servers connect as a role that is no superuser, and owns the tables"
        yield CheckResult("second wall", "warning", found, fix) if above else CheckResult("second wall", "ok", found)


def _artifacts(store: Store) -> Iterator[CheckResult]:
    content = f"activeloop doctor {uuid.uuid4().hex}".encode()
    try:
        key = store.objects.put(content, "text/plain")
        good = store.objects.get(key, "text/plain") == content
        yield passed_if("artifacts", good, "what is written is read again", "look at the bucket's settings")
    except ActiveLoopError as error:
        yield CheckResult("artifacts", "failed", str(error), "set ARTIFACTS, and the keys of the bucket")


def _work(store: Store) -> Iterator[CheckResult]:
    rows = store.database.read("SELECT campaign, stage, words, first_change FROM work")
    failed = [(campaign, words) for campaign, stage, words, _ in rows if stage == "failed"]
    waiting = [float(since) for _, stage, _, since in rows if stage == "waiting" and since is not None]
    late = time.time() - min(waiting, default=time.time())
    running = sum(stage == "running" for _, stage, _, _ in rows)
    words = f"{running} running, {len(waiting)} due, {len(failed)} failed"
    if late > LATE_SECONDS:
        fix = "start one: `activeloop work`, or `activeloop serve` without --no-worker"
        yield CheckResult("worker", "failed", f"something has waited for {late / 60:.0f} minutes ({words})", fix)
    elif failed:
        fix = f"look at the campaign {failed[0][0]}: {failed[0][1]}"
        yield CheckResult("worker", "warning", words, fix)
    else:
        yield CheckResult("worker", "ok", words)


def _chains(store: Store) -> Iterator[CheckResult]:
    from activeloop.store.accounts import Accounts

    problems = Accounts(store.database).verify()
    found = problems[0] if problems else "as it was written"
    yield passed_if("trail of access", not problems, found, "find out who changed it, and restore a backup")


def check_identity(issuer: str, secret: str, database: str) -> Iterator[CheckResult]:
    """Whether people can sign in.

    Args:
        issuer: of the identity provider; "" = one user on this machine.
        secret: that signs sessions; "" = made by the server.
        database: where campaigns are.
    """
    if not issuer:
        yield CheckResult("identity", "ok", "one user, and only this machine may call")
        return
    import httpx

    address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    try:
        told = httpx.get(address, timeout=10).raise_for_status().json()
        good = told.get("issuer", "").rstrip("/") == issuer.rstrip("/")
        found, fix = f"{address} answers for {told.get('issuer')}", "set OIDC_ISSUER to just that"
    except (httpx.HTTPError, ValueError) as error:
        good, found, fix = (
            False,
            f"{address} does not answer ({type(error).__name__})",
            "mend OIDC_ISSUER or the network",
        )
    yield passed_if("identity", good, found, fix)
    kept = bool(secret) or not database.startswith("postgres")
    yield passed_if("secret", kept, "sessions are signed" if kept else "none is set", "set ACTIVELOOP_SECRET_FILE")


def check_libraries() -> Iterator[CheckResult]:
    """Whether what a server is made of is installed."""
    from activeloop.models.doctor.installation import installed

    missing = [name for name in ("fastapi", "uvicorn", "authlib", "httpx", "sse_starlette") if not installed(name)]
    found = f"missing: {', '.join(missing)}" if missing else "all are there"
    yield passed_if("libraries", not missing, found, 'pip install "activeloop-bio[server]"')


def check_server(store: Store, issuer: str, secret: str, database: str) -> Iterator[CheckResult]:
    """All of it; arguments as of the parts."""
    yield from check_libraries()
    try:
        yield from check_store(store)
    except ActiveLoopError as error:
        yield CheckResult("database", "failed", str(error), "mend DATABASE_URL, or start the database")
    yield from check_identity(issuer, secret, database)
    place = next(p for p in (store.work, *store.work.parents) if p.exists())
    free = os.statvfs(place)
    room = free.f_bavail * free.f_frsize / 2**30
    yield passed_if("room", room > 1, f"{room:.0f} GiB are free", "make room: events and models are refused without it")
