"""A pool in which every candidate has been measured: what a replay asks instead of a laboratory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np

from activeloop.candidates import Pool
from activeloop.measurements import Assay


@dataclass(frozen=True)
class Landscape:
    """A pool and the value of every candidate in it.

    Args:
        name: as reports call it.
        pool: N candidates.
        values: [N] in the assay's unit, none missing.
        assay: what was measured, and whether more or less of it is better.
        classes: [N] 1 = fit, 0 = unfit, as the source gives them; None when it does not.
        origin: where the values are from, in one sentence.
    """

    name: str
    pool: Pool
    values: np.ndarray
    assay: Assay
    classes: np.ndarray | None = field(default=None)
    origin: str = ""

    def __len__(self) -> int:
        return len(self.values)

    @property
    def kind(self) -> str:
        """`variants`, `compounds` or `guides`."""
        return self.pool.kind

    @property
    def oriented(self) -> np.ndarray:
        """[N] values, turned so that larger is better."""
        return self.values * self.assay.sign

    @property
    def fit(self) -> np.ndarray:
        """[N] whether each candidate counts as fit (bool).

        The source's own classes when there are any, else the better half.
        """
        if self.classes is not None:
            return self.classes.astype(bool)
        oriented = self.oriented
        median = np.median(oriented)
        above = oriented > median
        return above if above.any() else oriented >= median

    @property
    def fingerprint(self) -> str:
        """Depends on the candidates and their values alone; two replays with the same one may be compared."""
        digest = hashlib.sha256(self.values.astype("<f8").tobytes())
        for rows in self.pool.chunks():
            digest.update("\n".join(self.pool.names(rows)).encode())
        return digest.hexdigest()[:16]
