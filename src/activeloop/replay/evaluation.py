"""Five-fold prediction: how well a learner predicts candidates, or positions, that it has not seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from activeloop.candidates import TreatmentPool, Variant
from activeloop.candidates.compounds import scaffold
from activeloop.encoders.compound import structures
from activeloop.errors import ActiveLoopError, ConfigError
from activeloop.executor import SharedValue, run_tasks, shared
from activeloop.measurements import Dataset
from activeloop.metrics import auroc
from activeloop.models.gp.sisters import owners_and_places
from activeloop.models.registry import LEARNERS
from activeloop.prediction import mean_of
from activeloop.renamed import current_name, known_name
from activeloop.replay.campaign import derived_seed
from activeloop.replay.landscape import Landscape
from activeloop.replay.metrics import mean_and_error, per_drug, spearman
from activeloop.replay.policies import check_model, learner_of
from activeloop.replay.summary import Point

FoldRule = Literal["random", "modulo", "contiguous", "compound", "cells", "scaffold", "donor", "column"]
FOLD_RULES: tuple[FoldRule, ...] = get_args(FoldRule)
FOLDS = 5
#: the rules that hold out groups of a column of the table, see `Split`
BY_COLUMN = ("donor", "column")
#: what models must beat where other groups measured the same candidate
SAME = "same-candidate"


def fold_numbers(landscape: Landscape, rule: FoldRule, seed: int = 0, limit: int | None = None) -> np.ndarray:
    """[N] the fold of each candidate, 0 to 4; -1 for candidates that take no part.

    `random` deals candidates out evenly. The other two keep all candidates of a position in one fold, so a fold tests
    positions that were never seen: `modulo` by position modulo 5, `contiguous` in five stretches of the chain with
    equally many mutated positions. They take single mutants only; the wild type and multiple mutants take no part.

    `compound` and `cells` keep all treatments of a compound (or set of compounds), or of cells, in one fold; `scaffold`
    all compounds with the same rings: a fold tests what was never seen. Of fewer than five, each is a fold.

    Args:
        landscape: what is split.
        rule: one of `FOLD_RULES`.
        seed: of `random` and of `limit`.
        limit: maximum number of candidates, drawn at random; None = all.

    Raises:
        ConfigError: `modulo` or `contiguous` with a landscape of fewer than 5 mutated positions, or of one in
            which fewer than half of the candidates are single mutants; one group, or none such; a rule that splits
            measurements, not candidates.
    """
    if rule not in FOLD_RULES or rule in BY_COLUMN:
        raise ConfigError(f'--folds "{rule}": is {", ".join(FOLD_RULES)}. Nothing was evaluated.')
    rng = np.random.default_rng(seed)
    folds = np.full(len(landscape), -1)
    if rule == "random":
        folds[rng.permutation(len(landscape))] = np.arange(len(landscape)) % FOLDS
    elif rule in ("compound", "cells", "scaffold"):
        names, of = np.unique(groups_of(landscape, rule), return_inverse=True)
        if len(names) < 2:
            raise ConfigError(
                f"--folds {rule}: all candidates of {landscape.name} are of one group. Split by something else. "
                "Nothing was evaluated."
            )
        folds = (rng.permutation(len(names)) % FOLDS)[of.ravel()]
    else:
        positions = mutated_positions(landscape)
        single = positions > 0
        unique = np.unique(positions[single])
        if single.mean() < 0.5 or len(unique) < FOLDS:
            raise ConfigError(
                f"--folds {rule} needs single mutants of a known wild type at five positions or more; {landscape.name} "
                "does not hold them. Use --folds random, or give --wild-type. Nothing was evaluated."
            )
        by_rule = positions % FOLDS if rule == "modulo" else _stretches(positions, unique)
        folds[single] = by_rule[single]
    taking_part = np.flatnonzero(folds >= 0)
    if limit is not None and len(taking_part) > limit:
        folds[rng.permutation(taking_part)[limit:]] = -1
    return folds


@dataclass(frozen=True)
class Split:
    """Measurements and their folds.

    By most rules each candidate is one measurement, the mean of its values. By `donor` and `column` each group of the
    column measured for itself: a fold holds out groups, whose candidates others may have measured, too.

    Args:
        rows: [R] of the candidates.
        values: [R] larger is better.
        folds: [R] 0 to 4; -1 for those that take no part.
    """

    rows: np.ndarray
    values: np.ndarray
    folds: np.ndarray

    @classmethod
    def of(cls, landscape: Landscape, evaluation: Evaluation) -> Split:
        """The split of an evaluation.

        Raises:
            ConfigError: as `fold_numbers`; the landscape has no column of groups, or only one group.
        """
        rule, seed, limit = evaluation.folds, evaluation.seed, evaluation.limit
        if rule not in BY_COLUMN:
            folds = fold_numbers(landscape, rule, seed, limit)
            return cls(np.arange(len(landscape)), landscape.oriented, folds)
        if landscape.repeats is None:
            raise ConfigError(
                f"--folds {rule}: {landscape.name} has no column of groups. Name it with --fold-column NAME. Nothing "
                "was evaluated."
            )
        found = landscape.repeats
        names = np.unique(found.groups[found.groups != ""])
        if len(names) < 2:
            what = f'is "{names[0]}" throughout' if len(names) else "is empty"
            raise ConfigError(f'--folds {rule}: column "{found.by}" {what}. Split by another. Nothing was evaluated.')
        rng = np.random.default_rng(seed)
        fold_of = dict(zip(names.tolist(), (rng.permutation(len(names)) % FOLDS).tolist(), strict=True))
        # replicates of one group are one measurement
        pairs = np.stack([np.unique(found.groups, return_inverse=True)[1].ravel(), found.rows], 1)
        unique, first, of = np.unique(pairs, axis=0, return_index=True, return_inverse=True)
        values = np.bincount(of.ravel(), found.values) / np.bincount(of.ravel())
        folds = np.array([fold_of.get(str(found.groups[i]), -1) for i in first])
        taking_part = np.flatnonzero(folds >= 0)
        if limit is not None and len(taking_part) > limit:
            folds[rng.permutation(taking_part)[limit:]] = -1
        return cls(unique[:, 1], values * landscape.assay.sign, folds)

    def training(self, fold: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the candidates that the other folds measured, and the means of their values."""
        others = (self.folds >= 0) & (self.folds != fold)
        rows, of = np.unique(self.rows[others], return_inverse=True)
        return rows, np.bincount(of, self.values[others]) / np.bincount(of)


def groups_of(landscape: Landscape, rule: FoldRule) -> np.ndarray:
    """[N] the name of what is held out together with each candidate: its compounds, cells, or rings.

    Raises:
        ConfigError: the candidates have no such part, or their structures are not known.
    """
    pool, rows = landscape.pool, np.arange(len(landscape))
    if rule == "scaffold":
        compounds = pool
        if isinstance(pool, TreatmentPool):
            compounds = pool.part("compound")
        if compounds.kind != "compounds":
            raise ConfigError(
                f"--folds scaffold needs structures: {landscape.name} holds {pool.kind} without them. Give compounds, "
                "or treatments whose compounds are SMILES or stand in a --panel with SMILES. Nothing was evaluated."
            )
        # a compound without rings is a group of its own
        rings = [scaffold(smiles) or smiles for smiles in structures(compounds, np.arange(len(compounds)))]
        if not isinstance(pool, TreatmentPool):
            return np.array(rings)
        codes = pool.part_rows(rows)[:, 1 : 1 + pool.combined]
        return np.array([" + ".join(sorted({rings[code] for code in some if code >= 0})) for some in codes.tolist()])
    if not isinstance(pool, TreatmentPool):
        raise ConfigError(f"--folds {rule}: {landscape.kind} have no such part; treatments do. Nothing was evaluated.")
    return owners_and_places(pool, rows, "compound" if rule == "compound" else "cells")[0]


def _stretches(positions: np.ndarray, unique: np.ndarray) -> np.ndarray:
    """[N] in which of five stretches of the sorted positions `unique` each position lies."""
    stretch = np.repeat(np.arange(FOLDS), [len(part) for part in np.array_split(unique, FOLDS)])
    return stretch[np.searchsorted(unique, positions) % len(unique)]


def mutated_positions(landscape: Landscape) -> np.ndarray:
    """[N] the position of the only substitution of each candidate; 0 where there is none or more than one."""
    positions = np.zeros(len(landscape), np.int64)
    for row in range(len(landscape)):
        design = landscape.pool.design(row)
        if isinstance(design, Variant) and len(design.mutations) == 1:
            positions[row] = design.mutations[0].position
    return positions


METRICS = ("spearman", "auroc", "rmse", "pearson_per_drug")


@dataclass(frozen=True)
class Evaluation:
    """The rules of an evaluation.

    Args:
        folds: how candidates are split, see `fold_numbers` and `Split`.
        seed: of random folds and of every fit.
        limit: maximum number of candidates; None = all.
        model: as that of a `Protocol`.
    """

    folds: FoldRule = "random"
    seed: int = 0
    limit: int | None = None
    model: str | None = None

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 2 * FOLDS:
            raise ConfigError(f"--limit {self.limit}: must be at least {2 * FOLDS}. Nothing was evaluated.")
        if self.seed < 0:
            raise ConfigError(f"--seed {self.seed}: must be at least 0. Nothing was evaluated.")

    @property
    def headline(self) -> str:
        """The metric that is told first: Spearman over all folds together, as ProteinGym reports it.

        The mean of folds where whole groups are held out: a learner that does not know the level of a group predicts
        that of the others, which falls as the group's rises, so that folds taken together look worse than chance.

        >>> Evaluation("random").headline, Evaluation("compound").headline
        ('spearman_pooled', 'spearman')
        """
        return "spearman_pooled" if self.folds in ("random", "modulo", "contiguous") else "spearman"

    def headline_of(self, landscape: Landscape) -> str:
        """The same of a landscape; of two values AUROC, for no order of many ties has a rank correlation of 1."""
        return "auroc" if landscape.is_two else self.headline


def told_over(headline: str) -> str:
    """Over what the metric that is told first is taken, in words."""
    return "all folds together" if headline == "spearman_pooled" else "mean of folds"


@dataclass(frozen=True)
class Fold:
    """The prediction of one fold by a learner fitted to the other four.

    Args:
        learner: its name.
        fold: 0 to 4.
        trained: candidates it was fitted to.
        rows: [n] rows of the fold.
        predicted, true: [n] means, and what was measured; larger is better.
        metrics: name -> value.
        seconds: CPU seconds of fit and prediction.
    """

    learner: str
    fold: int
    trained: int
    rows: np.ndarray
    predicted: np.ndarray
    true: np.ndarray
    metrics: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class FoldTask:
    """One fit."""

    landscape: SharedValue[Landscape]
    evaluation: Evaluation
    learner: str
    fold: int


def folds_present(landscape: Landscape, evaluation: Evaluation) -> list[int]:
    """The folds that are predicted: five, or fewer where fewer are held out together."""
    numbers = Split.of(landscape, evaluation).folds
    return np.unique(numbers[numbers >= 0]).tolist()


def check_learner(name: str) -> None:
    """Whether a learner is known.

    Raises:
        ConfigError: it is not.
    """
    if name == SAME:
        return
    if not known_name("learner", name, ("default", *LEARNERS)):
        known = ", ".join(("default", SAME, *LEARNERS))
        raise ConfigError(f'"{name}" is not a learner. Learners: {known}. Nothing was evaluated.')
    current_name("learner", name)


def evaluate_all(
    landscape: Landscape,
    evaluation: Evaluation,
    learners: tuple[str, ...],
    executor: Executor | None = None,
    finished: Callable[[str], None] | None = None,
) -> tuple[list[Fold], dict[tuple[str, int], str]]:
    """Predict every fold with every learner.

    Args:
        landscape: the recorded values.
        evaluation: the rules.
        learners: names, see `policies.learner_of`.
        executor: runs the fits, each on one thread; None = this process.
        finished: called with the learner whenever a fold is done.

    Returns:
        The folds in order, and why others could not be predicted, by (learner, fold).

    Raises:
        ConfigError: a learner is not known or none is named, none of them reads the model that is named, or the
            landscape cannot be split so.
    """
    if not learners:
        raise ConfigError("--learners names no learner: leave it out, or name one. Nothing was evaluated.")
    for name in learners:
        check_learner(name)
    check_model(evaluation.model, learners)
    present = folds_present(landscape, evaluation)
    common = shared(landscape, executor)
    tasks = [FoldTask(common, evaluation, name, fold) for fold in present for name in learners]
    done: list[Fold] = []
    failures: dict[tuple[str, int], str] = {}
    for task, result in run_tasks(tasks, predict_fold, executor):
        if isinstance(result, str):
            failures[task.learner, task.fold] = result
        else:
            done.append(result)
        if finished is not None:
            finished(task.learner)
    order = {name: i for i, name in enumerate(learners)}
    return sorted(done, key=lambda f: (order[f.learner], f.fold)), failures


def predict_fold(task: FoldTask) -> Fold | str:
    """One fit and its predictions; a learner that cannot be fitted gives the reason."""
    landscape, rules = task.landscape.get(), task.evaluation
    split = Split.of(landscape, rules)
    mine = split.folds == task.fold
    test, true = split.rows[mine], split.values[mine]
    train, values = split.training(task.fold)
    clock = time.process_time()
    try:
        if task.learner == SAME:
            own = dict(zip(train.tolist(), values.tolist(), strict=True))
            predicted = np.array([own.get(row, float(values.mean())) for row in test.tolist()])
        else:
            data = Dataset.of(landscape.pool, train, values * landscape.assay.sign, landscape.assay).oriented()
            learner = learner_of(task.learner, landscape.pool, "find", landscape.history, rules.model)
            predictor = learner.fit(data, derived_seed(rules.seed, task.fold))
            predicted = mean_of(predictor, landscape.pool, test)[:, 0]
    except ActiveLoopError as error:
        return f"{type(error).__name__}: {error}"
    seconds = time.process_time() - clock
    fit = landscape.fit[test] if rules.folds not in BY_COLUMN else true > np.median(split.values)
    metrics = {
        "spearman": spearman(predicted, true),
        "auroc": auroc(predicted, fit),
        "rmse": float(np.sqrt(np.mean((predicted - true) ** 2))),
        "pearson_per_drug": per_drug(predicted, true, landscape.pool, test),
    }
    return Fold(task.learner, task.fold, len(train), test, predicted, true, metrics, seconds)


def summarise_folds(landscape: Landscape, folds: list[Fold]) -> list[Point]:
    """Mean and standard error over folds of each metric, and Spearman over all folds' predictions together.

    `spearman_pooled` is what ProteinGym reports.
    """
    points = []
    for learner in dict.fromkeys(fold.learner for fold in folds):
        mine = [fold for fold in folds if fold.learner == learner]
        labels = round(np.mean([fold.trained for fold in mine]))
        for metric in METRICS:
            mean, error = mean_and_error(np.array([fold.metrics[metric] for fold in mine]))
            if np.isnan(mean) and metric == "pearson_per_drug":
                continue  # of treatments alone
            points.append(Point(landscape.name, learner, labels, metric, mean, error, len(mine)))
        predicted, true = (np.concatenate([getattr(fold, what) for fold in mine]) for what in ("predicted", "true"))
        pooled = spearman(predicted, true)
        points.append(Point(landscape.name, learner, labels, "spearman_pooled", pooled, float("nan"), len(mine)))
    return points
