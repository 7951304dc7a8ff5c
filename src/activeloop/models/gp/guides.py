"""A Gaussian process for guide efficiency: the default for CRISPR guides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.candidates import Pool
from activeloop.encoders.guide import Kmers, feature_groups
from activeloop.measurements import Dataset
from activeloop.models.base import in_pieces
from activeloop.models.gp.exact import CovarianceFunction
from activeloop.models.gp.kernel_gp import KernelGP
from activeloop.models.gp.sister_guides import MANY, SisterGuideGP
from activeloop.prediction import Predictor

#: shares of nucleotides, pairs, k-mers anywhere and binding in a guide's squared length
SHARES = np.array([1.0, 0.7, 0.3, 0.5]) / 2.5
#: candidates of the pool from which means and standard deviations of the features are taken
SCALE_SAMPLE = 2048


@dataclass(frozen=True)
class GuideGP(KernelGP):
    """Exact Gaussian process on nucleotides, pairs, k-mers and binding energies of guides.

    Columns are centred over the pool, each kind of column (see `SHARES`) has its share of a guide's squared length, and
    lengths are made 1. The kernel is half linear, ``z @ y``, and half smooth, ``exp(-|z - y|^2 / 2)``. Amplitude, noise
    and the constant mean maximise the marginal likelihood; standard errors of the values add to the noise. From 2,000
    labels on it is that of `SisterGuideGP`, with networks: an exact process costs the cube of the labels.

    The default of guides, chosen on a few public efficiency screens, where processes of this form had a higher
    five-fold Spearman than trees on the same features; no suite repeats that comparison yet.
    """

    @property
    def name(self) -> str:
        """`gp-kmers`."""
        return "gp-kmers"

    def with_history(self, history: Dataset) -> SisterGuideGP:
        """The learner that learns from sister screens."""
        return SisterGuideGP(history)

    def _fit_one(self, dataset: Dataset, seed: int) -> Predictor:
        return SisterGuideGP().fit(dataset, seed) if len(dataset) >= MANY else super()._fit_one(dataset, seed)

    def _restore_one(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        # of more labels than an exact process can have
        many = len(dataset) >= MANY
        return SisterGuideGP().restore(dataset, seed, state) if many else super()._restore_one(dataset, seed, state)

    def kernel(self, pool: Pool, rows: np.ndarray) -> CovarianceFunction:
        """Half linear, half smooth, on standardised features."""
        space = GuideSpace.of(pool)
        return GuideKernel(space, space(pool, rows))

    def basis(self) -> str:
        """The features."""
        return "nucleotides, words and binding energies"


@dataclass(frozen=True)
class GuideKernel(CovarianceFunction):
    """Half linear, half smooth, between guides as points of length 1.

    Args:
        space: coordinates of guides.
        references: [D, N] points of the reference guides.
    """

    space: GuideSpace
    references: np.ndarray

    def to(self, pool: Pool, rows: np.ndarray) -> GuideKernel:
        """The same space, other references."""
        return GuideKernel(self.space, self.space(pool, rows))

    def __call__(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[n, N] from -0.43 (opposite) to 1."""
        cosine = np.clip(self.space(pool, rows).T @ self.references, -1, 1)
        return 0.5 * cosine + 0.5 * np.exp(cosine - 1)


@dataclass(frozen=True)
class GuideSpace:
    """Guides as points of length 1.

    Args:
        centre: [D] mean of each feature over the pool.
        factors: [D] by which a centred feature is multiplied (0 where it does not vary).
    """

    centre: np.ndarray
    factors: np.ndarray

    @classmethod
    def of(cls, pool: Pool) -> GuideSpace:
        """From up to 2,048 guides of a pool, measured or not, always the same ones."""
        rows = np.random.default_rng(0).choice(len(pool), min(len(pool), SCALE_SAMPLE), replace=False)
        x = Kmers().features(pool, rows).astype(np.float64)
        assert pool.sites is not None
        kind, sd = feature_groups(len(pool.sites.labels)), x.std(0)
        varies = sd > 1e-9
        # nucleotides and pairs are not standardised: a rare pair must not count as much as a common one
        alone = np.where(varies & (kind >= 2), 1 / np.where(varies, sd, 1), varies.astype(float))
        lengths = np.bincount(kind, (alone * sd) ** 2, minlength=len(SHARES))
        factors = alone * np.sqrt(SHARES / np.maximum(lengths, 1e-12))[kind]
        return cls(x.mean(0), factors)

    def __call__(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """Float64 [D, n]: single precision would make draws of a pool in pieces differ from those of the whole."""
        return in_pieces(Kmers(), pool, rows, self._points)

    def _points(self, features: np.ndarray) -> np.ndarray:
        z = ((features - self.centre) * self.factors).T
        return z / np.maximum(np.sqrt((z * z).sum(0)), 1e-12)
