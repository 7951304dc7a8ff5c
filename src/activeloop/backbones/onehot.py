"""One column for each letter at each varying site."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.backbones.base import SiteWise
from activeloop.candidates import Sites


@dataclass(frozen=True)
class OneHot(SiteWise):
    """Letters of the varying sites, one column for each letter of the alphabet.

    A pool of L sites over K letters gives L * K columns: ask for a wide pool (all single mutants of a whole protein)
    in pieces.

    Args:
        relative: leave the parent's own letter at zero, so that the parent is the origin and each mutation one 1.
            A pool without a parent is encoded as without this option.
    """

    relative: bool = False

    @property
    def name(self) -> str:
        """`onehot` or `onehot-relative`."""
        return "onehot-relative" if self.relative else "onehot"

    def encode(self, sites: Sites, codes: np.ndarray) -> np.ndarray:
        """Float32 [n, L * K]; column i * K + k is letter k at site i."""
        if self.relative and sites.parent is not None:
            return expand(codes, len(sites.alphabet)) * (codes != sites.parent).repeat(len(sites.alphabet), axis=1)
        return expand(codes, len(sites.alphabet))


def expand(codes: np.ndarray, letters: int) -> np.ndarray:
    """Codes [n, L] to one-hot float32 [n, L * letters].

    >>> expand(np.array([[1, 0]], np.uint8), 3).tolist()
    [[0.0, 1.0, 0.0, 1.0, 0.0, 0.0]]
    """
    n, sites = codes.shape
    out = np.zeros((n, sites * letters), np.float32)
    columns = codes.astype(np.int64) + letters * np.arange(sites)
    np.put_along_axis(out, columns, 1.0, axis=1)
    return out
