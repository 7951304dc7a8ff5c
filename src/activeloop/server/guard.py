"""What stands before every request: limits, headers, an id, a line of log and a measurement."""

from __future__ import annotations

import json
import logging
import sys
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from activeloop import tracing
from activeloop.server import wall
from activeloop.server.identity import same_origin
from activeloop.server.problems import Problem, problem_of, problem_response
from activeloop.server.settings import LOOPBACK, Settings
from activeloop.work.leases import WorkState

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""No inline script, nothing from elsewhere."""
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
LOG = logging.getLogger("activeloop.server")
CALLERS = 10_000
"""Whose rates are remembered at once."""


class JSONLines(logging.Formatter):
    """A line of JSON for each record, with what was given as `extra={"fields": {...}}`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {"at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")}
        line |= {"level": record.levelname.lower(), "message": record.getMessage()}
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def log_as_json() -> None:
    """Let the server's log go to standard error as lines of JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JSONLines())
    LOG.handlers, LOG.propagate = [handler], False
    LOG.setLevel(logging.INFO)


@dataclass
class Metrics:
    """What Prometheus asks for, of one app."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        labels, registry = ("method", "route", "status"), self.registry
        self.requests = Counter("activeloop_requests", "Requests that were answered.", labels, registry=registry)
        self.seconds = Histogram(
            "activeloop_request_seconds", "Time until a request was answered.", ("method", "route"), registry=registry
        )
        self.running = Gauge("activeloop_requests_running", "Requests that are being answered.", registry=registry)
        self.open = Gauge("activeloop_open_campaigns", "Campaigns held in memory.", registry=registry)
        self.work = Gauge("activeloop_work", "Pieces of work.", ("kind", "stage"), registry=registry)

    def show_work(self, states: Iterable[WorkState]) -> None:
        """Count what is waiting, running and failed."""
        self.work.clear()
        for state in states:
            self.work.labels(state.kind, "waiting" if state.due and state.stage != "running" else state.stage).inc()


@dataclass
class Rates:
    """How often each caller may call: a bucket that fills evenly.

    Args:
        per_minute: requests in the long run, and at once.
        clock: seconds.

    >>> rates = Rates(60, clock=iter([0.0] * 61 + [1.0, 1.0]).__next__)
    >>> [rates.wait("ada") for _ in range(62)][59:], rates.wait("ada")
    ([0.0, 1.0, 0.0], 1.0)
    """

    per_minute: int
    clock: Callable[[], float] = time.monotonic
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict, init=False, repr=False)

    def wait(self, caller: str) -> float:
        """Seconds that a caller must wait; 0 when this request may be done."""
        now, rate = self.clock(), self.per_minute / 60
        left, then = self._buckets.pop(caller, (float(self.per_minute), now))
        left = min(float(self.per_minute), left + (now - then) * rate)
        may = left >= 1
        self._buckets[caller] = (left - may, now)
        while len(self._buckets) > CALLERS:
            self._buckets.popitem(last=False)
        return 0.0 if may else (1 - left) / rate


def too_large(settings: Settings) -> Problem:
    """The answer to a request that is larger than it may be."""
    return Problem(413, f"this is larger than {settings.upload_mebibytes} MiB.", "Send it in several parts.")


def route_of(scope: Scope) -> str:
    """The path of a request with the names of its parts, as figures are counted by.

    >>> route_of({"path": "/api/v1/campaigns/0a1b/plates", "route": 1, "path_params": {"campaign": "0a1b"}})
    '/api/v1/campaigns/{campaign}/plates'
    """
    if "route" not in scope:
        return "other"
    parts: dict[str, str] = {str(value): f"{{{name}}}" for name, value in scope.get("path_params", {}).items()}
    path: str = scope["path"]
    return "/".join(parts.get(part, part) for part in path.split("/"))


class Guard:
    """Middleware around the whole application.

    Args:
        app: the application.
        settings: of the server.
        metrics: that are counted.
    """

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics):
        self.app, self.settings, self.metrics = app, settings, metrics
        self.rates = Rates(settings.requests_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request = given if given.isalnum() and len(given) <= 64 else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request
        tracing.note(request)

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                answered = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    answered.setdefault(name, value)
                answered["x-request-id"] = request
                if self.settings.public_url.startswith("https:"):
                    answered.setdefault("strict-transport-security", "max-age=31536000")
                if not scope["path"].startswith("/static/"):
                    answered.setdefault("cache-control", "private, no-cache")
            await send(message)

        self.metrics.running.inc()
        scope_before = wall.SCOPE.set(wall.Scope())
        try:
            if refused := self._refused(scope, headers):
                await refused(scope, receive, sent)
            else:
                await self._limited(scope, receive, sent)
        except Exception:
            LOG.exception("failed", extra={"fields": {"request": request, "path": scope["path"]}})
            if status == 500:
                detail, fix = "the server failed; nothing more is known here.", "Tell whoever runs it the request's id."
                await problem_response(500, detail, fix, request=request)(scope, receive, sent)
        finally:
            wall.SCOPE.reset(scope_before)
            self.metrics.running.dec()
            self._note(scope, status, request, time.perf_counter() - began)

    def _refused(self, scope: Scope, headers: Headers) -> Response | None:
        host = headers.get("host", "")
        name = host.rsplit(":", 1)[0].strip("[]") if not host.endswith("]") else host.strip("[]")
        if self.settings.single_user and name not in LOOPBACK:
            # a page elsewhere whose name points here must not speak for the one user, who is not asked who they are
            return problem_response(403, f"this server is not {name}.", "Use http://127.0.0.1.")
        if scope["method"] not in ("GET", "HEAD", "OPTIONS") and not same_origin(headers, self._host(host)):
            return problem_response(403, "this comes from a page of another site.", "Use the pages of this server.")
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self.settings.upload_mebibytes << 20:
            return problem_of(too_large(self.settings))
        caller = headers.get("authorization", "") or (scope.get("client") or ("", 0))[0]
        if wait := self.rates.wait(caller):
            after = {"retry-after": str(max(1, round(wait)))}
            return problem_response(429, "too many requests.", "Wait, then go on more slowly.", headers=after)
        return None

    def _host(self, host: str) -> str:
        return self.settings.public_url.partition("://")[2].partition("/")[0] or host

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application, which reads no more than it may."""
        most, read = self.settings.upload_mebibytes << 20, 0

        async def received() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                raise too_large(self.settings)
            return message

        await self.app(scope, received, send)

    def _note(self, scope: Scope, status: int, request: str, seconds: float) -> None:
        route = route_of(scope)
        self.metrics.requests.labels(scope["method"], route, status).inc()
        self.metrics.seconds.labels(scope["method"], route).observe(seconds)
        user = scope.get("state", {}).get("user")
        fields = {"request": request, "method": scope["method"], "path": scope["path"], "status": status}
        fields |= {"milliseconds": round(seconds * 1000, 1), "user": getattr(user, "actor", "")}
        LOG.info("request", extra={"fields": fields})
