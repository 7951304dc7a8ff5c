"""The model: its versions with what speaks for each, how well predictions came true, effects; promote and roll back."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from activeloop.config import OpenCampaign
from activeloop.errors import ActiveLoopError, InputError
from activeloop.server.access import CampaignAccess, Reader, Scientist
from activeloop.server.pages.base import Form, of_form, page, pages_router, see, sign, text
from activeloop.server.pages.overview import panel_page, strip_fields

router = pages_router()


@router.get("/campaigns/{campaign}/model")
def model(request: Request, access: Reader) -> HTMLResponse:
    """The versions."""
    with access.open() as loop:
        return _page(request, access, loop)


def _page(
    request: Request, access: CampaignAccess, loop: OpenCampaign, error: str = "", code: int = 200
) -> HTMLResponse:
    state = loop.campaign.state()
    fields = strip_fields(access, loop) | {
        "versions": state.versions[::-1],
        "why_held": state.held_back,
        "outdated": state.outdated,
        "learner": loop.campaign.learner.name,
        "students": {s.version for s in state.students},
        "may": access.may("scientist"),
        "error": error,
    }
    return page(request, "model.html", code, title=f"Model of {fields['name']}", **fields)


@router.get("/campaigns/{campaign}/model/pictures")
async def pictures(request: Request, access: Reader) -> HTMLResponse:
    """Predicted against measured, calibration, and effects by position and residue."""
    return await panel_page(request, access, "predictions", "Predictions")


@router.post("/campaigns/{campaign}/model/promote")
def promote(request: Request, access: Scientist, form: Form) -> Response:
    """Make a version current: one that was held back, or an earlier one."""
    number, reason = text(form, "version"), text(form, "reason")
    note = sign(request, access, "this version is to predict and propose", reason)
    try:
        if not number.isdecimal():
            raise InputError("say which version. Nothing was changed.")
        with of_form(access, form).change() as loop:
            loop.campaign.promote(int(number), reason)
            last = loop.campaign.state().last
    except ActiveLoopError as error:
        with access.open() as loop:
            return _page(request, access, loop, error=str(error), code=422)
    note(promoted=int(number), event=last)
    return see(f"/campaigns/{access.key}/model")
