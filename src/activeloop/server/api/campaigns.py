"""Campaigns: the list, a new one, its configuration, where it stands."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from anyio import from_thread
from fastapi import Query, Request, Response
from starlette.concurrency import run_in_threadpool

from activeloop.errors import InputError
from activeloop.server import forms
from activeloop.server.access import OpenCampaigns, Owner, Reader, SignedIn, User, request_id
from activeloop.server.api.common import RUNNING, Limit, Offset, Wait, compute, fresh, page_links, part, tag_of
from activeloop.server.api.plates import download
from activeloop.server.compute import Order
from activeloop.server.problems import Problem
from activeloop.server.uploads import check_inputs
from activeloop.server.views import status_out, work_out
from activeloop.server.wall import allow, everything

if TYPE_CHECKING:
    from activeloop.config.store import Store, StoredCampaign

router = part("campaigns")
ELN = "application/vnd.eln+zip"
"""Media type of files of electronic laboratory notebooks (IANA)."""


@router.get("/campaigns")
def list_campaigns(
    request: Request,
    response: Response,
    user: SignedIn,
    campaigns: OpenCampaigns,
    search: Annotated[str, Query(max_length=200)] = "",
    archived: bool = False,
    offset: Offset = 0,
    limit: Limit = 100,
) -> forms.CampaignsOut:
    """The caller's campaigns, newest first."""
    roles, words = request.app.state.identity.roles(user), search.casefold().split()
    found = [
        one
        for one in listed_for(campaigns.store, roles)
        if one.archived == archived and all(word in one.name.casefold() for word in words)
    ]
    found.sort(key=lambda one: one.created, reverse=True)
    page_links(request, response, offset, limit, len(found))
    listed = [
        forms.CampaignOut(
            key=one.key,
            name=one.name,
            created=one.created,
            last=one.last,
            role=user.most if roles is None else roles[one.key],  # type: ignore[arg-type]
            archived=one.archived,
        )
        for one in found[offset : offset + limit]
    ]
    return forms.CampaignsOut(campaigns=listed, total=len(found))


def listed_for(store: Store, roles: Mapping[str, str] | None) -> tuple[StoredCampaign, ...]:
    """The campaigns of a caller.

    Args:
        store: of all campaigns.
        roles: campaign -> role; None = all of them.
    """
    if roles is None:
        with everything():
            return store.campaigns()
    allow(*roles)
    return tuple(one for one in store.campaigns() if one.key in roles)


@router.post("/campaigns", status_code=201)
def make_campaign(request: Request, user: SignedIn, given: forms.CampaignIn) -> forms.CampaignMade:
    """Make a campaign; the caller owns it."""
    files = {name: text.encode() for name, text in given.files.items()} | decoded(given.encoded)
    key = made_campaign(request, user, given.name, given.config, files, request_id(request, user))
    return forms.CampaignMade(key=key, name=given.name)


def decoded(files: Mapping[str, str]) -> dict[str, bytes]:
    """Files that came as base64.

    Raises:
        InputError: one is none; nothing was made.
    """
    try:
        return {name: base64.b64decode(text, validate=True) for name, text in files.items()}
    except ValueError:
        raise InputError("`encoded` holds what is no base64. No campaign was made.") from None


def made_campaign(
    request: Request, user: User, name: str, config: str, files: Mapping[str, bytes], mark: str = ""
) -> str:
    """The key of a new campaign, which its maker owns.

    Args:
        request: that makes it.
        user: who makes it.
        name: in their words.
        config: text of its `campaign.toml`.
        files: that it names.
        mark: of the request, so that one that comes again makes no second campaign.

    Raises:
        Problem: 403.
        InputError: the config is wrong; nothing was made.
    """
    may_make(user)
    check_inputs(files)
    if files:  # read for good by a child, which may need memory for it
        given = {name: base64.b64encode(content).decode() for name, content in files.items()}
        order = Order("create", "", user.actor, mark, {"name": name, "config": config, "files": given})
        key = from_thread.run(request.app.state.compute.do, order)["key"]
    else:
        with everything():
            key = request.app.state.store.create(name, config, {}, user.actor, mark)
    allow(key)
    request.app.state.accounts.set_member(key, user.id, "owner", user.actor)
    return key


def may_make(user: User) -> None:
    """Refuse a new campaign to robots and readers, and to tokens of one campaign.

    Raises:
        Problem: 403.
    """
    if user.most not in ("scientist", "owner") or user.campaign:
        raise Problem(403, "this token cannot make campaigns.", "Use one with the role scientist, of no campaign.")


@router.post("/campaigns/preview")
async def preview_campaign(request: Request, user: SignedIn, given: forms.PreviewIn) -> forms.PreviewOut:
    """The pool and the first plate of a campaign, which is not made."""
    may_make(user)
    await run_in_threadpool(check_inputs, {name: text.encode() for name, text in given.files.items()})
    order = Order("preview", actor=user.actor, arguments=given.model_dump())
    return forms.PreviewOut.model_validate(await request.app.state.compute.do(order))


@router.get("/campaigns/{campaign}")
def show_campaign(request: Request, response: Response, access: Reader) -> forms.StatusOut:
    """Where the campaign stands and what to do next."""
    name = access.campaigns.store.campaign(access.key).name
    with access.open() as loop:
        last = loop.campaign.state().last
        stands = request.app.state.computed.of(access.key, last, "status", loop.campaign.status, since=last)
        found = status_out(access, loop, name, stands)
    response.headers["etag"] = tag_of(access.key, found.last)
    return found


@router.patch("/campaigns/{campaign}")
def rename_campaign(access: Owner, given: forms.NameIn) -> forms.CampaignMade:
    """Give the campaign another name."""
    access.campaigns.store.rename(access.key, given.name)
    return forms.CampaignMade(key=access.key, name=given.name)


@router.post("/campaigns/{campaign}/archive", status_code=204)
def archive_campaign(request: Request, access: Owner, archived: bool = True) -> None:
    """Put the campaign away, or take it out again: nothing is deleted, and it is no longer in the list."""
    access.campaigns.store.archive(access.key, archived=archived)
    request.app.state.accounts.note("archived" if archived else "taken out", access.user.actor, access.key)
    access.campaigns.forget(access.key)


@router.get("/campaigns/{campaign}/configuration")
def show_configuration(request: Request, response: Response, access: Reader) -> forms.ConfigurationOut:
    """The text of its `campaign.toml`."""
    fresh(request, response, access)
    with access.open() as loop:
        text = loop.folder.config.read_text(encoding="utf-8")
        return forms.ConfigurationOut(config=text, last=loop.campaign.state().last)


@router.put("/campaigns/{campaign}/configuration")
def configure_campaign(access: Owner, given: forms.ConfigurationIn) -> forms.ConfigurationOut:
    """Configure it otherwise, as far as results that are there allow."""
    files = {name: text.encode() for name, text in given.files.items()}
    check_inputs(files)
    with access.open() as loop:
        access.check(loop)
        access.campaigns.store.configure(access.key, given.config, files, access.user.actor, access.request)
    with access.open() as loop:
        text = loop.folder.config.read_text(encoding="utf-8")
        return forms.ConfigurationOut(config=text, last=loop.campaign.state().last)


@router.get("/campaigns/{campaign}/status", response_model=forms.StatusReportOut, responses=RUNNING)
async def report_status(
    request: Request, access: Reader, picture: Literal["", "png", "svg"] = "", wait: Wait = 60.0
) -> Any:
    """All that the command line shows of where the campaign stands, with a picture of several assays if wanted."""
    return await compute(request, access, "status", wait, picture=picture)


@router.get("/campaigns/{campaign}/assessment", response_model=forms.AssessOut, responses=RUNNING)
async def assess_campaign(
    request: Request, access: Reader, number: Annotated[int | None, Query(ge=1, le=100_000)] = None, wait: Wait = 60.0
) -> Any:
    """Whether another round is worth its cost."""
    return await compute(request, access, "assess", wait, number=number)


@router.get("/campaigns/{campaign}/eln", response_class=Response, responses={200: {"content": {ELN: {}}}})
async def download_notebook(request: Request, access: Reader) -> Response:
    """Everything of the campaign as one file for electronic laboratory notebooks (`.eln`, RO-Crate 1.1)."""
    name = access.campaigns.store.campaign(access.key).name
    order = Order("eln", access.key, access.user.actor, arguments={"name": name})
    found = await request.app.state.compute.do(order)
    return download(found["name"], base64.b64decode(found["content"]), ELN)


@router.get("/campaigns/{campaign}/work")
def show_work(access: Reader) -> list[forms.WorkOut]:
    """What is done by itself: fits and students, how far they are, and what they printed."""
    return work_out(access.campaigns.store.database, access.key)
