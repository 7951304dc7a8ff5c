"""What all pages share: templates, headers, errors as pages, forms, and what was computed for an event before."""

from __future__ import annotations

import math
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from activeloop._version import __version__
from activeloop.config import OpenCampaign
from activeloop.errors import ActiveLoopError
from activeloop.server.access import CampaignAccess
from activeloop.server.problems import Problem, answer_of
from activeloop.words import many, shown_number

T = TypeVar("T")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""What a page may load: nothing from elsewhere, and no script or style in its own text."""

TABS = (
    ("", "Overview"),
    ("/plates", "Plates"),
    ("/results", "Results"),
    ("/candidates", "Candidates"),
    ("/model", "Model"),
    ("/students", "Students"),
    ("/audit", "Audit"),
    ("/settings", "Settings"),
)
"""The pages of a campaign: what follows its address, and their names."""


def figure(value: float | None, digits: int = 4) -> str:
    """A number as pages show it; a dash where there is none.

    >>> figure(12345.6), figure(float("nan")), figure(None)
    ('12350', '–', '–')
    """
    return "–" if value is None or math.isnan(value) else shown_number(value, digits)


def moment(iso: str) -> str:
    """A moment of the log as people read it.

    >>> moment("2026-01-02T03:04:05.678+00:00")
    '2026-01-02 03:04 UTC'
    """
    return f"{iso[:16].replace('T', ' ')} UTC" if iso else "–"


_templates = Environment(
    loader=PackageLoader("activeloop.server"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals |= {"tabs": TABS, "version": __version__, "many": many, "new_request": lambda: secrets.token_hex(16)}
_templates.filters |= {"figure": figure, "moment": moment}


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
    return HTMLResponse(_templates.get_template(template).render(known | fields), code, headers)


def see(address: str) -> RedirectResponse:
    """Go to a page after something was done, so that a reload does not do it again."""
    return RedirectResponse(address, 303)


def error_page(request: Request, status: int, problem: str, fix: str = "") -> HTMLResponse:
    """An error as a page, or as what stands in place of a part of one."""
    return page(request, "error.html", status, problem=problem, fix=fix, title="That did not work")


class PageRoute(APIRoute):
    """A route whose errors are pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, and what becomes of its errors."""
        answer = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                if request.method == "POST":
                    refuse_foreign(request)
                return await answer(request)
            except ActiveLoopError as error:
                return error_page(request, answer_of(error).status_code, str(error))
            except RequestValidationError as error:
                first = error.errors()[0]
                return error_page(request, 422, f"{first['loc'][-1]}: {first['msg']}.")
            except HTTPException as error:
                return error_page(request, error.status_code, str(error.detail), getattr(error, "fix", ""))

        return handler


def pages_router() -> APIRouter:
    """A router of pages: not in the API's document, and errors are pages."""
    return APIRouter(route_class=PageRoute, include_in_schema=False, default_response_class=HTMLResponse)


def refuse_foreign(request: Request) -> None:
    """Refuse a form that another site sent.

    Raises:
        Problem: 403.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    foreign = site not in ("same-origin", "none") if site else False
    if not site and origin:
        foreign = urlsplit(origin).netloc != request.headers.get("host")
    if foreign:
        raise Problem(403, "this form was sent by another site.", "Open the page here and send it again.")


async def form_of(request: Request) -> FormData:
    """The fields of a form."""
    return await request.form()


Form = Annotated[FormData, Depends(form_of)]


def text(form: FormData, name: str) -> str:
    """A field of a form as text; "" where it is missing."""
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""


class Computed:
    """What was computed for pages, by campaign and its last event, so that a page that is read again costs nothing.

    Args:
        most: that is kept.
    """

    def __init__(self, most: int = 256):
        self._most, self._kept, self._lock = most, OrderedDict[tuple[str, int, str], Any](), threading.Lock()

    def of(self, access: CampaignAccess, loop: OpenCampaign, what: str, compute: Callable[[], T]) -> T:
        """What `compute` gives, computed once for this state of the campaign.

        Args:
            access: of the campaign.
            loop: the campaign.
            what: is computed, with all that it depends on beside the campaign.
            compute: does it.
        """
        key = (access.key, loop.campaign.state().last, what)
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
