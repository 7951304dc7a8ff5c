"""How well a learner predicts what it has not seen: held-out candidates, and the plate that came next."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np

from activeloop.candidates import Pool
from activeloop.measurements import Dataset
from activeloop.metrics import spearman
from activeloop.prediction import Learner, Predictor, mean_of

#: with more earlier candidates than this another fit costs more than it tells: held-out predictions are plenty by then
LOOKING_BACK = 200
#: unmeasured candidates from which the usual spread of a prediction is taken
UNMEASURED = 256


class OutOfFold(ABC):
    """A predictor that knows, without another fit, what it would have said of each candidate had it not seen it."""

    @abstractmethod
    def held_out(self) -> np.ndarray:
        """[N] predictions of the measured candidates by models that did not see them; NaN where it cannot tell."""


class OutOfFoldSd(OutOfFold):
    """It also knows how sure it would have been."""

    @abstractmethod
    def held_out_spread(self) -> np.ndarray:
        """[N] standard deviation of the held-out predictions, without noise; NaN where it cannot tell."""


@dataclass(frozen=True)
class Evidence:
    """Predictions of measured candidates by models that had not seen them.

    Args:
        learner: name of the learner.
        held_out: [N] predictions, one for each measured candidate.
        earlier: [N] what the version before predicted for the last plate; NaN for candidates of earlier plates, and
            everywhere when there was only one plate.
        spread: [N] standard deviation of the held-out predictions, without noise.
    """

    learner: str
    held_out: np.ndarray
    earlier: np.ndarray
    spread: np.ndarray = field(default_factory=lambda: np.zeros(1))

    def agreement(self, values: np.ndarray) -> float:
        """Spearman correlation of the held-out predictions with the measured values [N]."""
        return spearman(self.held_out, values, fewest=3)

    def foresight(self, values: np.ndarray) -> float:
        """Spearman correlation of the version before with the plate that came after it; NaN without one."""
        seen = np.isfinite(self.earlier)
        return spearman(self.earlier[seen], values[seen], fewest=3)


def gather(learner: Learner, dataset: Dataset, fitted: Predictor, folds: int, seed: int) -> Evidence:
    """The evidence for one learner.

    Args:
        learner: the learner.
        dataset: one assay, every value measured.
        fitted: the learner fitted to all of `dataset`; asked for its own held-out predictions when it is `OutOfFold`.
        folds: of the cross-validation otherwise.
        seed: of folds and fits.
    """
    held_out, spread = out_of_fold_prediction(learner, dataset, fitted, folds, seed)
    return Evidence(learner.name, held_out, last_plate(learner, dataset, seed), spread)


def out_of_fold_prediction(
    learner: Learner, dataset: Dataset, fitted: Predictor, folds: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """What would have been said of each measured candidate had it not been seen: mean and spread [N], without noise.

    A predictor that knows its held-out predictions but not how sure it would have been of them (an ensemble in which
    one member left each candidate out) gets the spread that it has at candidates that were not measured.

    Args:
        learner: the learner.
        dataset: one assay, every value measured.
        fitted: the learner fitted to all of `dataset`.
        folds: of the cross-validation that is done when `fitted` does not know what it would have said.
        seed: of folds and fits.
    """
    mean = fitted.held_out() if isinstance(fitted, OutOfFold) else np.full(len(dataset), np.nan)
    if not np.isfinite(mean).all():
        return cross_validated_prediction(learner, dataset, folds, seed)
    spread = fitted.held_out_spread() if isinstance(fitted, OutOfFoldSd) else np.full(len(dataset), np.nan)
    if not np.isfinite(spread).all():
        spread = np.full(len(dataset), spread_elsewhere(fitted, dataset.pool, dataset.rows, seed))
    return mean, spread


def cross_validated_prediction(
    learner: Learner, dataset: Dataset, folds: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Prediction and spread [N] of each candidate by a fit to the other folds; of classes those of the last one."""
    n = len(dataset)
    fold = np.random.default_rng([seed, n]).permutation(n) % min(folds, n)
    mean, spread = np.full(n, dataset.values[:, 0].mean()), np.full(n, dataset.values[:, 0].std())
    for k in range(min(folds, n) if n > 1 else 0):
        left = fold == k
        prediction = learner.fit(dataset.take(~left), seed).predict(dataset.pool, dataset.rows[left], seed, draws=0)
        mean[left], spread[left] = prediction.mean[:, -1], prediction.sd[:, -1]
    return mean, spread


def spread_elsewhere(fitted: Predictor, pool: Pool, measured: np.ndarray, seed: int) -> float:
    """Root mean square of the spread at up to 256 candidates that were not measured; of the measured when all were."""
    drawn = np.unique(np.random.default_rng(seed).integers(0, len(pool), UNMEASURED))
    rows = np.setdiff1d(drawn, measured)
    sd = fitted.predict(pool, rows if len(rows) else measured, seed, draws=0).sd
    return float(np.sqrt(np.mean(sd**2)))


def last_plate(learner: Learner, dataset: Dataset, seed: int) -> np.ndarray:
    """[N] what a fit to all earlier plates says of the last one; NaN elsewhere, and when those are very many."""
    predictions = np.full(len(dataset), np.nan)
    last = dataset.rounds == dataset.rounds.max()
    if 0 < (~last).sum() <= LOOKING_BACK:
        predictor = learner.fit(dataset.take(~last), seed)
        predictions[last] = mean_of(predictor, dataset.pool, dataset.rows[last])[:, 0]
    return predictions
