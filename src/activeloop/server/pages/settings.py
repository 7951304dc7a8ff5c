"""Settings of a campaign: its name, plates and price, and who may use it."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from activeloop.config import CampaignConfig, OpenCampaign, check_config, config_text
from activeloop.errors import ActiveLoopError, ConfigError
from activeloop.measurements.wells import SHAPES
from activeloop.plates.layout import LAYOUTS
from activeloop.server.access import CampaignAccess, Owner, Reader, Scientist
from activeloop.server.pages.base import Form, of_form, page, pages_router, see, text
from activeloop.server.pages.overview import campaign_fields

router = pages_router()


@router.get("/campaigns/{campaign}/settings")
def settings(request: Request, access: Reader) -> HTMLResponse:
    """The settings."""
    with access.open() as loop:
        return _page(request, access, loop)


def _page(
    request: Request, access: CampaignAccess, loop: OpenCampaign, error: str = "", code: int = 200
) -> HTMLResponse:
    fields = campaign_fields(access, loop) | {
        "config": loop.config,
        "written": config_text(loop.config),
        "sizes": list(SHAPES),
        "layouts": LAYOUTS,
        "may": access.may("scientist"),
        "owns": access.may("owner"),
        "error": error,
    }
    return page(request, "settings.html", code, title=f"Settings of {fields['name']}", **fields)


@router.post("/campaigns/{campaign}/settings/name")
def rename(request: Request, access: Owner, form: Form) -> Response:
    """Give the campaign another name."""
    try:
        request.app.state.store.rename(access.key, text(form, "name"))
    except ActiveLoopError as error:
        with access.open() as loop:
            return _page(request, access, loop, str(error), 422)
    access.campaigns.forget(access.key)
    return see(f"/campaigns/{access.key}/settings")


@router.post("/campaigns/{campaign}/settings/plates")
def plates(request: Request, access: Scientist, form: Form) -> Response:
    """How the next plates are laid out, and the price of a well."""
    with access.open() as loop:
        try:
            changed = _configured(loop.config, form)
            request.app.state.store.configure(
                access.key, config_text(changed), actor=access.user.actor, request=of_form(access, form).request
            )
        except ActiveLoopError as error:
            return _page(request, access, loop, str(error), 422)
    access.campaigns.forget(access.key)
    return see(f"/campaigns/{access.key}/settings")


def _configured(config: CampaignConfig, form: Form) -> CampaignConfig:
    """The settings with what the form says."""
    values: dict[str, Any] = config.model_dump(mode="json", exclude_none=True)
    plate = values["plate"]
    for name, kind in (("wells", int), ("controls", int), ("replicates", int), ("price_per_well", float)):
        try:
            plate[name] = kind(text(form, name) or 0)
        except ValueError:
            raise ConfigError(f'"{text(form, name)}" is no number. Nothing was changed.') from None
    plate |= {
        "control": text(form, "control"),
        "layout": text(form, "layout"),
        "empty_edges": bool(text(form, "edges")),
    }
    values["student"]["auto"] = bool(text(form, "auto"))
    return check_config(values, None)
