"""Prediction from a budget of labels: the same few measured candidates for every learner, the same unseen ones."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from activeloop.errors import ActiveLoopError
from activeloop.files import write_whole
from activeloop.measurements import Dataset
from activeloop.models.stacking import StackingPredictor
from activeloop.prediction import mean_of
from activeloop.replay.campaign import cached_landscape
from activeloop.replay.evaluation import FOLDS, FoldRule, fold_numbers
from activeloop.replay.landscape import Landscape
from activeloop.replay.machine import run_tasks
from activeloop.replay.metrics import spearman
from activeloop.replay.sources import Source
from benchmarks.learners import learner_of
from benchmarks.suites import BudgetSuite

#: at most so many unseen candidates are predicted
JUDGED = 500


@dataclass(frozen=True)
class BudgetTask:
    """One fit.

    Args:
        dataset: name of a public set.
        rule: `random`: unseen candidates; `modulo`: at positions without a label.
        labels: how many candidates are measured.
        seed: which ones.
        learner: its name, see `policies.learner_of`.
    """

    dataset: str
    rule: FoldRule
    labels: int
    seed: int
    learner: str

    @property
    def file(self) -> str:
        """Under which its result is kept."""
        return f"{self.dataset}+{self.rule}+{self.labels}+{self.seed}+{self.learner}.json"


@dataclass(frozen=True)
class BudgetResult:
    """What came of it.

    Args:
        spearman: on the unseen candidates.
        seconds: CPU seconds of fit and prediction.
        weights: of each learner, when it was a gate.
    """

    spearman: float
    seconds: float
    weights: dict[str, float]


def split(landscape: Landscape, rule: FoldRule, labels: int, seed: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Rows to learn from and rows to be judged on; None when the set is too small.

    The first `labels` of an order that the seed draws, so a larger budget holds a smaller one; the last ones of it are
    judged, so budgets are judged on the same candidates where the set is large enough. With `modulo` the judged
    candidates stand at a fifth of the positions, at which nothing is measured.
    """
    if rule == "random":
        order = np.random.default_rng(seed).permutation(len(landscape))
        train, rest = order[:labels], order[labels:]
    else:
        folds = fold_numbers(landscape, rule, seed)
        order = np.random.default_rng(seed).permutation(np.flatnonzero(folds >= 0))
        apart = folds[order] == seed % FOLDS
        train, rest = order[~apart][:labels], order[apart]
    return (train, rest[-JUDGED:]) if len(train) == labels and len(rest) >= 50 else None


def run_budget_task(task: BudgetTask) -> BudgetResult | str:
    """Fit and judge; a learner that cannot be fitted gives the reason, a set that is too small the empty string."""
    landscape = cached_landscape(Source(task.dataset))
    rows = split(landscape, task.rule, task.labels, task.seed)
    if rows is None:
        return ""
    train, judged = rows
    clock = time.process_time()
    try:
        data = Dataset.of(landscape.pool, train, landscape.values[train], landscape.assay).oriented()
        predictor = learner_of(task.learner, landscape.pool, "find").fit(data, task.seed)
        predicted = mean_of(predictor, landscape.pool, judged)[:, 0]
    except ActiveLoopError as error:
        return f"{type(error).__name__}: {error}"
    weights = {}
    if isinstance(predictor, StackingPredictor):
        weights = dict(zip(predictor.names, predictor.weights.round(4).tolist(), strict=True))
    agreement = spearman(predicted, landscape.oriented[judged])
    return BudgetResult(agreement, round(time.process_time() - clock, 3), weights)


def run_budgets(
    tasks: Sequence[BudgetTask], folder: Path, jobs: int = 1, finished: Callable[[BudgetTask], None] | None = None
) -> tuple[dict[BudgetTask, BudgetResult], dict[BudgetTask, str]]:
    """Every task whose result the folder does not hold yet.

    Args:
        tasks: what to do.
        folder: a JSON file is kept here for each finished task, so a stopped suite goes on.
        jobs: processes, each on one thread.
        finished: called with every task that is done, those kept before included.

    Returns:
        Results, and why the others have none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done, failures = {}, {}
    for task in tasks:
        if (folder / task.file).exists():
            done[task] = BudgetResult(**json.loads((folder / task.file).read_text("utf-8")))
            if finished is not None:
                finished(task)
    waiting = [task for task in tasks if task not in done]
    for task, result in run_tasks(waiting, run_budget_task, jobs):
        if isinstance(result, BudgetResult):
            done[task] = result
            write_whole(folder / task.file, json.dumps(asdict(result)) + "\n")
        elif result:
            failures[task] = result
        if finished is not None:
            finished(task)
    return done, failures


def all_tasks(suite: BudgetSuite) -> list[BudgetTask]:
    """Every fit that a suite asks for; seeds outermost, so that a stopped suite has looked at all sets."""
    return [
        BudgetTask(name, rule, labels, seed, learner)
        for seed in range(suite.seeds)
        for name in suite.sets
        for rule in suite.rules
        for labels in suite.budgets
        for learner in suite.learners
        if suite.costly.asks(learner, name, rule, labels, seed)
    ]
