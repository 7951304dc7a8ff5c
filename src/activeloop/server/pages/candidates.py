"""The candidates: a table to sort, filter and search, why one is predicted as it is, and pin, veto and extend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

from anyio import from_thread
from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from activeloop.candidates.treatments import BAR, FIELDS
from activeloop.config import OpenCampaign
from activeloop.desk.candidates import STATES, CandidateQuery, State, predictions_file
from activeloop.errors import ActiveLoopError, InputError
from activeloop.plates.structures import CANVAS, is_structure, structure
from activeloop.server.access import CampaignAccess, Reader, Scientist
from activeloop.server.compute import Order
from activeloop.server.new import whole
from activeloop.server.pages.base import Form, of_form, ordered, page, pages_router, see, text
from activeloop.server.pages.kept import upload_of
from activeloop.server.pages.overview import campaign_fields, panel_page
from activeloop.server.uploads import check_inputs, passing_folder

router = pages_router()

WAIT = 0.2
"""Seconds for which a page waits for predictions that are not there yet; later ones come as they are made."""
SHOWN = 50
"""Candidates of one page."""


@dataclass(frozen=True)
class Asked:
    """What of the table is asked for.

    Args:
        search: letters that a name, or what is known of it, contains.
        state: only candidates in it; all when "".
        sort: by what; by acquisition, or what is measured before anything is predicted, when "".
        reverse: the other way round.
        at: page, from 1.
    """

    search: str = ""
    state: str = ""
    sort: str = ""
    reverse: bool = False
    at: int = 1


def predicted(request: Request, access: CampaignAccess) -> tuple[bool, str]:
    """Whether the pool is predicted by the current version, and why it will not be; a child process makes it so."""
    with access.open() as loop:
        path = predictions_file(loop)
    if path.exists():
        return True, ""
    order = Order("predict-pool", access.key, access.user.actor, f"page {path.name}")
    try:
        found = from_thread.run(request.app.state.compute.wait, order, WAIT)
    except ActiveLoopError as error:
        return False, str(error)
    return found is not None, ""


@router.get("/campaigns/{campaign}/candidates")
def candidates(
    request: Request,
    access: Reader,
    search: str = "",
    state: str = "",
    sort: str = "",
    reverse: bool = False,
    at: int = 1,
) -> HTMLResponse:
    """The table."""
    return _page(request, access, Asked(search, state, sort, reverse, at))


def _page(request: Request, access: CampaignAccess, asked: Asked, error: str = "", code: int = 200) -> HTMLResponse:
    there, problem = predicted(request, access)
    with access.open() as loop:
        fields = _fields(access, loop, asked) | {"problem": problem, "waiting": not there and not problem}
    return page(request, "candidates.html", code, title=f"Candidates of {fields['name']}", error=error, **fields)


def _fields(access: CampaignAccess, loop: OpenCampaign, asked: Asked) -> dict[str, Any]:
    table = access.table(loop)
    sort = asked.sort or table.sorts[0]
    at = max(asked.at, 1)
    states = cast("tuple[State, ...]", (asked.state,) * bool(asked.state))
    found = table.page(CandidateQuery(asked.search, states, sort, asked.reverse, (at - 1) * SHOWN, SHOWN))
    mutations = loop.campaign.pool.kind == "variants"
    drawn = [] if mutations else [c.name for c in found.candidates if is_structure("", c.name)]
    return campaign_fields(access, loop) | {
        "found": found,
        "asked": asked,
        "sort": sort,
        "at": at,
        "pages": max(-(-found.matching // SHOWN), 1),
        "states": STATES,
        "assays": loop.campaign.assays,
        "link": _linker(asked),
        "pictures": {name: svg for name in drawn if (svg := structure(name))},
        "canvas": CANVAS,
        "may": access.may("scientist"),
        "extendable": mutations,
        "parts": parts_of(loop.campaign.pool.kind, [c.called for c in found.candidates]),
        "split": lambda name: name.split(f" {BAR} "),
    }


def parts_of(kind: str, names: Sequence[str]) -> tuple[str, ...]:
    """What the parts of the names of candidates are called, each of which has a column; () where they have none.

    >>> parts_of("treatments", ["A375 | dabrafenib"]), parts_of("variants", ["A24G"])
    (('cells', 'compound'), ())
    """
    most = max((name.count(f" {BAR} ") + 1 for name in names), default=0)
    return FIELDS[:most] if kind == "treatments" and most > 1 else ()


def _linker(asked: Asked) -> Callable[..., str]:
    """A function that gives the address of the same table with something else."""
    now = {"search": asked.search, "state": asked.state, "sort": asked.sort, "at": str(asked.at)}
    now["reverse"] = "1" if asked.reverse else ""

    def link(**changed: object) -> str:
        return "?" + urlencode({k: v for k, v in (now | {"at": "1"} | changed).items() if v})

    return link


@router.get("/campaigns/{campaign}/candidates/{name:path}/why")
async def why(request: Request, access: Reader, name: str) -> HTMLResponse:
    """Why a candidate is predicted as it is."""
    return await panel_page(request, access, "why", f"Why {name}", candidate=name)


@router.post("/campaigns/{campaign}/candidates")
def choose(request: Request, access: Scientist, form: Form) -> Response:
    """Pin or veto the candidates that were ticked or typed."""
    back = text(form, "back")
    names = [str(one) for one in form.getlist("name")]
    names += [one.strip() for one in text(form, "names").replace("\n", ",").split(",") if one.strip()]
    try:
        if not names:
            raise InputError("tick candidates in the table, or type their names. Nothing was changed.")
        with of_form(access, form).change() as loop:
            change = loop.campaign.veto if text(form, "do") == "veto" else loop.campaign.pin
            change(names, text(form, "reason"))
    except InputError as error:
        return _page(request, access, Asked(), error=str(error), code=422)
    return see(f"/campaigns/{access.key}/candidates{back if back.startswith('?') else ''}")


@router.post("/campaigns/{campaign}/extend")
def add(request: Request, access: Scientist, form: Form) -> Response:
    """Add candidates to the pool: combinations of the best hits, positions, sites or a list."""
    way, combine = text(form, "way"), text(form, "combine")
    try:
        with passing_folder() as folder:
            given: dict[str, Any] = {}
            if way == "combine":
                given = {
                    "combine": whole(combine, "the number of mutations") or 3,
                    "force": text(form, "force") == "yes",
                }
            elif way == "list":
                kept = upload_of(request, form, "list", access.key)
                if kept is None:
                    raise InputError("choose the file of the list. Nothing was added.")
                path = Path(folder) / kept.name
                check_inputs({kept.name: kept.content})
                path.write_bytes(kept.content)
                given = {"table": str(path)}
            else:
                given = {way: text(form, way)} if way in ("positions", "sites") else {}
            if not any(given.values()):
                raise InputError("say what is added: positions, sites or a list. Nothing was added.")
            mine = of_form(access, form)
            ordered(request, Order("extend", mine.key, mine.user.actor, mine.request, given))
    except ActiveLoopError as error:
        return _page(request, access, Asked(), error=str(error), code=422)
    return see(f"/campaigns/{access.key}/candidates?state=untested")
