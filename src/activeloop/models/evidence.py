"""How well a learner predicts what it has not seen: held-out candidates, and the plate that came next."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from activeloop.measurements import Dataset
from activeloop.predictive import Learner, Predictor, mean_of

#: with more earlier candidates than this another fit costs more than it tells: held-out predictions are plenty by then
LOOKING_BACK = 200


class HeldOut(ABC):
    """A predictor that knows, without another fit, what it would have said of each candidate had it not seen it."""

    @abstractmethod
    def held_out(self) -> np.ndarray:
        """[N] predictions of the measured candidates by models that did not see them; NaN where it cannot tell."""


@dataclass(frozen=True)
class Evidence:
    """Predictions of measured candidates by models that had not seen them.

    Args:
        learner: name of the learner.
        held_out: [N] predictions, one for each measured candidate.
        earlier: [N] what the version before predicted for the last plate; NaN for candidates of earlier plates, and
            everywhere when there was only one plate.
    """

    learner: str
    held_out: np.ndarray
    earlier: np.ndarray

    def agreement(self, values: np.ndarray) -> float:
        """Spearman correlation of the held-out predictions with the measured values [N]."""
        return spearman(self.held_out, values)

    def foresight(self, values: np.ndarray) -> float:
        """Spearman correlation of the version before with the plate that came after it; NaN without one."""
        seen = np.isfinite(self.earlier)
        return spearman(self.earlier[seen], values[seen])


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Rank correlation; NaN for fewer than three pairs or a constant side.

    >>> spearman(np.array([1.0, 2.0, 3.0]), np.array([1.0, 4.0, 9.0]))
    1.0
    """
    from scipy.stats import rankdata

    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1].round(12))


def gather(learner: Learner, dataset: Dataset, fitted: Predictor, folds: int, seed: int) -> Evidence:
    """The evidence for one learner.

    Args:
        learner: the learner.
        dataset: one assay, every value measured.
        fitted: the learner fitted to all of `dataset`; asked for its own held-out predictions when it is `HeldOut`.
        folds: of the cross-validation otherwise.
        seed: of folds and fits.
    """
    held_out = fitted.held_out() if isinstance(fitted, HeldOut) else np.full(len(dataset), np.nan)
    if not np.isfinite(held_out).all():
        held_out = cross_validated(learner, dataset, folds, seed)
    return Evidence(learner.name, held_out, last_plate(learner, dataset, seed))


def cross_validated(learner: Learner, dataset: Dataset, folds: int, seed: int) -> np.ndarray:
    """[N] predictions of each candidate by a fit to the other folds."""
    n = len(dataset)
    fold = np.random.default_rng([seed, n]).permutation(n) % min(folds, n)
    predictions = np.full(n, dataset.values[:, 0].mean())
    for k in range(min(folds, n) if n > 1 else 0):
        left = fold == k
        predictor = learner.fit(dataset.take(~left), seed)
        predictions[left] = mean_of(predictor, dataset.pool, dataset.rows[left])[:, 0]
    return predictions


def last_plate(learner: Learner, dataset: Dataset, seed: int) -> np.ndarray:
    """[N] what a fit to all earlier plates says of the last one; NaN elsewhere, and when those are very many."""
    predictions = np.full(len(dataset), np.nan)
    last = dataset.rounds == dataset.rounds.max()
    if 0 < (~last).sum() <= LOOKING_BACK:
        predictor = learner.fit(dataset.take(~last), seed)
        predictions[last] = mean_of(predictor, dataset.pool, dataset.rows[last])[:, 0]
    return predictions
