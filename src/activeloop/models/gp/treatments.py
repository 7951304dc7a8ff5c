"""A Gaussian process for treatments of which no history is known: lines and compounds, alone and together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.candidates import Pool, TreatmentPool
from activeloop.errors import PoolError
from activeloop.measurements import Dataset
from activeloop.models.gp.exact import CovarianceFunction
from activeloop.models.gp.kernel_gp import KernelGP
from activeloop.models.gp.side_information import feature_kernel, tanimoto
from activeloop.models.gp.sisters import SisterGP

#: shares of an effect of the cells, of the compound at its dose, and of both together
SHARES = (0.3, 0.4, 0.3)
#: powers of ten by which two doses of a compound differ when their correlation has fallen to 0.61
DECADES = 1.0


@dataclass(frozen=True)
class TreatmentGP(KernelGP):
    """Exact Gaussian process: an effect of the cells, one of the compound, and one of both together.

    Cells are compared by their features where a panel has some, compounds by Tanimoto similarity where structures are
    known, else each is like itself alone; doses by their logarithm. Of a pair of compounds the order means nothing.
    With a history of other compounds or cells, `SisterGP` takes its place.

    The default of treatments without a history; no suite compares it yet.
    """

    @property
    def name(self) -> str:
        """`gp-treatments`."""
        return "gp-treatments"

    def with_history(self, history: Dataset) -> SisterGP:
        """The learner that learns from sisters."""
        return SisterGP(history)

    def kernel(self, pool: Pool, rows: np.ndarray) -> CovarianceFunction:
        """The sum of the three effects."""
        if not isinstance(pool, TreatmentPool):
            raise PoolError(f"{self.name}: these are {pool.kind}, no treatments. Nothing was fitted.")
        return TreatmentKernel(pool, np.asarray(rows, np.int64))

    def basis(self) -> str:
        """The parts."""
        return "cells, compounds and both together"


@dataclass(frozen=True, eq=False)
class TreatmentKernel(CovarianceFunction):
    """The kernel with reference treatments.

    Args:
        pool: of the references.
        rows: [N] of them.
    """

    pool: TreatmentPool
    rows: np.ndarray

    def to(self, pool: Pool, rows: np.ndarray) -> TreatmentKernel:
        """The same kernel with other references."""
        assert isinstance(pool, TreatmentPool)
        return TreatmentKernel(pool, np.asarray(rows, np.int64))

    def __call__(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[n, N]."""
        assert isinstance(pool, TreatmentPool)
        here, there = pool.part_rows(rows), self.pool.part_rows(self.rows)
        cells = self._between(pool, here[:, 0], there[:, 0], "cells")
        drugs = self._compounds(pool, here[:, 1 : 1 + pool.combined], there[:, 1 : 1 + self.pool.combined])
        if pool.dosed and self.pool.dosed:
            one, other = (_decades(p)[codes[:, -1]] for p, codes in ((pool, here), (self.pool, there)))
            drugs = drugs * np.exp(-0.5 * ((one[:, None] - other) / DECADES) ** 2)
        return SHARES[0] * cells + SHARES[1] * drugs + SHARES[2] * cells * drugs

    def _between(self, pool: TreatmentPool, one: np.ndarray, other: np.ndarray, part: str) -> np.ndarray:
        """[n, N] between codes of a part, of which -1 is none."""
        (a, at), (b, to) = (np.unique(codes, return_inverse=True) for codes in (one, other))
        names = [[p.part_names(part)[code] if code >= 0 else "" for code in c] for p, c in ((pool, a), (self.pool, b))]
        panel, same = pool.panels[part], np.array(names[0], object)[:, None] == np.array(names[1], object)
        alike = tanimoto(panel, *names) if part == "compound" else 0.8 * feature_kernel(panel, *names)
        return np.where(same, 1.0, np.minimum(alike, 1.0))[np.ix_(at, to)]

    def _compounds(self, pool: TreatmentPool, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """[n, N] between sets of compounds: the mean over all pairs, 1 for equal sets."""

        def total(p: TreatmentPool, a: np.ndarray, b: np.ndarray) -> np.ndarray:
            found = np.zeros((len(a), len(b)))
            for i in range(a.shape[1]):
                for j in range(b.shape[1]):
                    both = (a[:, i] >= 0)[:, None] & (b[:, j] >= 0)
                    found += np.where(both, self._between(p, a[:, i], b[:, j], "compound"), 0.0)
            return found

        if one.shape[1] == other.shape[1] == 1:
            return self._between(pool, one[:, 0], other[:, 0], "compound")
        own = [_own(p, codes) for p, codes in ((pool, one), (self.pool, other))]
        return total(pool, one, other) / np.sqrt(own[0][:, None] * own[1])


def _own(pool: TreatmentPool, codes: np.ndarray) -> np.ndarray:
    """[n] the summed similarities of each set of compounds with itself."""
    names = pool.part_names("compound")
    alike = tanimoto(pool.panels["compound"], names, names)
    np.fill_diagonal(alike, 1.0)
    single = (codes >= 0).sum(1).astype(np.float64)
    if codes.shape[1] == 2:
        single += np.where((codes >= 0).all(1), 2 * alike[codes[:, 0], codes[:, 1]], 0.0)
    return single


def _decades(pool: TreatmentPool) -> np.ndarray:
    """[doses] their logarithms."""
    return np.log10([float(name.split()[0]) for name in pool.part_names("dose")])
