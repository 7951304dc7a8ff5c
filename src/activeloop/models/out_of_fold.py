"""Out-of-fold predictions: of measured candidates, by models that were not trained on them."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from activeloop.candidates import Pool
from activeloop.measurements import Dataset
from activeloop.prediction import Learner, Predictor, report_fit

#: unmeasured candidates whose standard deviation stands for that of out-of-fold predictions
UNMEASURED = 256


class OutOfFold(ABC):
    """A predictor with out-of-fold predictions of its own: no further fit is needed for them."""

    @abstractmethod
    def held_out(self) -> np.ndarray:
        """[N] predictions of the measured candidates by models not trained on them; NaN where there is none."""


class OutOfFoldSd(OutOfFold):
    """It also has their standard deviations."""

    @abstractmethod
    def held_out_sd(self) -> np.ndarray:
        """[N] standard deviation of the held-out predictions, without noise; NaN where there is none."""


def out_of_fold_prediction(
    learner: Learner, dataset: Dataset, fitted: Predictor, folds: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation [N], without noise, of each measured candidate by a model not trained on it.

    A predictor with held-out predictions but no standard deviation of them (an ensemble in which one member left each
    candidate out) gets the one that it has at candidates that were not measured.

    Args:
        learner: the learner.
        dataset: one assay, every value measured.
        fitted: the learner fitted to all of `dataset`.
        folds: of the cross-validation when `fitted` has no held-out predictions.
        seed: of folds and fits.
    """
    mean = fitted.held_out() if isinstance(fitted, OutOfFold) else np.full(len(dataset), np.nan)
    if not np.isfinite(mean).all():
        return cross_validated_prediction(learner, dataset, folds, seed)
    spread = fitted.held_out_sd() if isinstance(fitted, OutOfFoldSd) else np.full(len(dataset), np.nan)
    if not np.isfinite(spread).all():
        spread = np.full(len(dataset), sd_elsewhere(fitted, dataset.pool, dataset.rows, seed))
    return mean, spread


def cross_validated_prediction(
    learner: Learner, dataset: Dataset, folds: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation [N] of each candidate by a fit to the other folds; of the last class for classes."""
    n = len(dataset)
    fold = np.random.default_rng([seed, n]).permutation(n) % min(folds, n)
    mean, spread = np.full(n, dataset.values[:, 0].mean()), np.full(n, dataset.values[:, 0].std())
    for k in range(min(folds, n) if n > 1 else 0):
        left = fold == k
        prediction = learner.fit(dataset.take(~left), seed).predict(dataset.pool, dataset.rows[left], seed, draws=0)
        mean[left], spread[left] = prediction.mean[:, -1], prediction.sd[:, -1]
        report_fit("folds", k + 1, min(folds, n))
    return mean, spread


def sd_elsewhere(fitted: Predictor, pool: Pool, measured: np.ndarray, seed: int) -> float:
    """Root mean square standard deviation at up to 256 unmeasured candidates; at the measured when all were."""
    drawn = np.unique(np.random.default_rng(seed).integers(0, len(pool), UNMEASURED))
    rows = np.setdiff1d(drawn, measured)
    sd = fitted.predict(pool, rows if len(rows) else measured, seed, draws=0).sd
    return float(np.sqrt(np.mean(sd**2)))
