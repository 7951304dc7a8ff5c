"""Training data: each measured candidate once, with a mean and a standard error for each assay."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from activeloop.candidates import Pool
from activeloop.measurements.assay import Assay


@dataclass(frozen=True)
class Dataset:
    """Measured candidates of a pool.

    Args:
        pool: the pool they belong to.
        rows: [N] their rows in the pool, each once (int64).
        values: [N, A] mean of each assay (float64, NaN = not measured). For `classify`, 0 or 1.
        errors: [N, A] standard error of that mean (0 = not known).
        assays: A of them, in the order of the columns.
        rounds: [N] the round in which each was first measured, from 0.
        censored: [N, A] -1 the value is an upper bound (`<`), +1 a lower bound (`>`), 0 measured (int8).
        is_oriented: whether values (and `censored`) of assays to be minimised have their sign turned, see `oriented`.
            Limits and bounds of the assays stay in their unit.
    """

    pool: Pool
    rows: np.ndarray
    values: np.ndarray
    errors: np.ndarray
    assays: tuple[Assay, ...]
    rounds: np.ndarray
    censored: np.ndarray
    is_oriented: bool = False

    @classmethod
    def of(cls, pool: Pool, rows: np.ndarray, values: np.ndarray, assay: Assay | None = None) -> Dataset:
        """A data set of one assay without replicates, all from one round.

        Args:
            pool: the pool.
            rows: [N] measured rows.
            values: [N] their values.
            assay: what was measured; `value` to be maximised when None.
        """
        rows, values = np.asarray(rows, np.int64), np.asarray(values, np.float64)[:, None]
        zeros = np.zeros(values.shape)
        assays = (assay or Assay("value"),)
        return cls(pool, rows, values, zeros, assays, np.zeros(len(rows), np.int64), zeros.astype(np.int8))

    def __len__(self) -> int:
        return len(self.rows)

    def oriented(self) -> Dataset:
        """The same data with larger values better everywhere (the sign of values of `minimise` assays is turned)."""
        if self.is_oriented:
            return self
        signs = np.array([a.sign for a in self.assays])
        values, censored = self.values * signs, (self.censored * signs).astype(np.int8)
        return replace(self, values=values, censored=censored, is_oriented=True)

    def take(self, index: np.ndarray) -> Dataset:
        """The data set of some of its candidates, by index or mask into its own rows."""
        return replace(
            self,
            rows=self.rows[index],
            values=self.values[index],
            errors=self.errors[index],
            rounds=self.rounds[index],
            censored=self.censored[index],
        )

    def column(self, assay: int = 0) -> Dataset:
        """One assay alone, without the candidates in which it was not measured."""
        measured = ~np.isnan(self.values[:, assay])
        one = replace(
            self,
            values=self.values[:, [assay]],
            errors=self.errors[:, [assay]],
            assays=(self.assays[assay],),
            censored=self.censored[:, [assay]],
        )
        return one.take(measured)

    @property
    def hash(self) -> str:
        """Depends on candidates, values, errors and censoring, not on their order or the scale of an assay."""
        return f"2:{self._digest(self.values, self.errors, self.censored)}"

    def has_hash(self, stored: str) -> bool:
        """Whether a stored hash is that of this data set.

        >>> data = Dataset.of(Pool.single_mutants("MKTA"), [0, 1], [1.0, 2.0])
        >>> below = replace(data, censored=np.array([[0], [-1]], np.int8))
        >>> data.has_hash(data.hash), data.has_hash(below.hash)
        (True, False)
        """
        if stored.startswith("2:"):
            return stored == self.hash
        return stored == self._digest(self.values, self.errors)  # before the first release, limits were not counted

    def _digest(self, *arrays: np.ndarray) -> str:
        order = np.argsort(self.rows, kind="stable")
        digest = hashlib.blake2b(digest_size=16)
        for name in self.pool.names(self.rows[order]):
            digest.update(name.encode() + b"\n")
        for array in arrays:
            digest.update(np.ascontiguousarray(array[order], np.float64).tobytes())
        return digest.hexdigest()
