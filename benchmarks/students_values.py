"""The suite of students' values: are they those of the teacher, on candidates that the student was never taught?"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np

from activeloop.candidates import with_parent
from activeloop.errors import ActiveLoopError
from activeloop.executor import available_cores
from activeloop.fidelity import LEVEL, fidelity
from activeloop.models.calibration import calibrated
from activeloop.models.default import default_calibration, default_learner
from activeloop.prediction import Prediction
from activeloop.replay.landscape import Landscape
from activeloop.students.distil.distiller import Distiller
from activeloop.students.distil.networks import default_network
from benchmarks.options import working
from benchmarks.results import LIGHT, Result, markdown_table, mean_se, not_done, run_kept, section
from benchmarks.students_teachers import HELD_OUT, MOST, find_task, labelled_data, landscape_of_task, split
from benchmarks.suites import SINGLES

QUESTION = "Are a student's values those of its teacher?"
#: every third single-mutant assay of 400 to 2,000 candidates in the order of their names, and the libraries of four
#: sites with a known protein or most candidates
SCANS, LIBRARIES = SINGLES[::3], ("gb1", "phoq", "t7")
LABELS, SEEDS = 192, 3


@dataclass(frozen=True)
class Bar:
    """A figure and what is required of it.

    Args:
        figure: field of a `ValueResult`.
        words: what it is.
        scans, libraries: lowest and highest allowed value there; None where nothing is required.
    """

    figure: str
    words: str
    scans: tuple[float, float]
    libraries: tuple[float, float] | None = None


BARS = (
    Bar("rmse", "RMSE / SD", (0, 0.20), (0, 0.5)),
    Bar("top_bias", "bias of the best tenth / SD", (-0.10, 0.10), (-0.3, 0.3)),
    Bar("sd_ratio", "ratio of standard deviations", (0.8, 1.25)),
    Bar("coverage_gap", "coverage less the teacher's", (-0.03, 0.03)),
    Bar("wild_type", "wild type / SD", (-0.10, 0.10)),
)


@dataclass(frozen=True)
class ValueCell:
    """One student.

    Args:
        task: name of a public set.
        labels: how many candidates are measured.
        seed: which ones, and of every other chance.
    """

    task: str
    labels: int
    seed: int

    @property
    def file(self) -> str:
        """Under which its result is kept."""
        return f"values+{self.task}+{self.labels}+{self.seed}.json"


@dataclass(frozen=True)
class ValueResult:
    """A student beside its teacher, on held-out candidates; lengths in standard deviations of the teacher's means.

    Args:
        rmse, top_bias, slope, sd_ratio, spearman: see `activeloop.fidelity.fidelity`.
        coverage_gap: share of the true values in its 90 % intervals, less that in the teacher's.
        teacher_coverage: share of the true values in the teacher's.
        wild_type: mean of the wild type, student less teacher; NaN where there is none.
    """

    rmse: float
    top_bias: float
    slope: float
    sd_ratio: float
    spearman: float
    coverage_gap: float
    teacher_coverage: float
    wild_type: float

    def text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> ValueResult:
        """What `text` gave."""
        return cls(**json.loads(text))


def run_value_cell(cell: ValueCell) -> ValueResult | str:
    """Fit, distil and compare; a cell that cannot be done gives its reason."""
    try:
        landscape = landscape_of_task(find_task(cell.task))
        parts = split(len(landscape), cell.labels, cell.seed)
        data = labelled_data(landscape, parts.labelled)
        teacher = calibrated(default_learner(landscape.pool, "find"), default_calibration(landscape.pool)).fit(
            data, cell.seed
        )
        distiller = Distiller(default_network(landscape.pool))
        student = distiller.distil(teacher, data, cell.seed, exclude=parts.held_out)
        both = [one.predict(landscape.pool, parts.held_out, cell.seed, 0) for one in (teacher, student)]
        figures = fidelity(*both)
        covered = [_coverage(one, landscape, parts.held_out) for one in both]
        pool, row = with_parent(landscape.pool)
        wild_type = np.nan
        if row is not None:
            alone = [one.predict(pool, np.array([row]), cell.seed, 0).on_scale.mean[0, 0] for one in (teacher, student)]
            wild_type = float(alone[1] - alone[0]) / float(both[0].on_scale.mean[:, 0].std())
        names = ("rmse", "top_bias", "slope", "sd_ratio", "spearman")
        return ValueResult(
            *(figures[name] for name in names),
            coverage_gap=covered[1] - covered[0],
            teacher_coverage=covered[0],
            wild_type=wild_type,
        )
    except ActiveLoopError as error:
        return f"{type(error).__name__}: {error}"


def _coverage(prediction: Prediction, landscape: Landscape, rows: np.ndarray) -> float:
    low, high = prediction.interval(LEVEL)
    true = landscape.oriented[rows, None]
    return float(((low <= true) & (true <= high)).mean())


@dataclass(frozen=True)
class ValueSuite:
    """What is asked of students' values.

    Args:
        scans, libraries: names of public sets.
        labels: measured candidates.
        seeds: draws of labelled and held-out candidates.
    """

    scans: tuple[str, ...] = SCANS
    libraries: tuple[str, ...] = LIBRARIES
    labels: tuple[int, ...] = (LABELS,)
    seeds: int = SEEDS

    @property
    def cells(self) -> list[ValueCell]:
        """Seeds outermost, so that a stopped suite has looked at all sets."""
        tasks = (*self.scans, *self.libraries)
        return [ValueCell(t, n, seed) for seed in range(self.seeds) for t in tasks for n in self.labels]

    def narrowed(self, sets: tuple[str, ...], labels: tuple[int, ...], seeds: int | None) -> ValueSuite:
        """With fewer sets, or other labels or seeds, where any are given."""
        scans, libraries = (tuple(t for t in own if not sets or t in sets) for own in (self.scans, self.libraries))
        return replace(self, scans=scans, libraries=libraries, labels=labels or self.labels, seeds=seeds or self.seeds)


def run_values(suite: ValueSuite, jobs: int | None, work: Path, out: Path, command: str) -> None:
    """Distil and compare what the folder of single cells does not hold yet, and write the page.

    Args:
        suite: what is asked.
        jobs: processes; None = one for each core.
        work: where finished cells are kept.
        out: folder of the results.
        command: that makes these results again.
    """
    cells = suite.cells
    with working(work, {"students": len(cells)}, "students") as done:
        found, failures = run_kept(
            *(cells, run_value_cell, work, ValueResult.read, jobs or available_cores()),
            lambda cell: done("students"),
            write=lambda one: one.text(),
        )
    value_result(found, {f"{cell.task}, seed {cell.seed}": why for cell, why in failures.items()}).write(out, command)


def value_result(found: Mapping[ValueCell, ValueResult], failures: Mapping[str, str]) -> Result:
    """The page and its tables.

    Args:
        found: of every cell.
        failures: why others have none.
    """
    names = [f.name for f in fields(ValueResult)]
    rows = [(*asdict(cell).values(), *asdict(one).values()) for cell, one in found.items()]
    sections = [
        section("Requirements", _requirements(found), "A cell is a set and a seed."),
        section("Each set", _sets(found), "Mean ± standard error over seeds."),
        not_done("Not done", (f"{name}: {why}" for name, why in failures.items())),
    ]
    table = ("task", "labels", "seed", *names), rows
    return Result(QUESTION, HOW, sections, {"rounds": table}, parts=(*LIGHT, "students"))


HOW = (
    f"Scans: every third single-mutant assay of 400 to 2,000 candidates, in the order of their names; libraries: "
    f"{', '.join(LIBRARIES)}, of which {MOST:,} candidates were drawn once. One in {HELD_OUT} candidates is held out: "
    "never labelled, never shown to the teacher or the student; all figures are of these, but for the wild type, which "
    "the student is taught. The teacher is the product's default with its default calibration, the student the default "
    "one. SD is the standard deviation of the teacher's means over the held-out candidates; the best tenth is the "
    "teacher's; coverage is that of true values by 90 % intervals. Where the teacher works on "
    "logarithms, so do these figures."
)


def _requirements(found: Mapping[ValueCell, ValueResult]) -> str:
    table = []
    for kind, tasks in (("scans", SCANS), ("libraries", LIBRARIES)):
        for bar in BARS:
            ends = bar.scans if kind == "scans" else bar.libraries
            known = [getattr(one, bar.figure) for cell, one in found.items() if cell.task in tasks]
            values = np.array([value for value in known if np.isfinite(value)])
            if ends is None or not len(values):
                continue
            met = int(((ends[0] <= values) & (values <= ends[1])).sum())
            table.append(
                [
                    f"{kind}: {bar.words}",
                    f"{ends[0]:g} to {ends[1]:g}",
                    mean_se(values),
                    f"{values.min():.3g} to {values.max():.3g}",
                    f"{met} of {len(values)}",
                ]
            )
    return markdown_table(["", "required", "mean of the cells", "range", "cells that meet it"], table)


def _sets(found: Mapping[ValueCell, ValueResult]) -> str:
    table = []
    names = ("rmse", "top_bias", "slope", "sd_ratio", "spearman", "teacher_coverage", "coverage_gap", "wild_type")
    for task, labels in dict.fromkeys((cell.task, cell.labels) for cell in found):
        some = [one for cell, one in found.items() if (cell.task, cell.labels) == (task, labels)]
        table.append([task, str(labels), *(_figure([getattr(one, name) for one in some]) for name in names)])
    header = ["", "labels", "RMSE / SD", "bias of the best tenth / SD", "slope", "ratio of standard deviations"]
    return markdown_table([*header, "Spearman", "teacher's coverage", "coverage less that", "wild type / SD"], table)


def _figure(values: Sequence[float]) -> str:
    known = [value for value in values if np.isfinite(value)]
    return mean_se(known) if known else "–"


def read_rounds(file: Path) -> dict[ValueCell, ValueResult]:
    """The cells of a stored table."""
    with file.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    names = [f.name for f in fields(ValueResult)]
    return {
        ValueCell(row["task"], int(row["labels"]), int(row["seed"])): ValueResult(*(float(row[n]) for n in names))
        for row in rows
    }
