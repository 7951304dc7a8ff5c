"""Ranks, and how far two orders agree. NumPy alone, so that SciPy's statistics need not be loaded."""

from __future__ import annotations

import numpy as np


def ranks(values: np.ndarray) -> np.ndarray:
    """[N] from 1; equal values share the mean of theirs.

    >>> ranks(np.array([5.0, 1.0, 5.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Rank correlation of two [N] arrays to twelve digits; NaN when one is constant, empty, or holds a NaN.

    >>> spearman(np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0, 15.0]))
    0.5
    """
    if not len(a) or np.isnan(a).any() or np.isnan(b).any():
        return float("nan")
    x, y = ranks(a), ranks(b)
    x, y = x - x.mean(), y - y.mean()
    size = float(np.sqrt((x @ x) * (y @ y)))
    return round(float(x @ y) / size, 12) if size else float("nan")


def auroc(score: np.ndarray, fit: np.ndarray) -> float:
    """Probability that a fit candidate scores above an unfit one (ties count half); NaN when only one class is there.

    >>> auroc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
    0.75
    """
    fit = np.asarray(fit, bool)
    positives, negatives = int(fit.sum()), int((~fit).sum())
    if not positives or not negatives:
        return float("nan")
    return float((ranks(score)[fit].sum() - positives * (positives + 1) / 2) / (positives * negatives))
