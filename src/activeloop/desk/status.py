"""Where a campaign stands, with its student and what speaks against using it."""

from __future__ import annotations

from dataclasses import dataclass

from activeloop.campaigns import Drift, Status
from activeloop.campaigns.proposing import control_words
from activeloop.config import OpenCampaign
from activeloop.errors import ActiveLoopError
from activeloop.fidelity import values_problem
from activeloop.students.campaign import open_student


@dataclass(frozen=True)
class CampaignStatus:
    """Where a campaign stands.

    Args:
        status: rounds, results, the best so far, versions, and what to do next.
        called: standard name -> what people call it, of the candidates that `status` names and that are called
            otherwise.
        drift: of the student, on results that came in since; None where it is not known.
        drift_unknown: why not; "" where it is known or there is no student.
        warnings: against the use of the student, in sentences without a full stop.
        controls: what it means that candidates are controls, in a sentence; "" when none is.
        unavailable: why the learner or recommender cannot be made on this machine; "" when both can.
    """

    status: Status
    called: dict[str, str]
    drift: Drift | None
    drift_unknown: str
    warnings: tuple[str, ...]
    controls: str
    unavailable: str


def show_status(loop: OpenCampaign, *, drift: bool = True) -> CampaignStatus:
    """Where a campaign stands and what to do next.

    Args:
        loop: the campaign.
        drift: whether the student is compared with later results, for which its file is opened.
    """
    found = loop.campaign.status()
    moved, unknown = _drift(loop) if found.student and drift else (None, "")
    return CampaignStatus(
        found,
        _called(loop, found),
        moved,
        unknown,
        _warnings(found, moved),
        control_words(loop.campaign.controls),
        str(loop.unavailable or ""),
    )


def _drift(loop: OpenCampaign) -> tuple[Drift | None, str]:
    try:
        drift = loop.campaign.drift(open_student)
    except ActiveLoopError as error:
        return None, f"not known: {error}"
    return drift, "" if drift else "not known without a version"


def _warnings(found: Status, drift: Drift | None) -> tuple[str, ...]:
    if not found.student:
        return ()
    warnings, problem = drift.warnings if drift else (), values_problem(found.student.fidelity)
    if not problem or any("ranks only" in warning for warning in warnings):
        return warnings
    return (f"use its ranks only, do not read its values: against its teacher {problem}", *warnings)


def _called(loop: OpenCampaign, found: Status) -> dict[str, str]:
    points = found.front.points if found.front else ()
    named = [*(x.name for x in (*found.leaders, *points)), *found.awaiting, *found.missing]
    each = {name: loop.campaign.pool.called(name) for name in (*named, *found.pinned, *found.vetoed)}
    return {name: also for name, also in each.items() if also != name}
