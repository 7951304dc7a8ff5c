"""Mean and standard error of each candidate, from values without their plate's shift."""

from __future__ import annotations

import numpy as np

from activeloop.measurements.effects import PlateEffects
from activeloop.measurements.noise import moderated_variances, widening


def candidate_means(
    values: np.ndarray, candidates: np.ndarray, sides: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean of each candidate, and whether it is a limit.

    Args:
        values: [n] values and limits.
        candidates: [n] number of the candidate of each, from 0.
        sides: [n] -1 for `<`, 0 for a measured value, +1 for `>`.
        count: K, how many candidates; each has at least one value.

    Returns:
        [K] means or tightest limits, and [K] -1, 0 or +1 (int8).

    >>> means, censored = candidate_means(np.array([0.2, 0.1, 3.0]), np.array([0, 0, 1]), np.array([-1, -1, 0]), 2)
    >>> means.tolist(), censored.tolist()
    ([0.1, 3.0], [-1, 0])
    """
    means = np.bincount(candidates, values, count) / np.maximum(np.bincount(candidates, minlength=count), 1)
    below, above = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(below, candidates[sides < 0], values[sides < 0])
    np.maximum.at(above, candidates[sides > 0], values[sides > 0])
    measured = np.bincount(candidates[sides == 0], minlength=count) > 0
    only_below = ~measured & np.isfinite(below) & ~np.isfinite(above)
    only_above = ~measured & np.isfinite(above) & ~np.isfinite(below)
    censored = only_above.astype(np.int8) - only_below.astype(np.int8)
    return np.where(only_below, below, np.where(only_above, above, means)), censored


def candidate_errors(
    values: np.ndarray,
    candidates: np.ndarray,
    plates: np.ndarray,
    measured: np.ndarray,
    effects: PlateEffects,
) -> np.ndarray:
    """Standard error of each mean: of its noise, and of what was taken off for its plates.

    Args:
        values: [n] values without their plate's shift.
        candidates: [n] number of the candidate of each, from 0.
        plates: [n] number of the plate of each, from 0.
        measured: [n] whether it is a value, not a limit.
        effects: of the plates.

    Returns:
        [K] standard errors; all 0 when the noise is not known.
    """
    count = int(candidates.max(initial=-1)) + 1
    if effects.noise == 0:
        return np.zeros(count)
    on_plate = np.zeros((count, len(effects.shifts)))
    np.add.at(on_plate, (candidates, plates), 1.0)
    on_plate /= on_plate.sum(1, keepdims=True)
    own, kept = candidates[measured], values[measured]
    repeats = np.bincount(own, minlength=count)
    centre = np.bincount(own, kept, count) / np.maximum(repeats, 1)
    squares = np.bincount(own, (kept - centre[own]) ** 2, count)
    noise = moderated_variances(squares, np.maximum(repeats - 1, 0), effects.noise**2, effects.freedom)
    correction = np.einsum("kp,pq,kq->k", on_plate, effects.covariance, on_plate)
    return np.sqrt(noise / np.maximum(repeats, 1) + correction * widening(np.array(effects.freedom)) ** 2)
