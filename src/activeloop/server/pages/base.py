"""What all pages share: templates, headers, errors as pages, forms, and what was computed for an event before."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlencode

from anyio import from_thread
from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from activeloop.config import CampaignConfig, config_text
from activeloop.errors import ActiveLoopError
from activeloop.server.access import CampaignAccess, DoneBefore
from activeloop.server.compute import Order
from activeloop.server.computed import Computed, Known
from activeloop.server.identity import check_signature
from activeloop.server.problems import answer_of
from activeloop.server.rendering import render

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


def http_page(request: Request, error: HTTPException) -> HTMLResponse:
    """An error of HTTP as a page; whoever is not signed in comes to where one signs in."""
    fields, problem, fix = getattr(error, "fields", None), str(error.detail), getattr(error, "fix", "")
    if fields is None and error.status_code in (404, 405):  # no route has this address
        problem = "There is no such page."
    signin = (fields or {}).get("signin", "")
    fix = fix if not signin else "Sign in again, then repeat it within five minutes."
    answered = error_page(request, error.status_code, problem, fix, signin)
    if error.status_code == 401 and request.method == "GET" and "hx-request" not in request.headers:
        answered.headers["refresh"] = f"0; url=/auth/login?{urlencode({'next': request.url.path})}"
    return answered


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
                if first["loc"][0] == "path":  # an address that somebody mistyped
                    return error_page(request, 404, "There is no such page.")
                return error_page(request, 422, f"{first['loc'][-1]}: {first['msg']}.")
            except HTTPException as error:
                return http_page(request, error)

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


async def panel(request: Request, access: CampaignAccess, name: str, **arguments: str) -> str:
    """A part of a campaign's page that a child process makes; "" while it is being made.

    Where results come in all the time, what was made a moment ago is shown while the next is made.

    Args:
        request: for which it is made.
        access: of the campaign.
        name: in `activeloop.server.panels.PANELS`.
        arguments: of it.
    """
    made, what = computed(request), f"panel {name} {sorted(arguments.items())}"
    known = made.known(access.key, what)
    if known and (known.last == access.last or known.rests()):
        return known.value
    order = Order("panel", access.key, access.user.actor, what, {"name": name, **arguments})
    found = await request.app.state.compute.wait(order, GLANCE if known else PATIENCE)
    if found is None:
        return known.value if known else ""
    made.keep(access.key, what, Known(found["last"], found["html"], found["seconds"]))
    return found["html"]


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


PATIENCE, GLANCE = 20.0, 0.2
"""Seconds for which a page waits for a part that was never made, and for one that was made before."""


def computed(request: Request) -> Computed:
    """What this application has computed."""
    return request.app.state.computed


def store_settings(request: Request, access: CampaignAccess, form: FormData, changed: CampaignConfig) -> None:
    """Store other settings of a campaign; `access.campaigns.forget` is for when it is closed.

    Raises:
        ActiveLoopError: they cannot be used; nothing was stored.
    """
    by, asked = access.user.actor, of_form(access, form).request
    request.app.state.store.configure(access.key, config_text(changed), actor=by, request=asked)
