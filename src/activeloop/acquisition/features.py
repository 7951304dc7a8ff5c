"""Coordinates in which distance means difference, for the choices that spread a batch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from activeloop.candidates import Pool

Coordinates = Callable[[Pool, np.ndarray], np.ndarray]

#: one-hot coordinates beyond this many are folded by a fixed random projection, which keeps distances
WIDEST = 1024


def letters(pool: Pool, rows: np.ndarray) -> np.ndarray:
    """One coordinate for each letter at each varying site; squared distance is the number of differing sites.

    More than 1,024 coordinates are folded into 256 by a fixed Gaussian projection, so that 10,000 variants of a long
    protein stay small; distances then hold to about 9 %.

    Returns:
        Float32 [n, D]; for pools without sites (compounds) one column of zeros.

    Source: Johnson and Lindenstrauss 1984, for the projection.
    """
    sites = pool.sites
    if sites is None:
        return np.zeros((len(rows), 1), np.float32)
    codes = pool.codes(rows).astype(np.int64)
    width, size = codes.shape[1], len(sites.alphabet)
    if width * size <= WIDEST:
        table = np.eye(width * size, dtype=np.float32) / np.float32(np.sqrt(2))
    else:
        table = np.random.default_rng(0).standard_normal((width * size, 256), dtype=np.float32) / np.float32(512**0.5)
    out = np.zeros((len(rows), table.shape[1]), np.float32)
    for site in range(width):
        out += table[site * size + codes[:, site]]
    return out
