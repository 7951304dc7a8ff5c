"""The robot of a campaign: how it stands, and what it is told."""

from __future__ import annotations

from activeloop.server import forms
from activeloop.server.access import Reader, Scientist
from activeloop.server.api.common import part
from activeloop.server.problems import Problem
from activeloop.server.robots import standing_of

router = part("robot")


@router.get("/campaigns/{campaign}/robot")
def show_robot(access: Reader) -> forms.RobotOut:
    """Where the plate is, what is waited for, and the runs of devices, the newest first."""
    with access.open() as loop:
        return forms.RobotOut.model_validate(standing_of(access.key, loop)[0])


@router.post("/campaigns/{campaign}/robot/orders")
def order_robot(access: Scientist, given: forms.RobotOrderIn) -> forms.EventOut:
    """Tell the robot to run, to pause or to stop, or let a plate go to its device."""
    with access.change() as loop:
        if loop.config.robot is None:
            raise Problem(409, "the campaign has no robot.", "Name its devices in [robot] of its config.")
        before = loop.campaign.state().last
        loop.campaign.order_robot(given.order, given.plate, given.reason)
        last = loop.campaign.state().last
    return forms.EventOut(event=last if last > before else None)
