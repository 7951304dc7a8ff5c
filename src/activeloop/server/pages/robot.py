"""The robot of a campaign: the run strip, the deck, what it was told, its devices and its log."""

from __future__ import annotations

import time
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from activeloop.config import CampaignConfig, OpenCampaign, check_config
from activeloop.desk.demonstration import is_demonstration
from activeloop.desk.propose import plates_of
from activeloop.desk.robots import RobotStanding, files_of_runs
from activeloop.errors import ActiveLoopError, ConfigError, PlateError
from activeloop.lab.deck import draw_deck
from activeloop.lab.devices import SIMULATED, named_devices
from activeloop.plates.picklists import sources_of_pool, transfers
from activeloop.server.access import CampaignAccess, Reader, Scientist
from activeloop.server.api.plates import download
from activeloop.server.pages.base import Form, computed, of_form, page, pages_router, see, store_settings, text
from activeloop.server.pages.overview import LATE, campaign_fields
from activeloop.server.problems import Problem
from activeloop.server.robots import standing_of
from activeloop.work import WorkState

router = pages_router()

PLACES = 3
"""Devices that a form offers one after the other."""
BYTES = "application/octet-stream"
"""Media type of files of devices, as the robotic loop keeps them."""


@router.get("/campaigns/{campaign}/robot")
def robot(request: Request, access: Reader) -> HTMLResponse:
    """The page."""
    with access.open() as loop:
        return _page(request, access, loop)


@router.get("/campaigns/{campaign}/robot/strip")
def strip(request: Request, access: Reader) -> HTMLResponse:
    """The live part alone."""
    with access.open() as loop:
        fields = _live(request, access, loop)
    return page(request, "robot_strip.html", title=f"Robot of {fields['name']}", **fields)


def _live(request: Request, access: CampaignAccess, loop: OpenCampaign) -> dict[str, Any]:
    """What changes while the robot works."""
    found, work = standing_of(access.key, loop)
    state = loop.campaign.state()
    stale = work is not None and work.due and time.time() - work.since > LATE and found.told == "run"
    return campaign_fields(access, loop) | {
        "standing": found,
        "work": work,
        "waits": waits_for(found, work, late=stale) if found.devices else (_choosing(request, access, loop), "do"),
        "deck": _deck(request, access, loop, found),
        "busy": found.told == "run" or (work is not None and (work.due or work.stage == "running")),
        "last": state.last,
    }


def waits_for(found: RobotStanding, work: WorkState | None, *, late: bool) -> tuple[str, str]:
    """What the robot waits for, in words, and which mark it has: of a person, of a device, of a fault."""
    if found.told == "":
        return "somebody who lets it run", "do"
    if work and work.stage == "failed":
        return f"somebody who looks why it cannot go on: {work.words}", "bad"
    if found.told == "pause":
        return f"somebody who lets it go on{found.reason and f' (paused: {found.reason})'}", "do"
    if found.told == "stop":
        return f"nothing: it is stopped{found.reason and f'. {found.reason}'}", ""
    if found.asked:
        return f"somebody who lets {found.asked} go", "do"
    if late:
        return "a worker, and none takes it: is `activeloop work` running?", "bad"
    return (work.words if work and work.words else "its next step, which begins in a moment"), "run"


def _offered(request: Request, loop: OpenCampaign) -> list[str]:
    """The devices from which somebody may choose."""
    config = loop.config
    offered = [*named_devices(request.app.state.settings.devices), *([SIMULATED] if is_demonstration(config) else [])]
    return list(dict.fromkeys([*offered, *(config.robot.devices if config.robot else [])]))


def _choosing(request: Request, access: CampaignAccess, loop: OpenCampaign) -> str:
    """Who names or chooses the devices of a campaign that has none, in words."""
    if not _offered(request, loop):
        return "devices: whoever runs this server gives them names"
    return "devices, which are chosen below" if access.may("scientist") else "devices, which a scientist chooses"


def _deck(request: Request, access: CampaignAccess, loop: OpenCampaign, found: RobotStanding) -> str:
    """The deck for the plate on which the robot works, or why there is no picture of it; "" before the first plate."""
    if not (found.plate and found.devices):
        return ""
    stages = {stage.name: stage for stage in found.stages}
    run, by_hand = stages["Run"], stages["Measured"].stand == "done"  # a plate that people filled and measured
    share = 1.0 if by_hand or run.stand == "done" else run.share if run.stand == "now" else 0.0

    def drawn() -> str:
        plates = {plate.id: plate for plate in plates_of(loop).plates}
        plate = plates[found.plate]
        stocks = sources_of_pool([plate], loop.campaign.pool) or None
        named = named_devices(request.app.state.settings.devices)
        numbered = any(named.get(name, name).startswith("opentrons") for name in found.devices)
        try:
            moves = transfers(plate, loop.config.robot.volume if loop.config.robot else 1.0, stocks)
            return draw_deck(plate, moves, numbered=numbered, done=round(share * len(moves)))
        except PlateError as error:
            return f"! {error.problem}"

    return computed(request).of(access.key, loop.campaign.state().last, f"deck {found.plate} {share:.2f}", drawn)


def _page(
    request: Request, access: CampaignAccess, loop: OpenCampaign, error: str = "", code: int = 200
) -> HTMLResponse:
    config = loop.config
    given = config.robot.devices if config.robot else []
    fields = _live(request, access, loop) | {
        "robot": config.robot,
        "assays": loop.campaign.assays,
        "offered": _offered(request, loop),
        "chosen": [*given, *[""] * PLACES][: max(PLACES, len(given))],
        "may": access.may("scientist"),
        "error": error,
    }
    return page(request, "robot.html", code, title=f"Robot of {fields['name']}", **fields)


@router.post("/campaigns/{campaign}/robot/orders")
def order(request: Request, access: Scientist, form: Form) -> Response:
    """Tell the robot to run, to pause or to stop, or let a plate go."""
    told, plate, reason = text(form, "order"), text(form, "plate"), text(form, "reason")
    try:
        with of_form(access, form).change() as loop:
            if loop.config.robot is None:
                raise ConfigError("choose its devices first. Nothing was changed.")
            loop.campaign.order_robot(told, plate, reason)  # type: ignore[arg-type]
    except ActiveLoopError as error:
        with access.open() as loop:
            return _page(request, access, loop, str(error), 422)
    return see(f"/campaigns/{access.key}/robot")


@router.post("/campaigns/{campaign}/robot/settings")
def configure(request: Request, access: Scientist, form: Form) -> Response:
    """Its devices, and what it may do."""
    with access.open() as loop:
        try:
            store_settings(request, access, form, _configured(loop.config, form))
        except ActiveLoopError as error:
            return _page(request, access, loop, str(error), 422)
    access.campaigns.forget(access.key)
    return see(f"/campaigns/{access.key}/robot")


@router.get("/campaigns/{campaign}/robot/files/{content}")
def file(request: Request, access: Reader, content: str) -> Response:
    """A file that a run wrote, as the device gave it."""
    with access.open() as loop:
        name = files_of_runs(loop.campaign.state().runs).get(content)
        if name is None:
            raise Problem(404, "no run of this campaign wrote such a file.", "Choose one of the list of runs.")
        found = loop.folder.artifacts.objects.get(content, BYTES, f'file "{name}"')
    return download(name, found, BYTES)


def _configured(config: CampaignConfig, form: Form) -> CampaignConfig:
    """The settings with what the form says of the robot."""
    values: dict[str, Any] = config.model_dump(mode="json", exclude_none=True)
    devices = [name for i in range(10) if (name := text(form, f"device_{i}"))]
    values.pop("robot", None)
    if not devices:
        return check_config(values, None)
    robot: dict[str, Any] = {"devices": devices, "approve": bool(text(form, "approve"))}
    if config.robot:
        robot |= {"attempts": config.robot.attempts, "drift": config.robot.drift}
    for name, kind in {
        "rounds": int,
        "number": int,
        "max_wells": int,
        "patience": int,
        "volume": float,
        "every": float,
    }.items():
        if given := text(form, name):
            try:
                robot[name] = kind(given.replace(",", "."))
            except ValueError:
                raise ConfigError(f'"{given}" is no number. Nothing was changed.') from None
    robot |= {name: given for name in ("quantity", "reduce", "software", "assay") if (given := text(form, name))}
    return check_config(values | {"robot": robot}, None)
