"""Several assays from learners of one: a model for each, and draw s of one goes with draw s of the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from activeloop.candidates import Pool
from activeloop.errors import ModelError
from activeloop.measurements import Dataset
from activeloop.prediction import NORMAL, FastMean, Prediction, Predictor, Validated, mean_of

FitOne = Callable[[Dataset, int], Predictor]
RestoreOne = Callable[[Dataset, int, dict[str, np.ndarray]], Predictor]


@dataclass(frozen=True)
class EachAssay(Predictor, FastMean, Validated):
    """One predictor for each assay, side by side.

    Args:
        predictors: one for each assay, in the order of the data set's columns.
        assays: their names.
    """

    predictors: tuple[Predictor, ...]
    assays: tuple[str, ...]

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """Draws [S, N, A]: the assays are modelled independently of each other."""
        parts = [p.predict(pool, rows, seed + 1_000_003 * i, draws) for i, p in enumerate(self.predictors)]
        return Prediction(
            np.concatenate([p.draws for p in parts], axis=2),
            np.concatenate([p.mean for p in parts], axis=1),
            np.concatenate([p.sd for p in parts], axis=1),
            np.concatenate([p.noise for p in parts]),
            shape=np.concatenate([NORMAL[None] if p.shape is None else p.shape for p in parts]),
        )

    def mean(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[N, A] means, side by side."""
        return np.concatenate([mean_of(p, pool, rows) for p in self.predictors], axis=1)

    def metrics(self) -> dict[str, float]:
        """Those of every part that was checked, each led by its assay."""
        pairs = zip(self.assays, self.predictors, strict=True)
        return {f"{a} {k}": v for a, p in pairs if isinstance(p, Validated) for k, v in p.metrics().items()}

    def explain(self) -> str:
        """What each of them says."""
        return " ".join(f"{name}: {p.explain()}" for name, p in zip(self.assays, self.predictors, strict=True))

    def state(self) -> dict[str, np.ndarray]:
        """All states, under `0/`, `1/` ...; {} when one of them must be fitted again."""
        states = [p.state() for p in self.predictors]
        if not all(states):
            return {}
        return {f"{i}/{key}": value for i, state in enumerate(states) for key, value in state.items()}


def fit_each(dataset: Dataset, seed: int, fit_one: FitOne) -> Predictor:
    """Fit one assay, or each of several.

    Args:
        dataset: [N, A] values; a candidate without a value counts in the other assays only.
        seed: of the fits.
        fit_one: fits a data set of one assay in which every value is finite.

    Raises:
        ModelError: when an assay has no value at all, or a value is infinite.
    """
    columns = [checked_column(dataset, i) for i in range(len(dataset.assays))]
    if len(columns) == 1:
        return fit_one(columns[0], seed)
    return EachAssay(tuple(fit_one(c, seed) for c in columns), tuple(a.name for a in dataset.assays))


def restore_each(dataset: Dataset, seed: int, state: dict[str, np.ndarray], restore_one: RestoreOne) -> Predictor:
    """The counterpart of `fit_each`: a predictor from the state it gave."""
    columns = [checked_column(dataset, i) for i in range(len(dataset.assays))]
    if len(columns) == 1:
        return restore_one(columns[0], seed, state)
    states: list[dict[str, np.ndarray]] = [{} for _ in columns]
    for key, value in state.items():
        index, name = key.split("/", 1)
        states[int(index)][name] = value
    predictors = tuple(restore_one(c, seed, s) for c, s in zip(columns, states, strict=True))
    return EachAssay(predictors, tuple(a.name for a in dataset.assays))


def checked_column(dataset: Dataset, assay: int) -> Dataset:
    """One assay alone, without the candidates in which it was not measured.

    A censored value (`<0.1`) says on which side the truth lies, not how far: it is learned as a value whose standard
    error is at least the spread of all values.

    Raises:
        ModelError: when nothing of it was measured, or a value is infinite.
    """
    column, name = dataset.column(assay), dataset.assays[assay].name
    if not len(column):
        raise ModelError(f'"{name}" was measured in no candidate. Record a result first; nothing was fitted.')
    if not np.isfinite(column.values).all():
        raise ModelError(f'"{name}" has an infinite value. Void it and record it anew; nothing was fitted.')
    bounds = np.where(column.censored != 0, column.values.std(), 0.0)
    return replace(column, errors=np.maximum(column.errors, bounds))
