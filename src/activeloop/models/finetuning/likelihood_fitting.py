"""How the members of a likelihood ranker are trained, one after the other."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from activeloop.foundation.cache import cache_folder
from activeloop.foundation.identity import identity
from activeloop.measurements import Dataset
from activeloop.models.finetuning.checkpointer import Checkpointer, digest, forget
from activeloop.models.finetuning.likelihood import LikelihoodPredictor, careful_line
from activeloop.models.finetuning.likelihood_objective import Likelihood, Reader
from activeloop.models.finetuning.loop import train
from activeloop.models.finetuning.plan import Split, folds_of
from activeloop.models.gp.mutation_kernel import Mutations
from activeloop.models.transforms import Scale, precision, standard

if TYPE_CHECKING:
    from activeloop.models.finetuning.likelihood import LikelihoodRanker


def fit(learner: LikelihoodRanker, dataset: Dataset, seed: int) -> LikelihoodPredictor:
    """Train all members on one assay."""
    folder = cache_folder("fits") / digest(learner, identity(learner), dataset.hash, dataset.rows.tolist(), seed)
    values = dataset.values[:, 0]
    scale, mutations = standard(values), Mutations.of(dataset.pool, dataset.rows)
    unseen = np.full(len(dataset), np.nan)
    tables, lines = [], []
    for index, split in enumerate(splits(learner.members, dataset, seed)):
        table = fit_member(learner, dataset, split, index, seed, folder / f"{index}.safetensors")
        sums = mutations.sums(table.astype(np.float64))
        line = in_values(line_of(table, sums, split, dataset, scale), scale)
        unseen[split.validation] = line[0] + line[1] * sums[split.validation]
        tables.append(table)
        lines.append(line)
    forget(folder)
    return LikelihoodPredictor(np.stack(tables), np.stack(lines), unseen, learner.foundation.name)


def splits(members: int, dataset: Dataset, seed: int) -> list[Split]:
    """What each member is trained on: all but a fold of its own, or everything when there are too few."""
    n = len(dataset)
    if members == 1 or n < 2 * members:
        return [Split.without(n)] * members
    folds = folds_of(dataset.pool, dataset.rows, dataset.rounds, members, seed, by_position=False)
    return [Split(np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in range(members)]


def fit_member(
    learner: LikelihoodRanker, dataset: Dataset, split: Split, index: int, seed: int, file: Path
) -> np.ndarray:
    """[L * K] the table of one member."""
    seed = seed + 7919 * index
    pool, values = dataset.pool, dataset.values[:, 0]
    scale = standard(values)
    objective = Likelihood(
        Reader(learner.foundation, learner.adapter, pool, learner.hidden, seed),
        pool,
        dataset.rows,
        scale.to_target(values),
        precision(dataset.errors[:, 0], scale),
        learner.fixed(pool),
        learner.by,
        learner.near,
    )
    told = None if learner.progress is None else partial(learner.progress, index)
    judged_by_none = Split(split.training, split.validation[:0])
    train(objective, learner.plan, judged_by_none, values, seed, Checkpointer(file, learner.plan.seconds), told)
    return objective.table()


def line_of(table: np.ndarray, sums: np.ndarray, split: Split, dataset: Dataset, scale: Scale) -> np.ndarray:
    """[2] from a member's sums to targets, by the candidates it has seen."""
    moved = table[table != 0]
    spread = max(float(moved.std()) if len(moved) else 0.0, 1e-6)
    seen, weights = split.training, precision(dataset.errors[:, 0], scale)
    targets = scale.to_target(dataset.values[:, 0])
    return careful_line(sums[seen], targets[seen], weights[seen], spread)


def in_values(line: np.ndarray, scale: Scale) -> np.ndarray:
    """[2] a line to targets becomes a line to values."""
    return np.array([scale.to_value(line[:1])[0], scale.factor * line[1]])
