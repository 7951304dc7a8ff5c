"""A request that comes twice with one key is done once, and answered the same twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from activeloop.server.access import DoneBefore, user_of
from activeloop.server.problems import Problem
from activeloop.server.views import repeated_out

READING = {"GET", "HEAD", "OPTIONS"}
KEPT = 1 << 20
"""Bytes of an answer up to which it is kept."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class OnceRoute(APIRoute):
    """A route whose writes know `Idempotency-Key`.

    The answer is kept with the key. When a process dies between an event and its answer, the event itself carries the
    key, and the repeated request is answered by what they say.
    """

    def get_route_handler(self) -> Handler:
        """The handler of the route, done once for each key."""
        handler = super().get_route_handler()
        if (self.methods or set()) <= READING:
            return handler

        async def once(request: Request) -> Response:
            try:
                if "idempotency-key" not in request.headers:
                    return await handler(request)
                return await _once(request, handler)
            except DoneBefore as done:
                return _answer(200, repeated_out(done.recorded).model_dump_json())

        return once


async def _once(request: Request, handler: Handler) -> Response:
    key = request.headers["idempotency-key"]
    if not key.isprintable() or not 0 < len(key) <= 100:
        raise Problem(400, "Idempotency-Key must have 1 to 100 printable characters.", "A UUID is a good one.")
    user = await run_in_threadpool(user_of, request)
    accounts = request.app.state.accounts
    told = f"{request.method} {request.url.path}?{request.url.query}\n".encode() + await _content(request)
    fingerprint = hashlib.sha256(told).hexdigest()
    seen = await run_in_threadpool(accounts.begin, user.id, key, fingerprint)
    if seen and seen.fingerprint != fingerprint:
        raise Problem(422, "this Idempotency-Key was used for another request.", "Make a new key for each request.")
    if seen and not seen.status:
        fix = "Repeat it in a moment."
        raise Problem(409, "this request is being done.", fix, {"retry-after": "1"})
    if seen:
        return _answer(seen.status, seen.body)
    try:
        response = await handler(request)
    except BaseException:
        await run_in_threadpool(accounts.finish, user.id, key, 0, "")  # nothing was stored: it may be tried again
        raise
    body = bytes(response.body) if hasattr(response, "body") else b""
    keep = response.status_code in (200, 201, 204) and len(body) <= KEPT
    text = body.decode("utf-8", "replace")
    await run_in_threadpool(accounts.finish, user.id, key, response.status_code if keep else 0, text)
    return response


async def _content(request: Request) -> bytes:
    """What a request says; of a form its fields and files, since each sending draws another boundary."""
    body = await request.body()
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        return body
    boundary = kind.partition("boundary=")[2].strip('"').encode()
    return body.replace(boundary, b"") if boundary else body


def _answer(status: int, body: str) -> Response:
    kind = "application/json" if body else None
    return Response(body or None, status, {"idempotent-replay": "true"}, kind)
