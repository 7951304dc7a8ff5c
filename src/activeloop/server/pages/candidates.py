"""The candidates: a table to sort, filter and search, why one is predicted as it is, and pin, veto and extend."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from activeloop.config import OpenCampaign
from activeloop.config.building import open_folder
from activeloop.desk.candidates import STATES, CandidateQuery, CandidateTable, State, predict_pool, predictions_file
from activeloop.desk.explain import explain, picture_of
from activeloop.desk.extend import extend
from activeloop.drawing import inline
from activeloop.errors import ActiveLoopError, InputError
from activeloop.plates.structures import CANVAS, is_structure, structure
from activeloop.server.access import CampaignAccess, Campaigns, Reader, Scientist
from activeloop.server.pages.base import Form, computed, page, pages_router, see, text
from activeloop.server.pages.kept import upload_of
from activeloop.server.pages.overview import campaign_fields

router = pages_router()

QUICK = 20_000
"""Candidates that are predicted while a page is waited for; more are predicted beside."""
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


class Predicting:
    """Predictions of pools that are being made beside the requests, each once."""

    def __init__(self) -> None:
        self._lock, self._running, self._failed = threading.Lock(), set[str](), dict[str, str]()

    def of(self, access: CampaignAccess, loop: OpenCampaign) -> tuple[bool, str]:
        """Whether the predictions of a campaign's pool are there, and why there will be none."""
        path = predictions_file(loop)
        if path.exists():
            return True, ""
        if len(loop.campaign.pool) <= QUICK:
            try:
                return bool(predict_pool(loop)), ""
            except ActiveLoopError as error:
                return False, str(error)
        with self._lock:
            if problem := self._failed.get(str(path)):
                return False, problem
            if str(path) not in self._running:
                self._running.add(str(path))
                given = (access.campaigns, access.key, str(path))
                threading.Thread(target=self._predict, args=given, daemon=True).start()
        return False, ""

    def _predict(self, campaigns: Campaigns, key: str, path: str) -> None:
        try:
            predict_pool(open_folder(campaigns.store.folder(key)))  # one of its own, so that nobody waits for it
        except ActiveLoopError as error:
            self._failed[path] = str(error)
        finally:
            with self._lock:
                self._running.discard(path)


_predicting = Predicting()


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
    with access.open() as loop:
        return _page(request, access, loop, Asked(search, state, sort, reverse, at))


def _page(
    request: Request,
    access: CampaignAccess,
    loop: OpenCampaign,
    asked: Asked,
    error: str = "",
    code: int = 200,
) -> HTMLResponse:
    there, problem = _predicting.of(access, loop)
    table = computed(request).of(access, loop, f"candidates {there}", lambda: CandidateTable.of(loop))
    sort = asked.sort or table.sorts[0]
    at = max(asked.at, 1)
    states = cast("tuple[State, ...]", (asked.state,) * bool(asked.state))
    found = table.page(CandidateQuery(asked.search, states, sort, asked.reverse, (at - 1) * SHOWN, SHOWN))
    mutations = loop.campaign.pool.kind == "variants"
    drawn = [] if mutations else [c.name for c in found.candidates if is_structure("", c.name)]
    fields = campaign_fields(access, loop) | {
        "found": found,
        "asked": asked,
        "sort": sort,
        "at": at,
        "pages": max(-(-found.matching // SHOWN), 1),
        "states": STATES,
        "assays": loop.campaign.assays,
        "problem": problem,
        "waiting": not there and not problem,
        "link": _linker(asked),
        "pictures": {name: svg for name in drawn if (svg := structure(name))},
        "canvas": CANVAS,
        "may": access.may("scientist"),
        "extendable": mutations,
        "error": error,
    }
    return page(request, "candidates.html", code, title=f"Candidates of {fields['name']}", **fields)


def _linker(asked: Asked) -> Callable[..., str]:
    """A function that gives the address of the same table with something else."""
    now = {"search": asked.search, "state": asked.state, "sort": asked.sort, "at": str(asked.at)}
    now["reverse"] = "1" if asked.reverse else ""

    def link(**changed: object) -> str:
        return "?" + urlencode({k: v for k, v in (now | {"at": "1"} | changed).items() if v})

    return link


@router.get("/campaigns/{campaign}/candidates/{name:path}/why")
def why(request: Request, access: Reader, name: str) -> HTMLResponse:
    """Why a candidate is predicted as it is."""
    with access.open() as loop:
        found = explain(loop, [name])[0]
        picture = ""
        if found.contributions:
            picture = inline(picture_of(loop, [name], ".svg"), f"What each exchange adds, with those of {name}")
        fields = campaign_fields(access, loop) | {"found": found, "picture": picture}
        fields["called"] = loop.campaign.pool.called(found.candidate)
    return page(request, "why.html", title=f"Why {found.candidate}", **fields)


@router.post("/campaigns/{campaign}/candidates")
def choose(request: Request, access: Scientist, form: Form) -> Response:
    """Pin or veto the candidates that were ticked or typed."""
    back = text(form, "back")
    with access.campaigns.open(access.key, access.user.actor, text(form, "request")) as loop:
        names = [str(one) for one in form.getlist("name")]
        names += [one.strip() for one in text(form, "names").replace("\n", ",").split(",") if one.strip()]
        try:
            if not names:
                raise InputError("tick candidates in the table, or type their names. Nothing was changed.")
            change = loop.campaign.veto if text(form, "do") == "veto" else loop.campaign.pin
            change(names, text(form, "reason"))
        except InputError as error:
            return _page(request, access, loop, Asked(), error=str(error), code=422)
    return see(f"/campaigns/{access.key}/candidates{back if back.startswith('?') else ''}")


@router.post("/campaigns/{campaign}/extend")
def add(request: Request, access: Scientist, form: Form) -> Response:
    """Add candidates to the pool: combinations of the best hits, positions, sites or a list."""
    way = text(form, "way")
    with access.campaigns.open(access.key, access.user.actor, text(form, "request")) as loop:
        try:
            with TemporaryDirectory(prefix="activeloop-") as folder:
                table = None
                if way == "list":
                    kept = upload_of(request, form, "list", access.key)
                    if kept is None:
                        raise InputError("choose the file of the list. Nothing was added.")
                    table = Path(folder) / kept.name
                    table.write_bytes(kept.content)
                combine = text(form, "combine")
                if combine and not combine.isdecimal():
                    raise InputError(f'"{combine}" is no number of mutations. Nothing was added.')
                extend(
                    loop,
                    combine=int(combine or 3) if way == "combine" else None,
                    table=table,
                    positions=text(form, "positions") if way == "positions" else "",
                    sites=text(form, "sites") if way == "sites" else "",
                    force=text(form, "force") == "yes",
                )
        except ActiveLoopError as error:
            return _page(request, access, loop, Asked(), error=str(error), code=422)
    return see(f"/campaigns/{access.key}/candidates?state=untested")
