"""Who may do what: members of a campaign, tokens of programs, and whom to tell of events."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Request

from activeloop.server import forms
from activeloop.server.access import Owner, Reader, SignedIn, allows
from activeloop.server.api.common import part
from activeloop.server.problems import Problem

router = part("people")
Key = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]


@router.get("/me")
def show_me(user: SignedIn) -> forms.MeOut:
    """Who calls."""
    return forms.MeOut(id=user.id, name=user.name, email=user.email, admin=user.admin, token=user.token)


@router.get("/me/tokens")
def list_tokens(request: Request, user: SignedIn) -> forms.TokensOut:
    """The caller's tokens, without their secrets."""
    found = request.app.state.accounts.tokens(person=user.id)
    return forms.TokensOut(tokens=[forms.TokenOut.model_validate(token) for token in found])


@router.post("/me/tokens", status_code=201)
def make_token(request: Request, user: SignedIn, given: forms.TokenIn) -> forms.TokenMade:
    """Make a token for a program, which can do no more than the caller; its secret is shown once."""
    if user.token:
        raise Problem(403, "a token cannot make tokens.", "Sign in with a browser.")
    identity = request.app.state.identity
    if given.campaign and not allows(identity.role(user, given.campaign), given.role):
        raise Problem(403, f"you are not {given.role} of that campaign.", "Choose a lower role.")
    seconds = None if given.days is None else given.days * 86400.0
    secret, token = identity.accounts.make_token(user.id, given.name, given.role, user.actor, given.campaign, seconds)
    return forms.TokenMade(secret=secret, token=forms.TokenOut.model_validate(token))


@router.delete("/me/tokens/{token}", status_code=204)
def revoke_token(request: Request, user: SignedIn, token: Key) -> None:
    """Take one of the caller's tokens back."""
    if not request.app.state.accounts.revoke(token, user.actor, person=user.id):
        raise Problem(404, "you have no such token.", "List your tokens.")


@router.get("/campaigns/{campaign}/members")
def list_members(request: Request, access: Reader) -> forms.MembersOut:
    """The members of the campaign."""
    found = request.app.state.accounts.members(access.key)
    members = [
        forms.MemberOut(person=person.id, name=person.name, email=person.email, role=role)  # type: ignore[arg-type]
        for person, role in found
    ]
    return forms.MembersOut(members=members)


@router.put("/campaigns/{campaign}/members")
def set_member(request: Request, access: Owner, given: forms.MemberIn) -> forms.MembersOut:
    """Make somebody a member, change their role, or take them out."""
    request.app.state.accounts.set_member(access.key, given.person, given.role or "", access.user.actor)
    return list_members(request, access)


@router.get("/campaigns/{campaign}/tokens")
def list_campaign_tokens(request: Request, access: Owner) -> forms.TokensOut:
    """Tokens that are only for this campaign, without their secrets."""
    found = request.app.state.accounts.tokens(campaign=access.key)
    return forms.TokensOut(tokens=[forms.TokenOut.model_validate(token) for token in found])


@router.delete("/campaigns/{campaign}/tokens/{token}", status_code=204)
def revoke_campaign_token(request: Request, access: Owner, token: Key) -> None:
    """Take a token of this campaign back."""
    if not request.app.state.accounts.revoke(token, access.user.actor, campaign=access.key):
        raise Problem(404, "there is no such token for this campaign.", "List the tokens.")


@router.get("/campaigns/{campaign}/webhooks")
def list_webhooks(request: Request, access: Owner) -> forms.WebhooksOut:
    """Who is told of events."""
    return forms.WebhooksOut(webhooks=request.app.state.hooks.of(access.key))


@router.post("/campaigns/{campaign}/webhooks", status_code=201)
def make_webhook(request: Request, access: Owner, given: forms.WebhookIn) -> forms.WebhookMade:
    """Tell somebody of events from now on: each is sent until it is answered with 2xx, in order, signed."""
    secret, made = request.app.state.hooks.make(access.key, given.url, given.kinds, access.user.actor, access.last)
    return forms.WebhookMade(secret=secret, webhook=made)


@router.delete("/campaigns/{campaign}/webhooks/{webhook}", status_code=204)
def remove_webhook(request: Request, access: Owner, webhook: Key) -> None:
    """Tell them no longer."""
    if not request.app.state.hooks.remove(access.key, webhook, access.user.actor):
        raise Problem(404, "there is no such webhook.", "List the webhooks.")
