"""`activeloop robot`: a campaign on devices, without anybody."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import Annotated, Any, Literal

import typer

from activeloop.cli.terminal import Folder, next_step, opened, say

DEVICE = typer.Option(
    "--device",
    metavar="KIND[:WHERE]",
    help="Where plates go: folder:DIR (lists go to DIR/out, files of results come to DIR/in), opentrons:URL (a robot "
    "that dispenses; a second --device measures), sila:HOST:PORT (a SiLA 2 server), simulated (the demonstration's "
    "laboratory). Several are visited one "
    "after the other. Default: those of [robot] in campaign.toml.",
)
ROUNDS = typer.Option(help="Maximum number of rounds, earlier ones included (default: 10).")
NUMBER = typer.Option("-n", "--number", help="Candidates in a round (default: as many as fit on one plate).")
WELLS = typer.Option("--max-wells", help="Stop before more wells than this are filled, controls counted.")
PATIENCE = typer.Option(help="Stop after this number of rounds without a better value (0: never for that).")
APPROVE = typer.Option("--approve", help="Each plate waits until `activeloop robot DIR --release PLATE` lets it go.")
RELEASE = typer.Option(metavar="PLATE", help="Let this plate go to its device, and end.")
VOLUME = typer.Option(help="Volume for each well, in µL (default: 1).")
PAUSE = typer.Option(help="Seconds between two looks at a device (default: 5).")
TELL = typer.Option(
    help="Tell whoever runs the robot (`activeloop work DIR`, a server, or this command elsewhere) to run, to pause or "
    "to stop, and end."
)
REASON = typer.Option(help="Why, with --tell and --release.")


def robot(
    directory: Folder,
    device: Annotated[list[str] | None, DEVICE] = None,
    rounds: Annotated[int | None, ROUNDS] = None,
    number: Annotated[int | None, NUMBER] = None,
    max_wells: Annotated[int | None, WELLS] = None,
    patience: Annotated[int | None, PATIENCE] = None,
    approve: Annotated[bool | None, APPROVE] = None,
    release: Annotated[str, RELEASE] = "",
    volume: Annotated[float | None, VOLUME] = None,
    pause: Annotated[float | None, PAUSE] = None,
    tell: Annotated[Literal["run", "pause", "stop"] | None, TELL] = None,
    reason: Annotated[str, REASON] = "",
) -> None:
    """Run a campaign on devices: proposal, plate, run, results, fit, next plate, until there is a reason to stop.

    What is left out is as [robot] in campaign.toml says; the defaults named here hold where that is not there, and with
    --device.

    It may be stopped (Ctrl-C) or killed at any moment: the same command goes on, no plate is filled twice, and no file
    is stored twice. It stops by itself after the rounds or wells that it may use, without improvement, when controls
    drift, and when a device keeps failing or a file cannot be read.
    """
    from activeloop.lab import Robot, RobotPlan
    from activeloop.lab.devices import device_of
    from activeloop.work.kinds import RobotRounds
    from activeloop.work.students import held_here
    from activeloop.work.uploads import UploadedFile

    loop = opened(directory, "Nothing was begun.")
    if tell:
        loop.campaign.order_robot(tell, reason=reason)
        say(f"The robot is told to {tell}; whoever runs it follows at its next step.")
        return
    if release and not device:
        loop.campaign.order_robot("release", release, reason)
        say(f"{release} may go to its device.")
        return
    loop.folder.log.actor = f"robot of {loop.folder.log.actor}" if loop.folder.log.actor else "robot"
    every = loop.config.robot.every if loop.config.robot else 5.0
    given: dict[str, Any] = {"rounds": rounds, "number": number, "wells": max_wells, "patience": patience}
    given |= {"approve": approve, "volume": volume}
    given = {name: value for name, value in given.items() if value is not None}
    if device:
        machine = Robot(loop, [device_of(text, loop) for text in device], RobotPlan(**given))
    else:
        machine = Robot.of(loop)
        machine.plan = replace(machine.plan, **given)
    machine.reads = UploadedFile
    if release:
        say(machine.approve(release).words)
        return
    ended: list[Any] = []
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: ended.append(True))
    busy = "the robot of this campaign is run by another process already. Nothing was begun."
    with held_here(loop, RobotRounds.name, busy) as held:
        if loop.campaign.state().robot in ("pause", "stop"):
            loop.campaign.order_robot("run", reason=reason)
        last = machine.run(lambda step: say(step.words), pause=pause or every, stopped=lambda: bool(ended))
        held.words = last.words
    if ended:
        say("Paused; the same command goes on.")
    elif last.doing == "stopped":
        next_step(f"`activeloop report {directory}` shows what came of it; `activeloop status {directory}`.")
