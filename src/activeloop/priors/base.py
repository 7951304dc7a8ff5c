"""The role of a prior: the expected effect of each mutation before anything is measured."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from activeloop.candidates import Pool, Sites
from activeloop.encoders.base import Encoder
from activeloop.errors import PoolError


class MutationPrior(Encoder):
    """One column: the sum of a table over all mutations of a candidate; 0 for the parent."""

    @abstractmethod
    def table(self, pool: Pool) -> np.ndarray:
        """[L, K] expected effect of each residue at each site, higher is better; 0 for the parent's own.

        Raises:
            PoolError: when the pool has no sites or no parent to compare with.
        """

    def features(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """Float32 [n, 1].

        Raises:
            PoolError: when the pool has no sites or no parent to compare with.
        """
        table = self.table(pool)
        return table[np.arange(len(table)), pool.codes(rows)].sum(1, keepdims=True).astype(np.float32)


def parent_codes(sites: Sites, prior: str) -> np.ndarray:
    """[L] codes of the parent.

    Raises:
        PoolError: when there is none.
    """
    if sites.parent is None:
        raise PoolError(
            f"{prior}: the pool has no parent sequence to compare with. Give the wild type, or choose another "
            "encoder; nothing was scored."
        )
    return sites.parent
