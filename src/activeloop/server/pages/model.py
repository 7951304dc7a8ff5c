"""The model: its versions with what speaks for each, how well predictions came true, effects; promote and roll back."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from activeloop.config import OpenCampaign
from activeloop.desk.report import Facts
from activeloop.drawing import settings
from activeloop.errors import ActiveLoopError, InputError
from activeloop.server.access import CampaignAccess, Reader, Scientist
from activeloop.server.pages.base import Form, computed, page, pages_router, see, text
from activeloop.server.pages.overview import campaign_fields, strip_fields

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
def pictures(request: Request, access: Reader) -> HTMLResponse:
    """Predicted against measured, calibration, and effects by position and residue."""
    with access.open() as loop:
        fields = campaign_fields(access, loop) | computed(request).of(access, loop, "model", lambda: _pictures(loop))
    return page(request, "model_pictures.html", title=f"Predictions of {fields['name']}", **fields)


def _pictures(loop: OpenCampaign) -> dict[str, Any]:
    if not len(loop.campaign.dataset()):
        return {"validations": None, "effects": []}
    with settings():
        facts = Facts.of(loop)
        validations = facts.validations(facts.predicted, facts.calibration)
        return {"validations": validations, "effects": facts.effects()}


@router.post("/campaigns/{campaign}/model/promote")
def promote(request: Request, access: Scientist, form: Form) -> Response:
    """Make a version current: one that was held back, or an earlier one."""
    with access.campaigns.open(access.key, access.user.actor, text(form, "request")) as loop:
        try:
            number, reason = text(form, "version"), text(form, "reason")
            if not number.isdecimal():
                raise InputError("say which version. Nothing was changed.")
            if not reason:
                raise InputError("say why: the reason stands in the log. Nothing was changed.")
            loop.campaign.promote(int(number), reason)
        except ActiveLoopError as error:
            return _page(request, access, loop, error=str(error), code=422)
    return see(f"/campaigns/{access.key}/model")
