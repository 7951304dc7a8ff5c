"""The files that a replay leaves in its folder."""

from __future__ import annotations

import json
from pathlib import Path

from activeloop.benchmarks.curve import draw_curves, png
from activeloop.benchmarks.landscape import Landscape
from activeloop.benchmarks.machine import describe_machine
from activeloop.benchmarks.parts import write_whole
from activeloop.benchmarks.protocol import Protocol
from activeloop.benchmarks.replay import Outcome
from activeloop.benchmarks.report import replay_page
from activeloop.benchmarks.summary import Point, rounds_csv, summarise, summary_csv


def write_results(folder: Path, landscape: Landscape, protocol: Protocol, outcome: Outcome) -> list[Point]:
    """Write summary.csv, rounds.csv, curve.png, report.html and machine.json, each whole.

    The tables depend on the campaigns alone (seconds apart); date and machine stand in the other files.

    Returns:
        The rows of summary.csv.

    Raises:
        StoreError: a file cannot be written.
    """
    points = summarise(landscape.name, outcome.turns)
    machine = describe_machine()
    seeds = len({seed for _, seed in outcome.turns})
    curve = png(draw_curves(points, landscape.name, protocol.goal, seeds))
    settings = {
        "dataset": landscape.name,
        "candidates": len(landscape),
        "kind": landscape.kind,
        "assay": f"{landscape.assay.name} ({landscape.assay.goal})",
        "goal": protocol.goal,
        "plates": f"{protocol.start} + {protocol.rounds} x {protocol.batch}",
        "first plate": protocol.first,
        "seeds": f"0 to {seeds - 1}",
        "fingerprint of the data": landscape.fingerprint,
    }
    page = replay_page(landscape.name, landscape.origin, protocol, outcome, points, curve, settings, machine)
    write_whole(folder / "summary.csv", summary_csv(points))
    write_whole(folder / "rounds.csv", rounds_csv(landscape.name, outcome.turns))
    write_whole(folder / "curve.png", curve)
    write_whole(folder / "machine.json", json.dumps(machine, indent=1) + "\n")
    write_whole(folder / "report.html", page)
    return points
