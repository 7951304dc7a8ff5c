"""The page of a campaign: where it stands, what it waits for, whether to go on, and the best so far."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from activeloop.campaigns import CampaignState
from activeloop.campaigns.events import KINDS
from activeloop.config import OpenCampaign
from activeloop.server.access import CampaignAccess, Reader
from activeloop.server.pages.base import computed, page, pages_router, panel
from activeloop.store.queries import files_page
from activeloop.words import many
from activeloop.work import WorkState
from activeloop.work.places import work_of

router = pages_router()

LATE = 60.0
"""Seconds after which work that nobody took waits for a worker that is not there."""


@dataclass(frozen=True)
class Waiting:
    """What a campaign waits for.

    Args:
        words: for whom or what.
        link: the page where it is done, behind the campaign's address.
        person: whether somebody has to do something.
    """

    words: str
    link: str = ""
    person: bool = True


def works_of(loop: OpenCampaign, key: str) -> dict[str, WorkState]:
    """How the work of a campaign stands: `fit`, `distil`."""
    return {state.kind: state for state in work_of(loop).states() if state.campaign in (key, loop.folder.log.campaign)}


def waiting_for(state: CampaignState, stale: bool, fit: WorkState | None) -> Waiting:
    """What a campaign waits for now."""
    if out := state.outstanding:
        return Waiting(f"results of proposal {out.number} ({many(len(out.picks), 'candidate')})", "/results")
    if fit and fit.stage == "running":
        return Waiting("a model that is being trained", "", person=False)
    if fit and fit.stage == "failed":
        return Waiting("somebody who looks why training failed", "/model")
    if not state.counted:
        return Waiting("a first plate, or results that are there already", "")
    if stale and fit and fit.due:
        return Waiting("training, which begins in a moment", "", person=False)
    return Waiting("the next plate", "")


def campaign_fields(access: CampaignAccess, loop: OpenCampaign) -> dict[str, Any]:
    """What the head of each page of a campaign shows."""
    return {"campaign": access, "name": name_of(loop), "root": f"/campaigns/{access.key}"}


def name_of(loop: OpenCampaign) -> str:
    """What a campaign is called."""
    return getattr(loop.folder, "name", "") or loop.folder.path.name


@router.get("/campaigns/{campaign}")
def overview(request: Request, access: Reader) -> HTMLResponse:
    """Where the campaign stands."""
    wished = request.query_params.get("n", "")  # as the form of a new campaign says
    with access.open() as loop:
        found = computed(request).of(access.key, loop.campaign.state().last, "status", loop.campaign.status)
        known = computed(request).known(access.key, "status")
        fields = strip_fields(access, loop) | {
            "status": found,
            "behind": known is not None and known.last < loop.campaign.state().last,
            "assays": loop.campaign.assays,
            "goal": loop.config.goal,
            "price": loop.campaign.price,
            "next_size": wished if wished.isdecimal() and not loop.campaign.state().proposals else next_size(loop),
            "unavailable": str(loop.unavailable or ""),
            "called": loop.campaign.pool.called,
            "kinds": list(KINDS),
            "may": access.may("scientist"),
            "records": access.may("robot"),
        }
    return page(request, "campaign.html", title=fields["name"], **fields)


@router.get("/campaigns/{campaign}/strip")
def strip(request: Request, access: Reader) -> HTMLResponse:
    """The live strip alone."""
    with access.open() as loop:
        fields = strip_fields(access, loop)
    return page(request, "strip.html", title=fields["name"], **fields)


def strip_fields(access: CampaignAccess, loop: OpenCampaign) -> dict[str, Any]:
    """What the strip shows: measured, training, version, proposal."""
    state, works = loop.campaign.state(), works_of(loop, access.key)
    file = next(iter(files_page(access.log, limit=1).items), None)
    last = file.event if file else 0
    stale = bool(state.counted) and (state.latest is None or last > state.version_data[state.latest.number])
    fit, distil = works.get("fit"), works.get("distil")
    teaching = distil is not None and distil.due and bool(distil.ordered or (loop.config.student.auto and not stale))
    return campaign_fields(access, loop) | {
        "state": state,
        "recorded_at": file.at if file else "",
        "recorded_by": file.actor if file else "",
        "fit": fit,
        "distil": distil,
        "stale": stale,
        "left": time_left(fit) if fit else "",
        "late": fit is not None and fit.due and time.time() - fit.since > LATE,
        "teaching": teaching,
        "busy": any(w.stage == "running" for w in works.values())
        or (stale and fit is not None and fit.due)
        or teaching,
        "waiting": waiting_for(state, stale, fit),
    }


def time_left(work: WorkState) -> str:
    """How long running work goes on, as far as its share tells, in words that follow others; "" while it does not.

    >>> time_left(WorkState("", "fit", "running", "", 0.0, "", "", 1, 0.0, "", False, True))
    ''
    """
    passed = time.time() - work.since
    if work.stage != "running" or not 0.02 < work.share < 1 or not work.since or passed < 2:
        return ""
    seconds = passed * (1 - work.share) / work.share
    return f", about {seconds:.0f} s left" if seconds < 90 else f", about {seconds / 60:.0f} min left"


def next_size(loop: OpenCampaign) -> int:
    """How many candidates the next proposal has by default: as many as the last, else as fit on a plate."""
    state = loop.campaign.state()
    if state.proposals:
        return len(state.proposals[-1].picks)
    plate = loop.config.plate
    return max((plate.wells - plate.controls) // plate.replicates, 1)


@router.get("/campaigns/{campaign}/progress")
async def progress(request: Request, access: Reader) -> HTMLResponse:
    """Whether to go on, the best so far beside random picks, hits, cost and several assays."""
    return await panel_page(request, access, "progress", "Progress")


async def panel_page(request: Request, access: CampaignAccess, part: str, title: str, **arguments: str) -> HTMLResponse:
    """A part of a page as a page of its own, or alone where a script asks for it.

    Args:
        request: which it answers.
        access: of the campaign.
        part: its name.
        title: of the page.
        arguments: of the part.
    """
    html = await panel(request, access, part, **arguments)

    def answer() -> HTMLResponse:
        with access.open() as loop:
            fields = campaign_fields(access, loop)
        return page(request, "panel.html", title=f"{title}: {fields['name']}", html=html, **fields)

    return await run_in_threadpool(answer)
