"""What stands under docs/results is what the suites make of the tables beside it."""

import csv
import json
import re
from pathlib import Path

import pytest

from activeloop.replay.summary import read_summary
from benchmarks import folds, replays
from benchmarks.compute import compute_result
from benchmarks.cost import cost_result
from benchmarks.kill import kill_result
from benchmarks.prior import prior_result
from benchmarks.replays import FULL, Suite
from benchmarks.results import Result
from benchmarks.suites import suites

RESULTS = Path(__file__).parents[2] / "docs/results"


def rows_of(folder: Path) -> list[list[str]]:
    with (folder / "summary.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def replayed(name: str) -> Result:
    folder, suite = RESULTS / name, suites()[name]
    pictures = {f"{each}.png": (folder / f"{each}.png").read_bytes() for each in suite.sets}
    return replays.page_of(suite, read_summary((folder / "summary.csv").read_text("utf-8")), (), pictures)


def folded(name: str) -> Result:
    points: dict = {}
    header = "dataset,policy,labels,metric,mean,se,seeds\n"
    for *row, rule in rows_of(RESULTS / name):
        points.setdefault((row[0], rule), []).append(read_summary(header + ",".join(row))[0])
    return folds.page_of(suites()[name], points)


def killed(name: str) -> Result:
    with (RESULTS / name / "summary.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    read = {key: value == "True" if key == "same_as_undisturbed" else float(value) for key, value in row.items()}
    found = {key: int(value) if isinstance(value, float) else value for key, value in read.items()}
    return kill_result({k: v for k, v in found.items() if k not in ("seed", "seconds")}, found["seed"], read["seconds"])


def predicted(name: str) -> Result:
    rows = [
        (scan, kind, int(mutants), int(part), *map(float, values))
        for scan, kind, mutants, part, *values in rows_of(RESULTS / name)
    ]
    variances = json.loads((RESULTS / name / "variances.json").read_text("utf-8"))
    return prior_result(rows, variances, "esm2-small")


def measured(name: str) -> Result:
    return compute_result(RESULTS / name, json.loads((RESULTS / name / "how.json").read_text("utf-8")))


def timed(name: str) -> Result:
    return cost_result([tuple(row) for row in rows_of(RESULTS / name)])


STORED = {
    **{n: replayed for n, suite in suites().items() if isinstance(suite, Suite) and FULL not in suite.policies},
    "folds": folded,
    "compute": measured,
    "compute/gpu": measured,
    "cost": timed,
    "kill": killed,
    "prior": predicted,
}


@pytest.mark.parametrize("name", STORED)
def test_the_stored_page_is_what_its_tables_say(name: str, tmp_path: Path) -> None:
    folder = RESULTS / name
    page = (folder / "README.md").read_text("utf-8")
    command = re.findall(r"^Made by `(.*)` on: ", page, re.MULTILINE)[-1]
    STORED[name](name).write(tmp_path, command, json.loads((folder / "machine.json").read_text("utf-8")))
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (folder / path.name).read_bytes(), path.name


def test_every_page_names_a_command_and_a_machine() -> None:
    pages = list(RESULTS.rglob("README.md"))
    assert len(pages) > 20
    for page in pages:
        assert re.search(r"^Made by `(python -m benchmarks \S+|make prior)", page.read_text("utf-8"), re.MULTILINE), (
            page
        )
        assert (page.parent / "machine.json").exists(), page
