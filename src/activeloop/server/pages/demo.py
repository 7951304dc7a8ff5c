"""The demonstration: a campaign of a planted protein, one click away, and the simulated laboratory that measures it."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response

from activeloop.desk.demonstration import NAME, demonstration, measure
from activeloop.desk.new import draft
from activeloop.server.access import Robot, SignedIn
from activeloop.server.api.campaigns import made_campaign
from activeloop.server.pages.base import Form, of_form, pages_router, see, text
from activeloop.server.pages.plates import standings
from activeloop.server.problems import Problem

router = pages_router()


@router.post("/demo")
def begin(request: Request, user: SignedIn, form: Form) -> Response:
    """Make the campaign of the demonstration."""
    planned = draft(demonstration())
    key = made_campaign(request, user, NAME, planned.text, planned.inputs, text(form, "request"))
    return see(f"/campaigns/{key}")


@router.post("/campaigns/{campaign}/plates/{plate}/simulate")
def simulate(access: Robot, plate: str, form: Form) -> Response:
    """Let the simulated laboratory measure a plate of the demonstration."""
    with of_form(access, form).open() as loop:
        found = next((s.plate for s in standings(access, loop)[0] if s.plate.id == plate), None)
        if found is None:
            raise Problem(404, f'there is no plate "{plate}".', "Choose one of the list of plates.")
        measure(loop, found)
    return see(f"/campaigns/{access.key}")
