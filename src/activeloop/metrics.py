"""Metrics: ranks, rank correlation, AUROC, coverage.

NumPy alone: importing `scipy.stats` or `sklearn.metrics` takes half a second of CPU time, which `status` would pay for
a few ranks. Tests compare each with SciPy's or its slow definition.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

Z90 = 1.6448536269514722
"""Half the width of a 90 % interval of a normal distribution, in standard deviations."""
SPREAD, SIZE = 1e-9, 1e-13
"""Shares of the range of numbers, and of their size, below which a difference is rounding."""


def ranks(values: np.ndarray) -> np.ndarray:
    """[N] from 1; equal values share the mean of theirs.

    >>> ranks(np.array([5.0, 1.0, 5.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def spearman(a: np.ndarray, b: np.ndarray, *, fewest: int = 1, undefined: float = math.nan) -> float:
    """Rank correlation of two [N] arrays to twelve digits; equal values share their mean rank.

    Args:
        a: one of them.
        b: the other.
        fewest: pairs; of fewer there is no correlation.
        undefined: the answer where there is none: too few pairs, a constant side, a NaN.

    >>> spearman(np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0, 15.0]))
    0.5
    >>> spearman(np.array([1.0, 2.0]), np.array([1.0, 2.0]), fewest=3)
    nan
    """
    if len(a) < max(fewest, 1) or np.isnan(a).any() or np.isnan(b).any():
        return undefined
    x, y = ranks(a), ranks(b)
    x, y = x - x.mean(), y - y.mean()
    size = float(np.sqrt((x @ x) * (y @ y)))
    return round(float(x @ y) / size, 12) if size else undefined


def pearson(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of two [N] arrays; NaN where there is none: no pair, or a constant side.

    >>> round(pearson(np.array([1.0, 2.0, 4.0]), np.array([2.0, 4.0, 8.0])), 6)
    1.0
    """
    if not len(a) or any(np.ptp(side) <= SIZE * np.abs(side).max() for side in (a, b)):
        return math.nan
    x, y = a - a.mean(), b - b.mean()
    return float(x @ y) / float(np.sqrt((x @ x) * (y @ y)))


def spearman_interval(rank: float, count: int, z: float = Z90) -> tuple[float, float]:
    """An interval of a rank correlation: by default 90 %.

    Args:
        rank: the correlation found.
        count: pairs.
        z: half the width of the interval in standard errors.

    Returns:
        Both ends; -1 and 1 below five pairs.

    Source: Bonett and Wright 2000, doi:10.1007/BF02294183 (Fisher's transform with their standard error).

    >>> low, high = spearman_interval(0.5, 28)
    >>> round(low, 2), round(high, 2)
    (0.2, 0.72)
    """
    if count < 5 or math.isnan(rank):
        return -1.0, 1.0
    error = math.sqrt((1 + rank**2 / 2) / (count - 3))
    centre = math.atanh(max(-0.999999, min(0.999999, rank)))
    return math.tanh(centre - z * error), math.tanh(centre + z * error)


def rounding_tied(values: np.ndarray) -> np.ndarray:
    """[N] in steps within which numbers differ by rounding alone, so that such numbers are ties.

    Else two models that predict the same would be ranked differently.

    >>> spearman(rounding_tied(np.array([0.1 + 0.2, 0.3, 0.5])), np.array([1.0, 1.0, 2.0]))
    1.0
    """
    step = max(SPREAD * np.ptp(values), SIZE * np.abs(values).max()) if len(values) else 0.0
    if 0 < step < np.inf:
        return np.round((values - values.min()) / step)
    return values


def auroc(score: np.ndarray, fit: np.ndarray, *, undefined: float = math.nan) -> float:
    """Probability that a fit candidate scores above an unfit one; ties count half.

    Args:
        score: [N] larger is better.
        fit: [N] whether each is fit.
        undefined: the answer where all are of one class.

    >>> auroc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
    0.75
    """
    fit = np.asarray(fit, bool)
    positives, negatives = int(fit.sum()), int((~fit).sum())
    if not positives or not negatives:
        return undefined
    return float((ranks(score)[fit].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(score: np.ndarray, hit: np.ndarray, *, undefined: float = math.nan) -> float:
    """Area under the precision-recall curve: precision at each score that adds hits, weighted by the share of hits.

    Args:
        score: [N] larger is better; equal scores are taken together.
        hit: [N] whether each is a hit.
        undefined: the answer where there is no hit.

    >>> average_precision(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])).__round__(3)
    0.833
    """
    hit = np.asarray(hit, bool)
    if not hit.any():
        return undefined
    _, level = np.unique(-score, return_inverse=True)
    found, taken = np.bincount(level, hit), np.bincount(level)
    precision = np.cumsum(found) / np.cumsum(taken)
    return float((precision * found).sum() / found.sum())


def two_words(metrics: Mapping[str, float], before: str = "") -> str:
    """How well two classes are told apart, in words; "" where nothing says it.

    Args:
        metrics: `auroc`, `auprc` and `share`.
        before: what stands before their names.

    >>> two_words({"auroc": 0.85, "auprc": 0.5, "share": 0.125})
    'AUROC 0.85 (0.5 by chance), AUPRC 0.50 (0.12 by chance)'
    """
    found = [metrics.get(f"{before}{name}", math.nan) for name in ("auroc", "auprc", "share")]
    if math.isnan(sum(found)):
        return ""
    return f"AUROC {found[0]:.2f} (0.5 by chance), AUPRC {found[1]:.2f} ({found[2]:.2f} by chance)"


def inside(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """[N] whether each value lies in its interval, ends included; their mean is the coverage.

    >>> inside(np.array([1.0, 5.0]), np.zeros(2), np.full(2, 2.0)).tolist()
    [True, False]
    """
    return (low <= values) & (values <= high)
