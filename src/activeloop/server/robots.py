"""How the robot of a campaign stands, with the work that runs it."""

from __future__ import annotations

from activeloop.config import OpenCampaign
from activeloop.desk.robots import RobotStanding, robot_standing
from activeloop.work import WorkState
from activeloop.work.places import work_of


def standing_of(key: str, loop: OpenCampaign) -> tuple[RobotStanding, WorkState | None]:
    """How the robot stands, and the work that runs it; None where none was ever due.

    Args:
        key: of the campaign.
        loop: it.
    """
    work = next((one for one in work_of(loop).states(key) if one.kind == "robot"), None)
    failed = work.words if work and work.stage == "failed" else ""
    doing, share = (work.words, work.share) if work and not failed else ("", 0.0)
    return robot_standing(loop, doing, share, failed=failed), work
