"""A Gaussian process for treatments of which no history is known: cells, compounds and doses, alone and together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from itertools import product

import numpy as np

from activeloop.candidates import Pool, TreatmentPool
from activeloop.errors import PoolError
from activeloop.measurements import Dataset
from activeloop.models.gp.exact import CovarianceFunction, best_ratio
from activeloop.models.gp.kernel_gp import KernelGP
from activeloop.models.gp.side_information import feature_kernel, tanimoto
from activeloop.models.gp.sisters import SisterGP
from activeloop.models.transforms import standard

#: effects and their shares before any value: of the cells, of the compounds, of both together
SHARES = {"cells": 0.3, "compounds": 0.4, "cells x compounds": 0.3}
#: and where treatments have doses
DOSED = {
    **{"cells": 0.2, "compounds": 0.15, "dose": 0.2, "cells x compounds": 0.05},
    **{"cells x dose": 0.1, "compounds x dose": 0.15, "cells x compounds x dose": 0.15},
}
#: powers of ten by which two doses differ when their correlation has fallen to 0.61
DECADES = 1.0
#: factors by which a share is tried larger and smaller, from coarse to fine, and how often all of them at most
STEPS, ROUNDS = (4.0, 2.0), 4
#: what a log-likelihood must gain; what a share that is off by a factor of 2 costs; values that are looked at, at most
GAIN, PENALTY, LOOKED_AT = 0.05, 1 / 32, 250


@dataclass(frozen=True)
class TreatmentGP(KernelGP):
    """Exact Gaussian process: effects of the cells, of the compounds and of the dose, alone and together.

    Cells are compared by their features where a panel has some, compounds by Tanimoto similarity where structures are
    known, else each is like itself alone; doses by their logarithm. An effect of the dose is one that all compounds
    share, so that a new compound has it, too. The shares of the effects are those of the greatest marginal likelihood
    on a grid, drawn towards `DOSED` or `SHARES`. Of a pair of compounds the order means nothing. With a history of
    other compounds or cells, `SisterGP` takes its place.

    The default of treatments without a history, see `docs/results/treatments`.
    """

    @property
    def name(self) -> str:
        """`gp-treatments`."""
        return "gp-treatments"

    def with_history(self, history: Dataset) -> SisterGP:
        """The learner that learns from sisters."""
        return SisterGP(history)

    def kernel(self, pool: Pool, rows: np.ndarray) -> TreatmentKernel:
        """The sum of the effects, by their shares before any value."""
        if not isinstance(pool, TreatmentPool):
            raise PoolError(f"{self.name}: these are {pool.kind}, no treatments. Nothing was fitted.")
        return TreatmentKernel(pool, np.asarray(rows, np.int64), DOSED if pool.dosed else SHARES)

    def kernel_of(self, dataset: Dataset) -> TreatmentKernel:
        """With the shares that suit what was measured."""
        kernel, values = self.kernel(dataset.pool, dataset.rows), dataset.values[:, 0]
        scale = standard(values)
        known = np.square(dataset.errors[:, 0] / scale.factor)
        return replace(kernel, shares=_suiting(kernel, scale.to_target(values), known))

    def basis(self) -> str:
        """The parts."""
        return "cells, compounds and doses, alone and together"


@dataclass(frozen=True, eq=False)
class TreatmentKernel(CovarianceFunction):
    """The kernel with reference treatments.

    Args:
        pool: of the references.
        rows: [N] of them.
        shares: effect -> its share of the variance; they sum to 1.
    """

    pool: TreatmentPool
    rows: np.ndarray
    shares: Mapping[str, float]

    def to(self, pool: Pool, rows: np.ndarray) -> TreatmentKernel:
        """The same kernel with other references."""
        assert isinstance(pool, TreatmentPool)
        return replace(self, pool=pool, rows=np.asarray(rows, np.int64))

    def __call__(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[n, N]."""
        found = np.zeros((len(rows), len(self.rows)))
        for share, effect in zip(self.shares.values(), self.effects(pool, rows), strict=True):
            found += share * effect
        return found

    def effects(self, pool: Pool, rows: np.ndarray) -> Iterator[np.ndarray]:
        """The kernel [n, N] of each effect, one after the other; 1 of a treatment with itself."""
        assert isinstance(pool, TreatmentPool)
        here, there = pool.part_rows(rows), self.pool.part_rows(self.rows)
        parts = {
            "cells": self._between(pool, here[:, 0], there[:, 0], "cells"),
            "compounds": self._compounds(pool, here[:, 1 : 1 + pool.combined], there[:, 1 : 1 + self.pool.combined]),
            "dose": np.ones((1, 1)),
        }
        if pool.dosed and self.pool.dosed:
            one, other = (_decades(p)[codes[:, -1]] for p, codes in ((pool, here), (self.pool, there)))
            parts["dose"] = np.exp(-0.5 * ((one[:, None] - other) / DECADES) ** 2)
        for name in self.shares:
            yield reduce(np.multiply, (parts[part] for part in name.split(" x ")))

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


def _suiting(kernel: TreatmentKernel, targets: np.ndarray, known: np.ndarray) -> dict[str, float]:
    """The shares of the greatest marginal likelihood on a grid of powers of two, one share after the other.

    Args:
        kernel: with the measured treatments, and the shares to start from.
        targets: [N] standardised values.
        known: [N] their variances that are known beforehand.
    """
    some = np.unique(np.linspace(0, len(targets) - 1, LOOKED_AT).astype(np.int64))
    kernel, targets, noise = kernel.to(kernel.pool, kernel.rows[some]), targets[some], float(known[some].mean())
    effects = np.stack(list(kernel.effects(kernel.pool, kernel.rows)))
    start = np.array(list(kernel.shares.values()))

    def shares(moved: np.ndarray) -> np.ndarray:
        return start * 2.0**moved / (start * 2.0**moved).sum()

    def score(moved: np.ndarray) -> float:
        away = PENALTY * float(np.square(moved - moved.mean()).sum())
        return best_ratio(np.tensordot(shares(moved), effects, 1), targets, noise)[1] - away

    moved = np.zeros(len(start))  # in powers of two
    best = score(moved)
    for step in np.log2(STEPS):
        for _ in range(ROUNDS):
            before = best
            for i, sign in product(range(len(start)), (1, -1)):
                tried = moved.copy()
                tried[i] += sign * step
                if (found := score(tried)) > best + GAIN:
                    best, moved = found, tried
            if best == before:
                break
    return dict(zip(kernel.shares, shares(moved).tolist(), strict=True))


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
