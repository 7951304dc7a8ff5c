"""Is stated uncertainty right? Coverage of intervals on candidates that were not measured, before and after correction.

Every learner is fitted to a few labels of a set in which everything was measured. Its intervals for one new
measurement are compared with the values of unseen candidates (at random, and at positions without a label), and of the
plate that a campaign would choose next by the highest predictions. Corrections learn from held-out predictions of the
same few labels. A set that is too small for a split takes no part in it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from activeloop.errors import ActiveLoopError, ConfigError
from activeloop.files import write_whole
from activeloop.measurements import Dataset
from activeloop.models.calibration import (
    Calibration,
    Conformal,
    Isotonic,
    OutOfFoldPredictions,
    TemperatureScaling,
    plain,
)
from activeloop.models.calibration.base import Rescaling, figures, normal_equivalents
from activeloop.models.calibration.metrics import CENTRAL, calibration_curve
from activeloop.models.evidence import out_of_fold_prediction
from activeloop.prediction import Learner, Predictor, mean_of
from activeloop.replay.campaign import cached_landscape
from activeloop.replay.evaluation import FoldRule, check_learner
from activeloop.replay.landscape import Landscape
from activeloop.replay.machine import run_tasks
from activeloop.replay.policies import learner_of
from activeloop.replay.sources import Source
from benchmarks.budgets import split
from benchmarks.options import OUT, WORK, names_of
from benchmarks.suites import SINGLES

LIBRARIES = ("gb1", "phoq")
METHODS: dict[str, Calibration | None] = {
    "as stated": None,
    "temperature": TemperatureScaling(),
    "isotonic": Isotonic(),
    "conformal": Conformal(),
}
#: seeds of learners that are judged as they are: networks take seconds a fit
RAW_SEEDS = 1
#: candidates on the plate that would be chosen next; at most a tenth of what is left
PLATE = 48
LOOKED_AT = 10_000


@dataclass(frozen=True)
class CalibrationTask:
    """One fit, its corrections, and what they are worth.

    Args:
        dataset: name of a public set.
        rule: `random`: unseen candidates; `modulo`: at positions without a label.
        labels: how many candidates are measured.
        seed: which ones.
        learner: its name.
        corrected: whether corrections are learned, or the learner is only judged as it is.
    """

    dataset: str
    rule: FoldRule
    labels: int
    seed: int
    learner: str
    corrected: bool = True

    @property
    def file(self) -> str:
        """Under which its result is kept."""
        return f"{self.dataset}+{self.rule}+{self.labels}+{self.seed}+{self.learner}.json"


@dataclass(frozen=True)
class CalibrationResult:
    """What came of one fit.

    Args:
        unseen: method -> figures on candidates that were not measured, see `calibration.unseen.figures`.
        plate: method -> figures on the plate that the highest predictions choose; {} with `modulo`.
        curve: method -> share of unseen values in each central interval of `calibration.metrics.CENTRAL`.
        spread: method -> factor of the spread.
        seconds: CPU seconds of the fit, and of held-out predictions and all corrections together.
    """

    unseen: dict[str, dict[str, float]]
    plate: dict[str, dict[str, float]]
    curve: dict[str, list[float]]
    spread: dict[str, float]
    seconds: tuple[float, float]


def judge_task(task: CalibrationTask) -> CalibrationResult | str:
    """Fit, correct and judge; the reason when that cannot be, the empty string for a set that is too small."""
    landscape = cached_landscape(Source(task.dataset))
    try:
        rows = split(landscape, task.rule, task.labels, task.seed)
        if rows is None:
            return ""
        data = Dataset.of(landscape.pool, rows[0], landscape.values[rows[0]], landscape.assay).oriented()
        learner, clock = plain(learner_of(task.learner, landscape.pool, "find")), time.process_time()
        fitted = learner.fit(data, task.seed)
        middle = time.process_time()
        corrections = _corrections(learner, data, fitted, task)
        seconds = (round(middle - clock, 4), round(time.process_time() - middle, 4))
    except ActiveLoopError as error:
        return f"{type(error).__name__}: {error}"
    unseen, curve = _judged(landscape, fitted, corrections, rows[1], task.seed)
    plate = {}
    if task.rule == "random":
        plate, _ = _judged(landscape, fitted, corrections, next_plate(landscape, fitted, rows[0], task.seed), task.seed)
    return CalibrationResult(unseen, plate, curve, {k: c.spread for k, c in corrections.items()}, seconds)


def _corrections(learner: Learner, data: Dataset, fitted: Predictor, task: CalibrationTask) -> dict[str, Rescaling]:
    """What each method makes of the same held-out predictions."""
    noise = float(fitted.predict(data.pool, data.rows[:1], task.seed, draws=0).noise[0])
    found = {"as stated": Rescaling(1.0, noise)}
    if task.corrected:
        mean, sd = out_of_fold_prediction(learner, data, fitted, 5, task.seed)
        unseen = OutOfFoldPredictions(data.values[:, 0], mean, sd, noise)
        found |= {name: method.learn(unseen) for name, method in METHODS.items() if method is not None}
    return found


def _judged(
    landscape: Landscape, fitted: Predictor, corrections: dict[str, Rescaling], rows: np.ndarray, seed: int
) -> tuple[dict[str, dict[str, float]], dict[str, list[float]]]:
    """Figures and calibration curve of each correction on some rows."""
    prediction, values = fitted.predict(landscape.pool, rows, seed, draws=0), landscape.oriented[rows]
    told, curve = {}, {}
    for name, correction in corrections.items():
        unseen = OutOfFoldPredictions.of_prediction(values, correction(prediction))
        told[name] = {key: round(value, 5) for key, value in figures([(unseen, correction.shape)]).items()}
        z = normal_equivalents(unseen.standardised, correction.shape)
        curve[name] = calibration_curve(CENTRAL, z).round(5).tolist()
    return told, curve


def next_plate(landscape: Landscape, fitted: Predictor, measured: np.ndarray, seed: int) -> np.ndarray:
    """Rows of the highest predictions among what was not measured; of libraries among 10,000 drawn at random."""
    free = np.setdiff1d(np.arange(len(landscape)), measured)
    free = np.sort(np.random.default_rng([seed, 1]).permutation(free)[:LOOKED_AT])
    mean = mean_of(fitted, landscape.pool, free)[:, 0]
    return free[np.argsort(-mean, kind="stable")[: min(PLATE, len(free) // 10)]]


def tasks_of(
    sets: Sequence[str], labels: Sequence[int], seeds: int, learners: Sequence[str], raw: Sequence[str]
) -> list[CalibrationTask]:
    """Every set, rule, number of labels and seed for every learner; libraries have no positions to hold out.

    >>> len(tasks_of(("gb1", "SPG1_STRSG_Olson_2014"), (48, 96), 2, ("default",), ()))
    12
    """
    rules: dict[str, tuple[FoldRule, ...]] = {
        name: ("random",) if name in LIBRARIES else ("random", "modulo") for name in sets
    }
    named = [(name, True, seeds) for name in learners] + [(name, False, min(seeds, RAW_SEEDS)) for name in raw]
    return [
        CalibrationTask(name, rule, count, seed, learner, corrected)
        for name in sets
        for rule in rules[name]
        for count in labels
        for learner, corrected, seeds in named
        for seed in range(seeds)
    ]


def run_all(tasks: Sequence[CalibrationTask], folder: Path, jobs: int) -> dict[CalibrationTask, CalibrationResult]:
    """Every task; what the folder holds already is read from it.

    Raises:
        ModelError: a learner could not be fitted; what was finished is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    new = [task for task in tasks if not (folder / task.file).exists()]
    for task, result in run_tasks(new, judge_task, jobs):
        kept = {"skipped": result} if isinstance(result, str) else asdict(result)
        write_whole(folder / task.file, json.dumps(kept) + "\n")
    read = {task: json.loads((folder / task.file).read_text("utf-8")) for task in tasks}
    return {task: CalibrationResult(**kept) for task, kept in read.items() if "skipped" not in kept}


def command(
    sets: Annotated[str, typer.Option(metavar="NAMES", help="Only these sets, joined by commas.")] = "",
    labels: Annotated[str, typer.Option(metavar="NUMBERS", help="Measured candidates.")] = "48,96,240",
    seeds: Annotated[int, typer.Option(help="Draws of the measured candidates.")] = 10,
    learners: Annotated[str, typer.Option(metavar="NAMES", help="Those that are corrected.")] = "default",
    raw: Annotated[str, typer.Option(metavar="NAMES", help="Those that are judged as they are.")] = "dropout",
    jobs: Annotated[int, typer.Option(metavar="N", help="How many processes.")] = 1,
    work: Annotated[Path, WORK] = Path("replays"),
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """Is stated uncertainty right?"""
    from benchmarks.calibration_results import write_results

    corrected, plain_ones, counts = names_of(learners), names_of(raw), tuple(int(n) for n in names_of(labels))
    for name in (*corrected, *plain_ones):
        check_learner(name)
    if seeds < 1 or not counts or min(counts) < 2:
        raise ConfigError("--seeds must be at least 1 and --labels at least 2. Nothing was computed.")
    tasks = tasks_of(names_of(sets) or (*SINGLES, *LIBRARIES), counts, seeds, corrected, plain_ones)
    results = run_all(tasks, work / "calibration", jobs)
    write_results(out / "calibration", results, f"python -m benchmarks calibration --seeds {seeds} --labels {labels}")
