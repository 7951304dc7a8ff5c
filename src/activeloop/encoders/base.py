"""The role of turning candidates into features."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from activeloop.candidates import Pool, Sites
from activeloop.errors import PoolError


class Encoder(ABC):
    """Turns rows of a pool into features."""

    #: its name in configs and reports
    name: str

    @abstractmethod
    def features(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """Float32 [n, D]; D depends on the pool's sites alone, not on the rows, and no value on other rows."""


class SiteEncoder(Encoder):
    """An encoder whose every feature depends on the residue at a single site."""

    @abstractmethod
    def encode(self, sites: Sites, codes: np.ndarray) -> np.ndarray:
        """Float32 [n, D] from codes [n, L]: indices into the alphabet of the sites."""

    def features(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """Float32 [n, D] of the residues at the pool's sites.

        Raises:
            PoolError: when the pool has no sites (compounds).
        """
        return self.encode(sites_of(pool, self.name), pool.codes(rows))


@dataclass(frozen=True)
class Beside(Encoder):
    """The features of several encoders of any kind, side by side.

    Args:
        encoders: at least one.
    """

    encoders: tuple[Encoder, ...]

    @property
    def name(self) -> str:
        """Their names, joined by a plus."""
        return "+".join(encoder.name for encoder in self.encoders)

    def features(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """Float32 [n, sum of D]."""
        return np.concatenate([encoder.features(pool, rows) for encoder in self.encoders], axis=1)


def sites_of(pool: Pool, encoder: str) -> Sites:
    """The pool's sites.

    Raises:
        PoolError: when it has none.
    """
    if pool.sites is None:
        raise PoolError(
            f"{encoder}: a pool of {pool.kind} has no sequence sites to encode. Choose an encoder for {pool.kind}; "
            "nothing was encoded."
        )
    return pool.sites
