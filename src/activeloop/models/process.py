"""A fitted Gaussian process over any likeness of candidates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from activeloop.candidates import Pool
from activeloop.measurements import Dataset
from activeloop.models.evidence import HeldOutSpread
from activeloop.models.exact import Posterior, fit_posterior, tied_draws
from activeloop.models.targets import Scale, standard
from activeloop.predictive import Predictive, Predictor

#: candidates through which joint draws are tied together
ANCHORS = 384
#: candidates that are predicted at once
PIECE = 8192


class Likeness(ABC):
    """How alike candidates are to N reference candidates; a covariance, 1 for the same candidate."""

    @abstractmethod
    def __call__(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[n, N] float64, at most 1."""

    @abstractmethod
    def to(self, pool: Pool, rows: np.ndarray) -> Likeness:
        """The same likeness to other references: rows of a pool."""


@dataclass(frozen=True)
class ProcessPredictor(Predictor, HeldOutSpread):
    """The fitted process.

    Args:
        likeness: to the measured candidates.
        posterior: of standardised values.
        scale: of the assay.
        basis: what makes candidates alike, for `explain`.
    """

    likeness: Likeness
    posterior: Posterior
    scale: Scale
    basis: str

    @classmethod
    def of(cls, likeness: Likeness, dataset: Dataset, basis: str) -> ProcessPredictor:
        """Fit the hyperparameters to one assay; `likeness` is to the measured candidates."""
        scale = standard(dataset.values[:, 0])
        targets = scale.to_target(dataset.values[:, 0])
        gram = likeness(dataset.pool, dataset.rows)
        return cls(likeness, fit_posterior(gram, targets, dataset.errors[:, 0] / scale.factor), scale, basis)

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Predictive:
        """Exact mean and spread; draws are tied together through 384 candidates of the pool that the seed chooses."""
        rows = np.asarray(rows, np.int64)
        anchors = Anchors.of(self, pool, seed) if draws else None
        starts = range(0, max(1, len(rows)), PIECE)
        pieces = [self._piece(pool, rows[i : i + PIECE], anchors, seed, draws) for i in starts]
        joint, mean, variance = (np.concatenate(parts, axis=-1) for parts in zip(*pieces, strict=True))
        factor = self.scale.factor
        return Predictive(
            self.scale.to_value(joint)[:, :, None],
            self.scale.to_value(mean)[:, None],
            factor * np.sqrt(variance)[:, None],
            np.array([factor * self.posterior.noise]),
        )

    def _piece(
        self, pool: Pool, rows: np.ndarray, anchors: Anchors | None, seed: int, draws: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Standardised draws [S, n], mean [n] and variance [n]."""
        similarities = self.likeness(pool, rows)
        whitened = self.posterior.whiten(similarities)
        moments = self.posterior.moments(similarities, whitened)
        if anchors is None:
            return np.zeros((0, len(rows)), np.float32), *moments
        to_anchors = self.posterior.amplitude * (anchors.likeness(pool, rows) - whitened.T @ anchors.whitened)
        return tied_draws(moments, to_anchors, anchors.covariance, rows, seed, draws), *moments

    def held_out(self) -> np.ndarray:
        """[N] predictions of the measured candidates, each without its own value."""
        return self.scale.to_value(self.posterior.held_out()[0])

    def held_out_spread(self) -> np.ndarray:
        """[N] their standard deviations, without noise."""
        return self.scale.factor * np.sqrt(self.posterior.held_out()[1])

    def explain(self) -> str:
        """Basis, amplitude and noise."""
        return (
            f"A Gaussian process on {self.basis} of {len(self.posterior.weights)} measured candidates; noise of one "
            f"value {self.scale.factor * self.posterior.noise:.3g}, spread of what is unknown "
            f"{self.scale.factor * np.sqrt(self.posterior.amplitude):.3g}."
        )

    def state(self) -> dict[str, np.ndarray]:
        """{}: fitted again from the same data in a fraction of a second."""
        return {}


@dataclass(frozen=True)
class Anchors:
    """The candidates that tie draws together.

    Args:
        likeness: to them.
        whitened: [N, Z] what the measured candidates explain of them.
        covariance: [Z, Z] posterior covariance.
    """

    likeness: Likeness
    whitened: np.ndarray
    covariance: np.ndarray

    @classmethod
    def of(cls, model: ProcessPredictor, pool: Pool, seed: int) -> Anchors:
        """Chosen from the whole pool by the seed, so that every piece of the pool has the same ones."""
        rows = np.random.default_rng(seed).choice(len(pool), min(ANCHORS, len(pool)), replace=False)
        likeness = model.likeness.to(pool, rows)
        whitened = model.posterior.whiten(model.likeness(pool, rows))
        return cls(likeness, whitened, model.posterior.amplitude * (likeness(pool, rows) - whitened.T @ whitened))
