"""The robotic loop of a campaign as people see it: where the plate is, what is waited for, and what happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from activeloop.campaigns import CampaignState, RunFinished
from activeloop.config import OpenCampaign
from activeloop.desk.history import HappenedEvent, history
from activeloop.desk.propose import known_plates, plates_of
from activeloop.plates import Plate
from activeloop.words import many

Stand = Literal["", "done", "now", "asks", "bad"]
ASKS = "waits for somebody who lets it go"
"""Words for a plate that does not go to its device by itself."""
STEPS = ("proposed", "plate-sent", "run-finished", "measured", "fitted", "robot-ordered")
"""Kinds of events that the log of a robot shows."""


@dataclass(frozen=True)
class RobotStage:
    """One stage of a round.

    Args:
        name: of it.
        stand: `done`, `now`, `asks` (somebody has to decide), `bad`, or "" when it is still to come.
        words: about it.
        share: of it that is done, while it goes on.
    """

    name: str
    stand: Stand = ""
    words: str = ""
    share: float = 0.0


@dataclass(frozen=True)
class RobotStanding:
    """How the robotic loop of a campaign stands.

    Args:
        devices: that a plate visits; () where the campaign has no robot.
        told: what it was told last: `run`, `pause`, `stop`; "" when it never was told anything.
        reason: why, in words.
        by, at: who told it, and when; "" where it was never told anything.
        rounds, planned: proposals that were made, and that it may make.
        wells, most: that are filled, and that may be; None = any number.
        plate: on which it works, or worked last; "" before the first.
        asked: plate that waits for somebody who lets it go; "" for none.
        stages: of its round.
        runs: of all devices, the newest first.
        happened: its log, the newest first.
    """

    devices: tuple[str, ...]
    told: str
    reason: str
    by: str
    at: str
    rounds: int
    planned: int
    wells: int
    most: int | None
    plate: str
    asked: str
    stages: tuple[RobotStage, ...]
    runs: tuple[RunFinished, ...]
    happened: tuple[HappenedEvent, ...]


def robot_standing(
    loop: OpenCampaign, doing: str = "", share: float = 0.0, *, failed: str = "", listed: int = 40
) -> RobotStanding:
    """How the robotic loop of a campaign stands.

    Args:
        loop: the campaign.
        doing: what whoever runs the loop said last.
        share: of a device's run that is done.
        failed: why the loop cannot go on, where it failed.
        listed: events of its log.
    """
    state, config = loop.campaign.state(), loop.config.robot
    plates = plates_of(loop).plates if state.proposals else ()
    devices = tuple(config.devices) if config else ()
    plate = next((p for p in plates if _visits(p, state) < len(devices)), plates[-1] if plates else None)
    asks = bool(config and (config.approve or ASKS in doing) and plate and _waits(plate, state))
    orders = history(loop, ("robot-ordered",), size=listed).events
    ordered = next((one for one in orders if one.fields.get("order") != "release"), None)
    return RobotStanding(
        devices,
        state.robot,
        state.robot_reason,
        ordered.actor if ordered else "",
        ordered.at if ordered else "",
        len(state.proposals),
        config.rounds if config else 0,
        sum(len(p.wells) for p in known_plates(loop)[0]),
        config.max_wells if config else None,
        plate.id if plate else "",
        plate.id if plate and asks and state.robot == "run" else "",
        _stages(loop, state, plate, len(devices), doing, share, failed, asks=asks),
        tuple(reversed(state.runs)),
        history(loop, STEPS, size=listed).events,
    )


def _visits(plate: Plate, state: CampaignState) -> int:
    """How many devices are done with a plate."""
    return len({run.device for run in state.runs if run.plate == plate.id and run.outcome == "done"})


def _waits(plate: Plate, state: CampaignState) -> bool:
    """Whether a plate waits for somebody who lets it go, where that is asked for."""
    free = plate.id not in state.released and plate.id not in state.sent and not _visits(plate, state)
    return free and not measured_by_hand(plate, state)


def measured_by_hand(plate: Plate, state: CampaignState) -> bool:
    """Whether people have filled and measured a plate, so that it goes to no device."""
    sent = state.sent.get(plate.id)
    begun = sent is not None and f"-{plate.id}-{sent.to}-" in sent.note  # the name of a run
    if begun:
        return False
    held = {r.measurement.well for r in state.results if r.void is None and r.measurement.plate == plate.id}
    if any(run.plate == plate.id for run in state.runs):  # a device began with it, and people did the rest
        return plate.wells.keys() <= held
    return bool(held)


def _stages(
    loop: OpenCampaign,
    state: CampaignState,
    plate: Plate | None,
    devices: int,
    doing: str,
    share: float,
    failed: str,
    *,
    asks: bool,
) -> tuple[RobotStage, ...]:
    """The stages of the round of a plate, from the proposal to the fit."""
    runs = state.robot == "run"
    if plate is None:
        first = RobotStage("Proposal", "bad" if failed else "now" if runs else "", failed or "none yet")
        return (first, *(RobotStage(name) for name in ("Plate", "Protocol", "Run", "Reading", "Measured", "Fit")))
    proposal = state.proposals[-1]
    mine = [run for run in state.runs if run.plate == plate.id]
    visits, sent = _visits(plate, state), state.sent.get(plate.id)
    complete = 0 < devices <= visits
    last = mine[-1] if mine else None
    going = sent is not None and not any((run.device, run.run) == (sent.to, sent.note) for run in mine)
    if asks:
        protocol = RobotStage("Protocol", "asks", f"{plate.id} waits for somebody who lets it go")
    elif sent or complete:
        protocol = RobotStage("Protocol", "done", f"went to {sent.to}" if sent else "sent")
    else:
        protocol = RobotStage("Protocol", "bad" if failed else "now" if runs else "", failed)
    if complete:
        run = RobotStage("Run", "done", many(len(mine), "run"))
    elif going:
        assert sent is not None  # it goes on
        stopped = state.robot == "stop"  # why stands below
        run = RobotStage("Run", "bad" if stopped else "now", "stopped" if stopped else doing or f"on {sent.to}", share)
    elif last and last.outcome != "done":
        run = RobotStage("Run", "bad", f"{last.outcome} on {last.device}{last.words and f': {last.words}'}")
    else:
        run = RobotStage(
            "Run", "now" if mine and runs else "", f"{visits} of {many(devices, 'device')}" if mine else ""
        )
    files = [name for one in mine if one.outcome == "done" for name in one.files]
    stored = state.stored
    on_it = stored.rows["plate"] == stored.texts.places.find(plate.id)
    counted, measured_by = int((on_it & stored.standing).sum()), int(stored.rows["event"][on_it].max(initial=0))
    knows = [v for v in state.versions if state.version_data[v.number] >= measured_by]
    if measured_by and knows:
        fit = RobotStage("Fit", "done", f"version {knows[0].number}")
    else:
        fit = RobotStage(
            "Fit", "bad" if measured_by and failed else "now" if measured_by else "", failed * bool(measured_by)
        )
    return (
        RobotStage("Proposal", "done", f"{proposal.number}: {many(len(proposal.picks), 'candidate')}"),
        RobotStage("Plate", "done", f"{plate.id}, {many(len(plate.wells), 'well')}"),
        protocol,
        run,
        RobotStage("Reading", "done" if files else "", ", ".join(files[:3])),
        RobotStage("Measured", "done" if counted else "", many(counted, "result") if counted else ""),
        fit,
    )


def files_of_runs(runs: Sequence[RunFinished]) -> dict[str, str]:
    """SHA-256 of a file that a run wrote -> its name."""
    return {content: name for run in runs for name, content in run.files.items()}
