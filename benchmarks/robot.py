"""Ten unattended rounds on devices that fail, many times over; what is stored is compared with what they did."""

from __future__ import annotations

import csv
import json
import math
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from activeloop.campaigns import Measured
from activeloop.cli.terminal import progress_bar
from activeloop.config import OpenCampaign, config_text, open_campaign
from activeloop.config.config import RobotConfig
from activeloop.desk.demonstration import demonstration, laboratory, planted
from activeloop.desk.new import draft, new
from activeloop.desk.propose import PlateOptions, known_plates
from activeloop.lab import Faults, Robot, RobotPlan, SimulatedRobot, Step
from activeloop.store import CampaignFolder
from activeloop.work import Timing
from benchmarks.options import OUT, own_process
from benchmarks.results import LIGHT, Result, markdown_table
from benchmarks.work import children_of, sent

FAULTS = Faults(dies=0.3, late=0.3, cut=0.3, twice=0.3, fails=0.15, lost_tip=0.03)
COLUMNS = ("seed", "rounds", "ended", "steps", "reopened", "unreachable", "failed runs", "wells", "filled twice")
HARM = ("filled twice", "at a wrong well", "lost", "doubled")


def command(
    seeds: Annotated[int, typer.Option(help="Campaigns.")] = 20,
    rounds: Annotated[int, typer.Option(help="Rounds of each.")] = 10,
    kills: Annotated[int, typer.Option(help="Kills of the worker that runs a further campaign.")] = 20,
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """Does an unattended campaign end in order, whatever its devices do?"""
    with progress_bar("campaigns") as progress:
        rows = []
        for seed in range(seeds):
            with tempfile.TemporaryDirectory(prefix="activeloop-") as place:
                rows.append(_campaign(Path(place), seed, rounds))
            progress(seed + 1, seeds)
    with tempfile.TemporaryDirectory(prefix="activeloop-") as place:
        worked = killed_at_work(Path(place), 0, rounds, kills)
    _result(rows, rounds, worked).write(out / "robot", "python -m benchmarks robot")
    if any(row[name] for row in (*rows, worked) for name in HARM) or any(row["ended"] != "as planned" for row in rows):
        raise typer.Exit(1)


def _campaign(place: Path, seed: int, rounds: int) -> dict[str, Any]:
    """One campaign; every seventh step it is opened anew, as after a kill."""
    folder = new(draft(demonstration(seed)), place / "enzyme").folder
    plan = RobotPlan(rounds, number=16, attempts=6, plate=PlateOptions(wells=24, controls=3))

    def opened() -> Robot:
        device = SimulatedRobot(place / "device", laboratory(planted()), seed, FAULTS)
        return Robot(open_campaign(folder), [device], plan)

    robot, steps = opened(), list[Step]()
    while len(steps) < 60 * rounds and (not steps or steps[-1].doing != "stopped"):
        if len(steps) % 7 == 6:
            robot = opened()
        steps.append(robot.step())
    last = steps[-1].words
    found = compare(open_campaign(folder), place / "device")
    count = Counter(step.doing for step in steps)
    runs = robot.loop.campaign.state().runs
    return {
        "seed": seed,
        "rounds": count["proposed"],
        "ended": "as planned" if last.endswith("as planned.") else last,
        "steps": len(steps),
        "reopened": len(steps) // 7,
        "unreachable": count["unreachable"],
        "failed runs": sum(run.outcome != "done" for run in runs),
        **found,
    }


#: of a worker whose successor waits little; five that vanish in a row would be taken for a want of memory
QUICK = Timing(quiet=0.0, longest=0.0, lease=2.0, retry=0.1, attempts=1000)


def killed_at_work(place: Path, seed: int, rounds: int, kills: int) -> dict[str, Any]:
    """A campaign whose robot is work of a worker, which is killed at random moments; what is stored against the device.

    Args:
        place: an empty folder.
        seed: of the campaign and of the moments.
        rounds: of the campaign.
        kills: of the worker, every other time with the process that it started; afterwards one may end the work.
    """
    planned = draft(replace(demonstration(seed), wells=24, controls=2))
    robot = RobotConfig(devices=["simulated"], rounds=rounds, number=8, every=0.1)
    config = planned.config.model_copy(update={"robot": robot})
    folder = place / "enzyme"
    CampaignFolder.create(folder, config_text(config), planned.inputs)
    open_campaign(folder).campaign.order_robot("run")
    rng, done = np.random.default_rng(seed), 0
    while done < kills and open_campaign(folder).campaign.state().robot == "run":
        worker = _worker(folder)
        before, late = _signs(folder), time.monotonic() + 60
        while _signs(folder) == before and time.monotonic() < late:
            time.sleep(0.05)
        time.sleep(float(rng.uniform(0.0, 3.0)))
        _kill(worker, also_children=done % 2 == 1)
        done += 1
    worker, late = _worker(folder), time.monotonic() + 900
    while open_campaign(folder).campaign.state().robot == "run" and time.monotonic() < late:
        time.sleep(1.0)
    _kill(worker, also_children=True)
    loop = open_campaign(folder)
    state = loop.campaign.state()
    told = {"rounds": len(state.proposals), "kills": done, "ended": state.robot_reason, "runs": len(state.runs)}
    return told | compare(loop, folder / "robot")


def _signs(folder: Path) -> dict[str, float]:
    """What was written when, the device's own files included."""
    found = dict[str, float]()
    for path in folder.rglob("*"):
        if path.suffix in (".db", ".db-wal", ".csv"):
            with suppress(FileNotFoundError):  # SQLite took it away meanwhile
                found[path.name] = path.stat().st_mtime
    return found


def _worker(folder: Path) -> subprocess.Popen[bytes]:
    script = (
        "import json, sys; from activeloop.work import Timing, Worker\n"
        "Worker([sys.argv[1]], Timing(**json.loads(sys.argv[2]))).run(lambda words: None)"
    )
    command = [sys.executable, "-c", script, str(folder), json.dumps(asdict(QUICK))]
    return subprocess.Popen(command, env=own_process(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _kill(worker: subprocess.Popen[bytes], *, also_children: bool) -> None:
    children = children_of(worker.pid)
    worker.kill()
    worker.wait()
    for child in children if also_children else ():
        sent(child, signal.SIGKILL)


def compare(loop: OpenCampaign, device: Path) -> dict[str, int]:
    """What is stored against what a simulated robot did."""
    plates, _ = known_plates(loop)
    held = {(plate.id, well): w.candidate for plate in plates for well, w in plate.wells.items()}
    stored = [m for r in loop.campaign.log if isinstance(r.event, Measured) for m in r.event.measurements]
    done = {run.run for run in loop.campaign.state().runs if run.outcome == "done"}
    with (device / SimulatedRobot.LOG).open() as file:
        filled = Counter((row[1], row[2]) for row in csv.reader(file))  # also by runs that failed
    truth: dict[tuple[str, str], float] = {}
    for run in done:
        with (device / "files" / f"{run}.csv").open() as file:
            for row in csv.DictReader(file):
                value = math.nan if row["activity"] == "failed" else float(row["activity"])
                truth[row["plate"], row["well"]] = value
    right = [m for m in stored if (m.plate, m.well) in truth and repr(truth[m.plate, m.well]) == repr(m.value)]
    good = [m for m in right if m.candidate == held.get((m.plate, m.well))]
    return {
        "wells": len(held),
        "filled twice": sum(n > 1 for n in filled.values()),
        "at a wrong well": len(stored) - len(good),
        "lost": len(set(truth) - {(m.plate, m.well) for m in stored}),
        "doubled": len(stored) - len({(m.plate, m.well) for m in stored}),
    }


def _result(rows: list[dict[str, Any]], rounds: int, worked: dict[str, Any]) -> Result:
    columns = [*COLUMNS, *HARM[1:]]
    sums = {name: sum(row[name] for row in rows) for name in columns if isinstance(rows[0][name], int)}
    ended = f"{sum(row['ended'] == 'as planned' for row in rows)} of {len(rows)} as planned"
    total = {**sums, "seed": "all", "ended": ended}
    table = [[str(row.get(name, "")) for name in columns] for row in (*rows, total)]
    chances = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in vars(FAULTS).items())
    return Result(
        question="Does an unattended campaign end in order, whatever its devices do?",
        how=f"{len(rows)} campaigns of {rounds} rounds on the simulated robot, 16 candidates and 3 controls on a plate "
        f"of 24 wells. Chances of faults, for each run: {chances} (lost tips: for each well). Every seventh step the "
        "campaign is opened anew, as after a kill. Afterwards every stored value is compared with the file that the "
        "device wrote about that well, and the device's own list of what it dispensed with the plates: a well that was "
        "filled twice, also by a run that failed, a value at another well, one missing or stored twice would count.",
        sections=[
            markdown_table(columns, table),
            "Then the robot of a campaign is work of a worker (`[robot]` in `campaign.toml`), which is killed up to "
            "3 s after its first sign, every other time with the process that it started, and begun again.",
            markdown_table(list(worked), [[str(value) for value in worked.values()]]),
        ],
        tables={
            "campaigns": (columns, [[row[name] for name in columns] for row in rows]),
            "work": (list(worked), [list(worked.values())]),
        },
        parts=(*LIGHT, "lab", "campaigns", "work"),
    )
