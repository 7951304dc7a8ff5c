"""Gaussian processes that differ by their kernel alone: of values, or of two values behind a logistic link."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from activeloop.candidates import Pool
from activeloop.measurements import Dataset
from activeloop.measurements.dataset import levels_of
from activeloop.models.base import PerAssayLearner
from activeloop.models.gp.core import root
from activeloop.models.gp.exact import CovarianceFunction, GPPredictor, fit_posterior
from activeloop.models.gp.two_valued import TwoValuedPredictor
from activeloop.models.transforms import standard
from activeloop.prediction import Predictor


@dataclass(frozen=True, kw_only=True)
class KernelGP(PerAssayLearner):
    """An exact Gaussian process with its kernel, of which amplitude, noise and constant mean are fitted.

    An assay of two values (see `levels_of`) is classified instead: the process is one of log-odds, by Laplace's
    approximation, and predictions are probabilities.

    Args:
        link: whether assays of two values are classified; else they are fitted as all others are.
    """

    link: bool = True

    @property
    def links(self) -> bool:
        """Yes; and a version without a link stays as it was."""
        return True

    @abstractmethod
    def kernel(self, pool: Pool, rows: np.ndarray) -> CovarianceFunction:
        """Its kernel with some rows of a pool."""

    def kernel_of(self, dataset: Dataset) -> CovarianceFunction:
        """Its kernel with the measured candidates of one assay, which a subclass may fit to their values."""
        return self.kernel(dataset.pool, dataset.rows)

    @abstractmethod
    def basis(self) -> str:
        """What the kernel compares, for `explain`."""

    def coordinates(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[n, n] whose inner products are the kernel."""
        return root(self.kernel(pool, rows)(pool, rows))

    def fit(self, dataset: Dataset, seed: int) -> Predictor:
        """Fit one assay, or each of several; see `PerAssayLearner.fit`."""
        return super().restore(dataset, seed, {})

    def restore(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        """The predictor that `fit` gave. Only classified assays have a state: without one, two values stay values."""
        learner: Self = self if state else replace(self, link=False)
        return super(KernelGP, learner).restore(dataset, seed, state)

    def _fit_one(self, dataset: Dataset, seed: int) -> Predictor:
        return self._fitted(dataset, {})

    def _restore_one(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        return self._fitted(dataset, state)

    def _fitted(self, dataset: Dataset, state: dict[str, np.ndarray]) -> Predictor:
        kernel, values, errors = self.kernel_of(dataset), dataset.values[:, 0], dataset.errors[:, 0]
        gram, levels = kernel(dataset.pool, dataset.rows), levels_of(dataset) if self.link else None
        if levels is not None:
            sign = dataset.assays[0].sign if dataset.is_oriented else 1
            return TwoValuedPredictor.fit(kernel, gram, values, levels, self.basis(), sign, state or None)
        scale = standard(values)
        posterior = fit_posterior(gram, scale.to_target(values), errors / scale.factor)
        return GPPredictor(kernel, posterior, scale, self.basis())
