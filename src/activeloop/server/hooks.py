"""Webhooks: other programs are told of a campaign's events, in order, signed, until they answer.

The log is the list of what there is to deliver, and each webhook knows how far it came: nothing is lost when a server
dies, and an event may come twice (`X-ActiveLoop-Delivery` is the same then).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import json
import secrets
import socket
import time
import uuid
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool

from activeloop.campaigns.events import KINDS, now
from activeloop.errors import ActiveLoopError, InputError
from activeloop.server import forms
from activeloop.server.views import events_out
from activeloop.store.accounts import Accounts
from activeloop.store.database import plain_errors

if TYPE_CHECKING:
    import httpx

SECONDS = 1.0
"""Between two looks for what is to be delivered."""
LEASE = 30.0
"""Seconds for which a server delivers for a webhook before another may."""
TIMEOUT = 10.0
ATTEMPTS = 12
"""After which (about a day) a webhook is stopped; making it anew goes on from then."""
LONGEST = 6 * 3600.0
_COLUMNS = "webhook, url, kinds, created, delivered, words, stopped"


@dataclass(frozen=True)
class Delivery:
    """What a server delivers now.

    Args:
        webhook: its id.
        campaign: of whose events.
        url: to which.
        secret: with which it is signed.
        kinds: of events; all when empty.
        delivered: the last event that was.
        attempts: that failed since.
    """

    webhook: str
    campaign: str
    url: str
    secret: str
    kinds: tuple[str, ...]
    delivered: int
    attempts: int


def signature(secret: str, moment: str, body: bytes) -> str:
    """The signature of a delivery: HMAC-SHA256 of the moment, a full stop and the body, in hexadecimal digits.

    >>> signature("secret", "1700000000", b"{}")[:8]
    'b8569b78'
    """
    return hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()


@dataclass
class Hooks:
    """The webhooks of all campaigns.

    Args:
        accounts: of the database.
        private: whether addresses of private networks may be called, as on a laptop or inside a laboratory.
    """

    accounts: Accounts
    private: bool = False

    def of(self, campaign: str) -> list[forms.WebhookOut]:
        """The webhooks of a campaign."""
        rows = self._read(f"SELECT {_COLUMNS} FROM webhooks WHERE campaign = :key ORDER BY created", key=campaign)
        names = ("id", "url", "kinds", "created", "delivered", "words", "stopped")
        found = [dict(zip(names, row, strict=True)) for row in rows]
        return [forms.WebhookOut.model_validate({**one, "kinds": json.loads(one["kinds"])}) for one in found]

    def make(
        self, campaign: str, url: str, kinds: Sequence[str], actor: str, after: int
    ) -> tuple[str, forms.WebhookOut]:
        """A new webhook and the secret that signs what it sends.

        Args:
            campaign: of whose events.
            url: to which they are sent.
            kinds: of events; all when empty.
            actor: who makes it.
            after: the last event that is not sent.

        Raises:
            InputError: there is no such kind, or the address must not be called; nothing was stored.
        """
        import sqlalchemy as sa

        from activeloop.store.schema import webhooks

        if unknown := sorted(set(kinds) - set(KINDS)):
            raise InputError(f'"{unknown[0]}" is no kind of event. Use {", ".join(KINDS)}. Nothing was stored.')
        check_address(url, private=self.private)
        key, secret = uuid.uuid4().hex, secrets.token_urlsafe(32)
        row = {"webhook": key, "campaign": campaign, "url": url, "secret": secret, "kinds": json.dumps(list(kinds))}
        row |= {"created": now(), "delivered": after, "attempts": 0, "not_before": 0.0, "owner": "", "until": 0.0}
        with self.accounts.writing("webhook", actor, campaign=campaign, webhook=key, url=url) as connection:
            connection.execute(sa.insert(webhooks), {**row, "words": "", "stopped": False})
        return secret, next(one for one in self.of(campaign) if one.id == key)

    def remove(self, campaign: str, webhook: str, actor: str) -> bool:
        """Tell them no longer; False when there is no such webhook."""
        import sqlalchemy as sa

        from activeloop.store.schema import webhooks

        if not any(one.id == webhook for one in self.of(campaign)):
            return False
        with self.accounts.writing("webhook-removed", actor, campaign=campaign, webhook=webhook) as connection:
            connection.execute(sa.delete(webhooks).where(webhooks.c.webhook == webhook))
        return True

    def take(self, owner: str) -> Delivery | None:
        """A webhook that has something to deliver and that no other server holds."""
        import sqlalchemy as sa

        from activeloop.store.schema import campaigns, database_time, webhooks

        moment = database_time()
        waiting = sa.select(webhooks).join(campaigns, campaigns.c.campaign == webhooks.c.campaign)
        waiting = waiting.where(
            webhooks.c.delivered < campaigns.c.last,
            webhooks.c.not_before <= moment,
            webhooks.c.until < moment,
            sa.not_(webhooks.c.stopped),
        ).limit(1)
        # looking takes no lock: most of the time there is nothing
        which = "w.delivered < c.last AND NOT w.stopped"
        if not self._read(
            f"SELECT 1 FROM webhooks w JOIN campaigns c ON c.campaign = w.campaign WHERE {which} LIMIT 1"
        ):
            return None
        with plain_errors(self.accounts.where), self.accounts.database.writing() as connection:
            row = connection.execute(waiting.with_for_update(skip_locked=True, of=webhooks)).one_or_none()
            if row is None:
                return None
            mine = sa.update(webhooks).where(webhooks.c.webhook == row.webhook)
            connection.execute(mine.values(owner=owner, until=moment + LEASE))
        kinds = tuple(json.loads(row.kinds))
        return Delivery(row.webhook, row.campaign, row.url, row.secret, kinds, row.delivered, row.attempts)

    def done(self, delivery: Delivery, delivered: int, words: str, *, failed: bool) -> None:
        """Note how far a webhook came, and when it is tried again.

        Args:
            delivery: what was taken.
            delivered: the last event that was delivered, or is none of its kinds.
            words: what came of it.
            failed: whether the last one was not taken.
        """
        import sqlalchemy as sa

        from activeloop.store.schema import database_time, webhooks

        attempts = delivery.attempts + 1 if failed else 0
        values: dict[str, Any] = {"delivered": delivered, "words": words, "attempts": attempts, "until": 0.0}
        values["not_before"] = database_time() + min(2.0**attempts, LONGEST) if failed else 0.0
        values["stopped"] = attempts >= ATTEMPTS
        with plain_errors(self.accounts.where), self.accounts.database.writing() as connection:
            connection.execute(sa.update(webhooks).where(webhooks.c.webhook == delivery.webhook).values(**values))

    def _read(self, query: str, **parameters: object) -> list[tuple[Any, ...]]:
        with plain_errors(self.accounts.where):
            return self.accounts.database.read(query, **parameters)


def check_address(url: str, *, private: bool) -> None:
    """Refuse an address inside the server's own network, which a member must not reach through it.

    Args:
        url: to be called.
        private: whether such addresses may be called.

    Raises:
        InputError: it must not be called.

    >>> check_address("http://127.0.0.1:9/x", private=False)
    Traceback (most recent call last):
    activeloop.errors.InputError: 127.0.0.1 is in the server's own network, which webhooks do not reach. ...
    """
    host = urlsplit(url).hostname
    if not host:
        raise InputError(f'"{url}" names no host. Nothing was stored.')
    if private:
        return
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except OSError as error:
        raise InputError(f"{host} is not known ({error.strerror}). Nothing was stored.") from error
    if not all(ipaddress.ip_address(one).is_global for one in found):
        problem = "is in the server's own network, which webhooks do not reach. Nothing was stored."
        raise InputError(f"{host} {problem}")


async def deliver(hooks: Hooks, delivery: Delivery, client: httpx.AsyncClient) -> None:
    """Send what a webhook has not been told yet, in order, until one is not taken.

    Args:
        hooks: of the server.
        delivery: what was taken.
        client: that sends.
    """
    database, came, words = hooks.accounts.database, delivery.delivered, "delivered"
    read = lambda: events_out(database, delivery.campaign, came, 50, payload=True)  # noqa: E731
    failed = False
    for event in await run_in_threadpool(read):
        if not delivery.kinds or event.kind in delivery.kinds:
            told = {"campaign": delivery.campaign, **event.model_dump()}
            if len(json.dumps(told)) > 200_000:
                told["payload"] = None  # too long to be sent: whoever wants it asks for it
            if problem := await _send(delivery, event.sequence, json.dumps(told).encode(), client, hooks.private):
                words, failed = f"event {event.sequence}: {problem}", True
                break
        came = event.sequence
    await run_in_threadpool(hooks.done, delivery, came, words, failed=failed)


async def _send(delivery: Delivery, event: int, body: bytes, client: httpx.AsyncClient, private: bool) -> str:
    """Why an event was not taken; "" when it was."""
    import httpx

    moment = str(int(time.time()))
    headers = {
        "content-type": "application/json",
        "x-activeloop-delivery": f"{delivery.webhook}.{event}",
        "x-activeloop-timestamp": moment,
        "x-activeloop-signature": f"sha256={signature(delivery.secret, moment, body)}",
    }
    try:
        await run_in_threadpool(check_address, delivery.url, private=private)  # its name may mean another place by now
        answer = await client.post(delivery.url, content=body, headers=headers, timeout=TIMEOUT)
    except (httpx.HTTPError, ActiveLoopError) as error:
        return f"not reached ({type(error).__name__})"
    return "" if answer.is_success else f"answered with {answer.status_code}"


async def deliver_forever(hooks: Hooks) -> None:
    """Deliver what there is until the task is cancelled."""
    owner, client = uuid.uuid4().hex, None
    async with AsyncExitStack() as stack:
        while True:
            try:
                delivery = await run_in_threadpool(hooks.take, owner)
                if delivery:
                    if client is None:  # a server without webhooks does not load it
                        import httpx

                        client = await stack.enter_async_context(httpx.AsyncClient(follow_redirects=False))
                    await deliver(hooks, delivery, client)
                    continue
            except ActiveLoopError:
                pass  # the database cannot be reached for a moment
            await asyncio.sleep(SECONDS)
