"""A Gaussian process for compounds: two are as alike as the share of neighbourhoods they have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.backbones.base import Backbone
from activeloop.backbones.morgan import Morgan
from activeloop.candidates import Pool
from activeloop.measurements import Dataset
from activeloop.models.assays import fit_each, restore_each
from activeloop.models.exact import Posterior, fit_posterior, tied_draws
from activeloop.models.pieces import in_pieces
from activeloop.models.targets import Scale, standard
from activeloop.predictive import Learner, Predictive, Predictor

#: candidates through which joint draws are tied together
ANCHORS = 384


@dataclass(frozen=True)
class TanimotoGP(Learner):
    """Exact Gaussian process with the mean of Tanimoto kernels on count fingerprints.

    For counts a and b the kernel is sum(min(a, b)) / sum(max(a, b)), from 0 (nothing in common) to 1. Amplitude, noise
    and the constant mean maximise the marginal likelihood; standard errors of the values add to the noise.

    Args:
        backbones: encoders of counts; their kernels are averaged.

    Source: Ralaivola et al. 2005, Neural Networks 18:1093 (kernel); Griffiths et al. 2023, arXiv:2212.04450 (as a
    surrogate for compounds).
    """

    backbones: tuple[Backbone, ...] = (Morgan(radius=2), Morgan(radius=2, pharmacophores=True))

    @property
    def name(self) -> str:
        """`tanimoto-` and the encoders' names."""
        return "tanimoto-" + "-".join(b.name for b in self.backbones)

    def prior(self, pool: Pool) -> Predictor | None:
        """Nothing."""
        return None

    def fit(self, dataset: Dataset, seed: int) -> Predictor:
        """Fit the hyperparameters; several assays have a process each."""
        return fit_each(dataset, seed, self._fit_one)

    def restore(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        """Fit again: it takes a fraction of a second."""
        return restore_each(dataset, seed, state, lambda column, seed, _: self._fit_one(column, seed))

    def _fit_one(self, dataset: Dataset, seed: int) -> Predictor:
        scale = standard(dataset.values[:, 0])
        kernel = TanimotoKernel.to(self.backbones, dataset.pool, dataset.rows)
        gram = kernel(dataset.pool, dataset.rows)
        posterior = fit_posterior(gram, scale.to_target(dataset.values[:, 0]), dataset.errors[:, 0] / scale.factor)
        return TanimotoPredictor(kernel, posterior, scale)


@dataclass(frozen=True)
class TanimotoPredictor(Predictor):
    """The fitted process.

    Args:
        kernel: similarity to the measured compounds.
        posterior: of standardised values.
        scale: of the assay.
    """

    kernel: TanimotoKernel
    posterior: Posterior
    scale: Scale

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Predictive:
        """Exact mean and spread; draws are tied together through 384 compounds of the pool that the seed chooses."""
        rows = np.asarray(rows, np.int64)
        similarities = self.kernel(pool, rows)
        whitened = self.posterior.whiten(similarities)
        mean, variance = self.posterior.moments(similarities, whitened)
        joint = np.zeros((0, len(rows)), np.float32)
        if draws:
            joint = self._draws(pool, rows, whitened, (mean, variance), seed, draws)
        factor = self.scale.factor
        return Predictive(
            self.scale.to_value(joint)[:, :, None],
            self.scale.to_value(mean)[:, None],
            factor * np.sqrt(variance)[:, None],
            np.array([factor * self.posterior.noise]),
        )

    def _draws(
        self,
        pool: Pool,
        rows: np.ndarray,
        whitened: np.ndarray,
        moments: tuple[np.ndarray, np.ndarray],
        seed: int,
        draws: int,
    ) -> np.ndarray:
        """Float32 [S, n] of standardised values."""
        chosen = np.random.default_rng(seed).choice(len(pool), min(ANCHORS, len(pool)), replace=False)
        anchors = TanimotoKernel.to(self.kernel.backbones, pool, chosen)
        known = self.posterior.whiten(self.kernel(pool, chosen))
        to_anchors = self.posterior.amplitude * (anchors(pool, rows) - whitened.T @ known)
        among = self.posterior.amplitude * (anchors(pool, chosen) - known.T @ known)
        return tied_draws(moments, to_anchors, among, rows, seed, draws)

    def explain(self) -> str:
        """Similarities, amplitude and noise."""
        names = " and ".join(b.name for b in self.kernel.backbones)
        return (
            f"A Gaussian process on the likeness of {names} fingerprints to {len(self.posterior.weights)} measured "
            f"compounds; noise of one value {self.scale.factor * self.posterior.noise:.3g}, spread of the unknown "
            f"{self.scale.factor * np.sqrt(self.posterior.amplitude):.3g}."
        )

    def state(self) -> dict[str, np.ndarray]:
        """{}: fitted again from the same data in a fraction of a second."""
        return {}


@dataclass(frozen=True)
class TanimotoKernel:
    """Similarity to N reference compounds, averaged over encoders.

    Args:
        backbones: encoders of counts.
        references: thresholded counts of the reference compounds, one for each encoder.
    """

    backbones: tuple[Backbone, ...]
    references: tuple[Thresholds, ...]

    @classmethod
    def to(cls, backbones: tuple[Backbone, ...], pool: Pool, rows: np.ndarray) -> TanimotoKernel:
        """The kernel to some rows of a pool."""
        return cls(backbones, tuple(Thresholds.of(b.features(pool, rows)) for b in backbones))

    def __call__(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[n, N] from 0 to 1 (float64)."""
        pairs = zip(self.backbones, self.references, strict=True)
        kernels = [in_pieces(backbone, pool, rows, reference) for backbone, reference in pairs]
        return np.stack(kernels).mean(0, dtype=np.float64).T


@dataclass(frozen=True)
class Thresholds:
    """Counts of N references written as "at least 1", "at least 2" ...: their product is then the sum of minima.

    Args:
        columns: [P] fingerprint column of each threshold.
        levels: [P] the count from which it is 1.
        table: [P, N] float32, 1 where a reference reaches it.
        totals: [N] float32 sum of all counts of each reference.
    """

    columns: np.ndarray
    levels: np.ndarray
    table: np.ndarray
    totals: np.ndarray

    @classmethod
    def of(cls, counts: np.ndarray) -> Thresholds:
        """From counts [N, D]."""
        highest = counts.max(0).astype(np.int64)
        columns = np.repeat(np.arange(len(highest)), highest)
        starts = np.cumsum(highest) - highest
        levels = (np.arange(len(columns)) - starts[columns] + 1).astype(np.float32)
        table = np.ascontiguousarray((counts[:, columns] >= levels).T, np.float32)
        return cls(columns, levels, table, counts.sum(1))

    def __call__(self, counts: np.ndarray) -> np.ndarray:
        """Tanimoto similarity [N, n] to counts [n, D]; two empty fingerprints are alike.

        >>> a, b = np.array([[2.0, 1.0, 0.0]]), np.array([[1.0, 1.0, 2.0]])
        >>> Thresholds.of(a)(b).tolist()
        [[0.4000000059604645]]
        """
        from scipy.sparse import csr_array

        reached = csr_array(counts[:, self.columns] >= self.levels, dtype=np.float32)
        common = np.asarray(reached @ self.table)
        union = counts.sum(1)[:, None] + self.totals - common
        return np.where(union > 0, common / np.maximum(union, 1), 1).astype(np.float32).T
