"""`activeloop robot`: a campaign on devices, without anybody."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from activeloop.cli.terminal import Folder, next_step, opened, say

if TYPE_CHECKING:
    from activeloop.config import OpenCampaign
    from activeloop.lab import Driver

DEVICE = typer.Option(
    "--device",
    metavar="KIND[:WHERE]",
    help="Where plates go: folder:DIR (lists go to DIR/out, files of results come to DIR/in), opentrons:URL (a robot "
    "that dispenses; a second --device measures), simulated:DIR (the demonstration's laboratory). Several are visited "
    "one after the other.",
)
ROUNDS = typer.Option(help="Stop after so many rounds, also those of before.")
NUMBER = typer.Option("-n", "--number", help="Candidates in a round (default: as many as fit on one plate).")
WELLS = typer.Option("--max-wells", help="Stop before more wells than this are filled, controls counted.")
PATIENCE = typer.Option(help="Stop when so many rounds brought no better value (0: never for that).")
APPROVE = typer.Option("--approve", help="Each plate waits until `activeloop robot DIR --release PLATE` lets it go.")
RELEASE = typer.Option(metavar="PLATE", help="Let this plate go to its device, and end.")
VOLUME = typer.Option(help="Volume for each well, in µL.")
PAUSE = typer.Option(help="Seconds between two looks at a device.")


def robot(
    directory: Folder,
    device: Annotated[list[str], DEVICE],
    rounds: Annotated[int, ROUNDS] = 10,
    number: Annotated[int | None, NUMBER] = None,
    max_wells: Annotated[int | None, WELLS] = None,
    patience: Annotated[int, PATIENCE] = 0,
    approve: Annotated[bool, APPROVE] = False,
    release: Annotated[str, RELEASE] = "",
    volume: Annotated[float, VOLUME] = 1.0,
    pause: Annotated[float, PAUSE] = 5.0,
) -> None:
    """Run a campaign on devices: proposal, plate, run, results, fit, next plate, until there is a reason to stop.

    It may be stopped (Ctrl-C) or killed at any moment: the same command goes on, no plate is filled twice, and no file
    is stored twice. It stops by itself after the rounds or wells that it may use, without improvement, when controls
    drift, and when a device keeps failing or a file cannot be read.
    """
    from activeloop.lab import Robot, RobotPlan

    loop = opened(directory, "Nothing was begun.")
    loop.folder.log.actor = f"robot of {loop.folder.log.actor}" if loop.folder.log.actor else "robot"
    plan = RobotPlan(rounds, number, max_wells, patience, approve, volume=volume)
    machine = Robot(loop, [driver_of(text, loop) for text in device], plan)
    if release:
        say(machine.approve(release).words)
        return
    ended: list[Any] = []
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: ended.append(True))
    last = machine.run(lambda step: say(step.words), pause=pause, stopped=lambda: bool(ended))
    if ended:
        say("Paused; the same command goes on.")
    elif last.doing == "stopped":
        next_step(f"`activeloop report {directory}` shows what came of it; `activeloop status {directory}`.")


def driver_of(text: str, loop: OpenCampaign) -> Driver:
    """The device that `--device` names.

    Args:
        text: kind and place.
        loop: the campaign.

    Raises:
        ConfigError: there is no such kind, or it needs a place.
    """
    from activeloop.errors import ConfigError, did_you_mean
    from activeloop.lab import SimulatedRobot, WatchedFolder
    from activeloop.lab.opentrons import Opentrons
    from activeloop.plugins import plugins

    kind, _, where = text.partition(":")
    announced = plugins("driver")
    kinds = ("folder", "opentrons", "simulated", *announced)
    if kind not in kinds:
        hint = did_you_mean(kind, kinds)
        raise ConfigError(f'--device "{text}": there is no kind "{kind}". {hint} Kinds: {", ".join(kinds)}.')
    if not where and kind not in announced:
        raise ConfigError(f'--device "{text}" needs a place, such as {kind}:{"URL" if kind == "opentrons" else "DIR"}.')
    if kind in announced:
        return announced[kind](where)
    if kind == "folder":
        return WatchedFolder(Path(where) / "out", Path(where) / "in")
    if kind == "opentrons":
        return Opentrons(where)
    from activeloop.desk.demonstration import is_demonstration, laboratory, planted

    if not is_demonstration(loop.config):
        raise ConfigError("--device simulated measures the protein of the demonstration alone (`activeloop demo`).")
    return SimulatedRobot(Path(where), laboratory(planted()), loop.config.seed)
