"""Writes the pages of docs/results again: from the tables beside them where those are enough."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from activeloop.files import write_whole
from activeloop.replay.summary import read_summary
from benchmarks import extend, folds, gdsc, replays
from benchmarks.assays import Campaign, assays_result
from benchmarks.compute import compute_result
from benchmarks.cost import cost_result
from benchmarks.dropout import dropout_result, read_table
from benchmarks.hostile import hostile_result, read_entrances
from benchmarks.jobs import jobs_result, read_found
from benchmarks.kill import kill_result
from benchmarks.large import large_result
from benchmarks.options import OUT
from benchmarks.prior import prior_result
from benchmarks.replays import Suite
from benchmarks.results import Result, with_age
from benchmarks.scale import ScaleResult, ScaleTask, scale_result
from benchmarks.server import read_tables, server_result
from benchmarks.students_values import read_rounds, value_result
from benchmarks.suites import suites
from benchmarks.work import read_rows, work_result


def command(out: Annotated[Path, OUT] = Path("docs/results")) -> None:
    """Write all pages again from their tables, and say where the code that they measure is another one now."""
    for page in sorted(out.rglob("README.md")):
        folder, name = page.parent, page.parent.relative_to(out).as_posix()
        machine = json.loads((folder / "machine.json").read_text("utf-8"))
        if name in STORED:
            STORED[name](out / name, name).write(folder, command_of(page), machine)
        else:
            text = page.read_text("utf-8")
            write_whole(page, with_age(gdsc.with_claim(text) if name == "gdsc" else text, machine))


def command_of(page: Path) -> str:
    """The command by which a page was made."""
    return re.findall(r"^Made by `(.*)` on: ", page.read_text("utf-8"), re.MULTILINE)[-1]


def _rows(folder: Path) -> list[list[str]]:
    with (folder / "summary.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def _replayed(folder: Path, name: str) -> Result:
    suite = suites()[name]
    assert isinstance(suite, Suite)
    there = [each for each in suite.sets if (folder / f"{each}.png").exists()]
    pictures = {f"{each}.png": (folder / f"{each}.png").read_bytes() for each in there}
    points = read_summary((folder / "summary.csv").read_text("utf-8"))
    rounds = list(replays.campaigns_in(folder)) if (folder / "rounds.csv").exists() else []
    return replays.page_of(suite, points, rounds, pictures)


def _folded(folder: Path, name: str) -> Result:
    suite, points = suites()[name], {}
    assert isinstance(suite, folds.FoldSuite)
    header = "dataset,policy,labels,metric,mean,se,seeds\n"
    for *row, rule in _rows(folder):
        points.setdefault((row[0], rule), []).append(read_summary(header + ",".join(row))[0])
    return folds.page_of(suite, points)


def _killed(folder: Path, name: str) -> Result:
    with (folder / "summary.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    read = {key: value == "True" if key == "same_as_undisturbed" else float(value) for key, value in row.items()}
    found = {key: int(value) if isinstance(value, float) else value for key, value in read.items()}
    return kill_result({k: v for k, v in found.items() if k not in ("seed", "seconds")}, found["seed"], read["seconds"])


def _predicted(folder: Path, name: str) -> Result:
    rows = [
        (scan, kind, int(mutants), int(part), float(prior), float(informed), float(blosum))
        for scan, kind, mutants, part, prior, informed, blosum in _rows(folder)
    ]
    return prior_result(rows, json.loads((folder / "variances.json").read_text("utf-8")), "esm2-small")


def _measured(folder: Path, name: str) -> Result:
    return compute_result(folder, json.loads((folder / "how.json").read_text("utf-8")))


def _timed(folder: Path, name: str) -> Result:
    return cost_result([(what, found, required) for what, found, required in _rows(folder)])


def _of_two_assays(folder: Path, name: str) -> Result:
    done: dict[Campaign, dict[int, dict[str, float]]] = {}
    with (folder / "rounds.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            plates = done.setdefault(Campaign(row["pair"], row["goal"], row["policy"], int(row["seed"])), {})
            plate = plates.setdefault(int(row["labels"]), {"labels": float(row["labels"])})
            plate[row["metric"]] = float(row["value"])
    return assays_result({task: list(plates.values()) for task, plates in done.items()}, [])


def _grown(folder: Path, name: str) -> Result:
    done: dict[extend.Campaign, dict[int, dict[str, Any]]] = {}
    with (folder / "rounds.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            plates = done.setdefault(extend.Campaign(row["set"], row["start"], row["policy"], int(row["seed"])), {})
            plate = plates.setdefault(int(row["plate"]), {"plate": int(row["plate"]), "stated": []})
            plate[row["metric"]] = float(row["value"])
    with (folder / "calibration.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            task = extend.Campaign(row["set"], row["start"], "default", int(row["seed"]))
            done[task][int(row["plate"])]["stated"].append({key: float(row[key]) for key in extend.STATED})
    return extend.extend_result({task: list(plates.values()) for task, plates in done.items()}, [])


#: pages that are made of their tables alone: name -> what makes them from their folder
def _scaled(folder: Path, name: str) -> Result:
    found = {}
    with (folder / "rounds.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            task = ScaleTask(row.pop("question"), row.pop("dataset"), row.pop("arm"), int(row.pop("seed")))
            log, seconds = float(row.pop("log")), float(row.pop("seconds"))
            found[task] = ScaleResult({key: float(value) for key, value in row.items() if value}, log, seconds)
    return scale_result(found, {})


STORED: dict[str, Callable[[Path, str], Result]] = {
    **{n: _replayed for n, suite in suites().items() if isinstance(suite, Suite)},
    "assays": _of_two_assays,
    "folds": _folded,
    "compute": _measured,
    "compute/gpu": _measured,
    "cluster/jobs": lambda folder, name: jobs_result(read_found(folder)),
    "cost": _timed,
    "dropout": lambda folder, name: dropout_result(read_table(folder / "rounds.csv"), read_table(folder / "costs.csv")),
    "extend": _grown,
    "kill": _killed,
    "large": lambda folder, name: large_result(_rows(folder)),
    "prior": _predicted,
    "scale": _scaled,
    "students/values": lambda folder, name: value_result(read_rounds(folder / "rounds.csv"), {}),
    "hostile": lambda folder, name: hostile_result(read_entrances(folder)),
    "server": lambda folder, name: server_result(*read_tables(folder)),
    "work": lambda folder, name: work_result(*read_rows(folder)),
}
