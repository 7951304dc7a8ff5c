"""Normal numbers that depend on a seed and a row alone, so that a pool may be drawn in pieces."""

from __future__ import annotations

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mix(x: np.ndarray) -> np.ndarray:
    """Scramble 64-bit numbers (the finaliser of SplitMix64: Steele et al. 2014, OOPSLA)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def normals(seed: int, rows: np.ndarray, count: int) -> np.ndarray:
    """[count, n] standard normal numbers; column i depends on the seed and rows[i] alone.

    >>> a = normals(7, np.array([3, 5]), 2)
    >>> bool((normals(7, np.array([5]), 2) == a[:, 1:]).all())
    True
    """
    start = np.random.default_rng(seed).integers(2**63, size=(count, 2, 1)).astype(np.uint64)
    bits = mix(start + mix(np.asarray(rows, np.uint64) * _GOLDEN))
    first, second = ((bits >> np.uint64(11)).astype(np.float64) + 0.5).swapaxes(0, 1) * 2.0**-53
    return np.sqrt(-2 * np.log(first)) * np.cos(2 * np.pi * second)
