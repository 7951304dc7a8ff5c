"""How well stated uncertainty agrees with what came true; every figure from values that were not fitted."""

from __future__ import annotations

import numpy as np

from activeloop.prediction import LEVELS, NORMAL

#: central intervals on which miscalibration is judged
CENTRAL = np.arange(0.05, 1.0, 0.05)
#: bins of predicted probability
BINS = 10


def ends(levels: np.ndarray, shape: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Low and high ends [C] of central intervals in standard deviations.

    Args:
        levels: [C] stated probabilities.
        shape: [K] quantiles at `predictive.LEVELS`; None = those of a normal distribution.

    >>> [float(end[0].round(3)) for end in ends(np.array([0.9]))]
    [-1.645, 1.645]
    """
    shape = NORMAL if shape is None else shape
    return np.interp((1 - levels) / 2, LEVELS, shape), np.interp((1 + levels) / 2, LEVELS, shape)


def calibration_curve(levels: np.ndarray, standardised: np.ndarray) -> np.ndarray:
    """[C] share of values within each central interval.

    Args:
        levels: [C] stated probabilities of the intervals.
        standardised: [N] (value - mean) / standard deviation, noise included.

    >>> calibration_curve(np.array([0.5, 0.9]), np.array([-3.0, -1.0, 0.0, 0.5])).tolist()
    [0.5, 0.75]
    """
    low, high = ends(levels)
    return ((low[:, None] <= standardised) & (standardised <= high[:, None])).mean(1)


def miscalibration_area(levels: np.ndarray, found: np.ndarray) -> float:
    """Area between the calibration curve and the diagonal, from 0 (calibrated) to nearly 0.5 (never right).

    Args:
        levels: [C] stated probabilities of central intervals, ascending.
        found: [C] share of values within each.

    Source: Chung et al. 2021, arXiv:2109.10254.

    >>> miscalibration_area(CENTRAL, CENTRAL), miscalibration_area(CENTRAL, np.zeros(19))
    (0.0, 0.475)
    """
    x = np.concatenate([[0.0], levels, [1.0]])
    gap = np.concatenate([[0.0], np.abs(found - levels), [0.0]])
    return round(float(np.sum((gap[1:] + gap[:-1]) / 2 * np.diff(x))), 12)


def quantile_error(standardised: np.ndarray) -> float:
    """Expected calibration error of quantiles: mean distance of the share below each from its level.

    Lopsided errors show here and not in central intervals.

    Args:
        standardised: [N] (value - mean) / standard deviation, noise included.

    Source: Kuleshov et al. 2018, arXiv:1807.00263 (there squared).

    >>> round(quantile_error(NORMAL), 2), quantile_error(np.full(9, -3.0))
    (0.0, 0.5)
    """
    below = (standardised <= np.interp(CENTRAL, LEVELS, NORMAL)[:, None]).mean(1)
    return round(float(np.mean(np.abs(below - CENTRAL))), 12)


def class_error(probability: np.ndarray, label: np.ndarray) -> float:
    """Expected calibration error of a probability: in ten bins, how far the mean probability is from the share.

    Args:
        probability: [N] predicted, of one class.
        label: [N] 1 where the candidate is of that class.

    Source: Naeini et al. 2015, AAAI 29; Guo et al. 2017, arXiv:1706.04599.

    >>> class_error(np.array([0.9, 0.9, 0.9, 0.9]), np.array([1, 1, 1, 0])).__round__(3)
    0.15
    """
    bins = np.minimum((probability * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, probability - label, minlength=BINS)
    return float(np.abs(gaps).sum() / len(label))


def normal_surprise(values: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> float:
    """Mean negative log likelihood of values [N] under normal distributions with mean [N] and sd [N], in nats.

    >>> round(normal_surprise(np.zeros(3), np.zeros(3), np.ones(3)), 3)
    0.919
    """
    return float(np.mean(0.5 * ((values - mean) / sd) ** 2 + np.log(sd) + 0.5 * np.log(2 * np.pi)))


def class_surprise(probability: np.ndarray, label: np.ndarray) -> float:
    """Mean negative log probability [N] of what came true, in nats.

    >>> round(class_surprise(np.array([0.5, 0.5]), np.array([0, 1])), 3)
    0.693
    """
    p = np.clip(probability, 1e-12, 1 - 1e-12)
    return float(-np.mean(label * np.log(p) + (1 - label) * np.log1p(-p)))
