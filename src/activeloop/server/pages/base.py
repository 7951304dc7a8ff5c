"""What all pages share: templates, headers, errors as pages, forms, and what was computed for an event before."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from anyio import from_thread
from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from activeloop.errors import ActiveLoopError
from activeloop.server.access import CampaignAccess, DoneBefore
from activeloop.server.compute import Order
from activeloop.server.identity import check_signature
from activeloop.server.problems import answer_of
from activeloop.server.rendering import render

T = TypeVar("T")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""What a page may load: nothing from elsewhere, and no script or style in its own text."""


def page(request: Request, template: str, code: int = 200, **fields: Any) -> HTMLResponse:
    """A page of a template.

    Args:
        request: which it answers.
        template: its name.
        code: of HTTP.
        fields: of the template; `campaign` (key, name, access) where it is one of a campaign.
    """
    known = {
        "user": getattr(request.state, "user", None),
        "here": request.url.path,
        "single_user": request.app.state.settings.single_user,
        "campaign": None,
        "fragment": "hx-request" in request.headers,
        "error": "",
    }
    headers = {"content-security-policy": POLICY, "cache-control": "no-store", "vary": "HX-Request"}
    return HTMLResponse(render(template, **known | fields), code, headers)


def see(address: str) -> RedirectResponse:
    """Go to a page after something was done, so that a reload does not do it again."""
    return RedirectResponse(address, 303)


def error_page(request: Request, status: int, problem: str, fix: str = "", signin: str = "") -> HTMLResponse:
    """An error as a page, or as what stands in place of a part of one."""
    return page(request, "error.html", status, problem=problem, fix=fix, signin=signin, title="That did not work")


class PageRoute(APIRoute):
    """A route whose errors are pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, and what becomes of its errors."""
        answer = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await answer(request)
            except DoneBefore:
                return see("/".join(request.url.path.split("/")[:3]))
            except ActiveLoopError as error:
                return error_page(request, answer_of(error).status_code, str(error))
            except RequestValidationError as error:
                first = error.errors()[0]
                return error_page(request, 422, f"{first['loc'][-1]}: {first['msg']}.")
            except HTTPException as error:
                signin = getattr(error, "fields", {}).get("signin", "")
                fix = getattr(error, "fix", "") if not signin else "Sign in again, then repeat it within five minutes."
                answered = error_page(request, error.status_code, str(error.detail), fix, signin)
                if error.status_code == 401 and request.method == "GET" and "hx-request" not in request.headers:
                    answered.headers["refresh"] = f"0; url=/auth/login?{urlencode({'next': request.url.path})}"
                return answered

        return handler


def pages_router() -> APIRouter:
    """A router of pages: not in the API's document, and errors are pages."""
    return APIRouter(route_class=PageRoute, include_in_schema=False, default_response_class=HTMLResponse)


async def form_of(request: Request) -> AsyncIterator[FormData]:
    """The fields of a form; its files are closed afterwards."""
    form = await request.form()
    try:
        yield form
    finally:
        await form.close()


Form = Annotated[FormData, Depends(form_of)]


def text(form: FormData, name: str) -> str:
    """A field of a form as text; "" where it is missing."""
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def ordered(request: Request, order: Order) -> Any:
    """What a child process answers to an order; for routes that run in a thread.

    Raises:
        ActiveLoopError: what the child raised.
    """
    return from_thread.run(request.app.state.compute.do, order)


def panel(request: Request, access: CampaignAccess, name: str, **arguments: str) -> str:
    """A part of a campaign's page that a child process makes, once for each state of the campaign.

    Args:
        request: for which it is made.
        access: of the campaign.
        name: in `activeloop.server.panels.PANELS`.
        arguments: of it.
    """
    order = Order("panel", access.key, access.user.actor, "", {"name": name, **arguments})
    what = f"{name} {sorted(arguments.items())}"
    return computed(request).of(access.key, access.last, what, lambda: ordered(request, order)["html"])


def of_form(access: CampaignAccess, form: FormData) -> CampaignAccess:
    """The access of whoever sent a form: what it writes is marked by it, and a form that comes twice is done once."""
    word = text(form, "request")
    person = hashlib.sha256(access.user.id.encode()).hexdigest()[:12]
    return replace(access, request=f"{person}:form-{word}" if word else "")


def sign(request: Request, access: CampaignAccess, meaning: str, reason: str) -> Callable[..., None]:
    """Check the electronic signature of a decision; returns what writes it into the trail once it is done.

    Args:
        request: of the form.
        access: of whoever signs.
        meaning: of the signature.
        reason: why, in their words.

    Raises:
        Problem: they have to sign in again, or give no reason.
    """
    signed = check_signature(access.user, meaning, reason, request.app.state.settings.single_user)

    def note(**what: Any) -> None:
        request.app.state.accounts.note("signature", access.user.actor, access.key, **signed, **what)

    return note


class Computed:
    """What was computed for pages, by campaign and its last event, so that a page that is read again costs nothing.

    Args:
        most: that is kept.
    """

    def __init__(self, most: int = 256):
        self._most, self._kept, self._lock = most, OrderedDict[tuple[str, int, str], Any](), threading.Lock()

    def of(self, campaign: str, last: int, what: str, compute: Callable[[], T]) -> T:
        """What `compute` gives, computed once for this state of the campaign.

        Args:
            campaign: its key.
            last: number of its last event.
            what: is computed, with all that it depends on beside the campaign.
            compute: does it.
        """
        key = (campaign, last, what)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = compute()
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return found


def computed(request: Request) -> Computed:
    """What this application has computed."""
    if not hasattr(request.app.state, "computed"):
        request.app.state.computed = Computed()
    return request.app.state.computed
