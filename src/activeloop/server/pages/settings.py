"""Settings of a campaign: its name, plates and price, and who may use it."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from activeloop.config import CampaignConfig, OpenCampaign, check_config, config_text
from activeloop.errors import ActiveLoopError, ConfigError
from activeloop.measurements.wells import SHAPES
from activeloop.plates.layout import LAYOUTS
from activeloop.server.access import ROLES, CampaignAccess, Owner, Reader, Scientist, allows, role_named
from activeloop.server.pages.base import Form, page, pages_router, see, store_settings, text
from activeloop.server.pages.overview import campaign_fields

router = pages_router()

DAYS = 365
"""For which a token of an instrument holds."""


@router.get("/campaigns/{campaign}/settings")
def settings(request: Request, access: Reader) -> HTMLResponse:
    """The settings."""
    with access.open() as loop:
        return _page(request, access, loop)


def _page(
    request: Request,
    access: CampaignAccess,
    loop: OpenCampaign,
    error: str = "",
    code: int = 200,
    secret: str = "",
    secret_of: str = "",
) -> HTMLResponse:
    accounts, owns = request.app.state.accounts, access.may("owner")
    tokens = accounts.tokens(campaign=access.key) if owns else ()
    fields = campaign_fields(access, loop) | {
        "members": accounts.members(access.key),
        "tokens": [token for token in tokens if not token.revoked],
        "webhooks": request.app.state.hooks.of(access.key) if owns else (),
        "roles": ROLES,
        "secret": secret,
        "secret_of": secret_of,
        "config": loop.config,
        "written": config_text(loop.config),
        "sizes": list(SHAPES),
        "layouts": LAYOUTS,
        "may": access.may("scientist"),
        "owns": owns,
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
            store_settings(request, access, form, _configured(loop.config, form))
        except ActiveLoopError as error:
            return _page(request, access, loop, str(error), 422)
    access.campaigns.forget(access.key)
    return see(f"/campaigns/{access.key}/settings")


@router.post("/campaigns/{campaign}/settings/members")
def members(request: Request, access: Owner, form: Form) -> Response:
    """Make somebody a member, change their role, or take them out."""
    role = text(form, "role")
    try:
        request.app.state.accounts.set_member(
            access.key, text(form, "person"), role_named(role) if role else "", access.user.actor
        )
    except ActiveLoopError as error:
        with access.open() as loop:
            return _page(request, access, loop, str(error), 422)
    return see(f"/campaigns/{access.key}/settings#people")


@router.post("/campaigns/{campaign}/settings/tokens")
def make_token(request: Request, access: Owner, form: Form) -> Response:
    """A token by which a program may use this campaign; its secret is shown once."""
    role, name = role_named(text(form, "role") or "robot"), text(form, "name")
    try:
        if access.user.token or not allows(access.role, role):
            raise ConfigError("a token makes no token, and nobody one that may do more than they. No token was made.")
        if not name:
            raise ConfigError("name the program or the instrument that will use it. No token was made.")
        secret, token = request.app.state.accounts.make_token(
            access.user.id, name, role, access.user.actor, access.key, DAYS * 86_400.0
        )
    except ActiveLoopError as error:
        with access.open() as loop:
            return _page(request, access, loop, str(error), 422)
    with access.open() as loop:
        return _page(request, access, loop, secret=secret, secret_of=f"the token of {token.name}")


@router.post("/campaigns/{campaign}/settings/tokens/{token}/revoke")
def revoke(request: Request, access: Owner, token: str) -> Response:
    """Take a token back."""
    request.app.state.accounts.revoke(token, access.user.actor, campaign=access.key)
    return see(f"/campaigns/{access.key}/settings#people")


@router.post("/campaigns/{campaign}/settings/webhooks")
def make_webhook(request: Request, access: Owner, form: Form) -> Response:
    """Tell an address of events from now on; the secret that signs them is shown once."""
    kinds = [word.strip() for word in text(form, "kinds").split(",") if word.strip()]
    try:
        if not text(form, "url").startswith(("https://", "http://")):
            raise ConfigError("a webhook needs an address that begins with https://. None was made.")
        secret, _ = request.app.state.hooks.make(access.key, text(form, "url"), kinds, access.user.actor, access.last)
    except ActiveLoopError as error:
        with access.open() as loop:
            return _page(request, access, loop, str(error), 422)
    with access.open() as loop:
        return _page(request, access, loop, secret=secret, secret_of="the webhook")


@router.post("/campaigns/{campaign}/settings/webhooks/{webhook}/remove")
def remove_webhook(request: Request, access: Owner, webhook: str) -> Response:
    """Tell an address no longer."""
    request.app.state.hooks.remove(access.key, webhook, access.user.actor)
    return see(f"/campaigns/{access.key}/settings#people")


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
