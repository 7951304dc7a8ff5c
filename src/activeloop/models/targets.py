"""Values on the scale on which a learner works, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scale:
    """A straight line between values and what a learner fits: value = shift + factor * target.

    >>> Scale(2.0, 3.0).to_target(np.array([5.0])).tolist(), Scale(2.0, 3.0).to_value(np.array([1.0])).tolist()
    ([1.0], [5.0])
    """

    shift: float
    factor: float

    def to_target(self, values: np.ndarray) -> np.ndarray:
        """Values to targets."""
        return (values - self.shift) / self.factor

    def to_value(self, targets: np.ndarray) -> np.ndarray:
        """Targets to values."""
        return self.shift + self.factor * targets


def standard(values: np.ndarray) -> Scale:
    """Targets of mean 0 and spread 1; constant values become 0.

    >>> standard(np.array([1.0, 3.0])), standard(np.array([4.0, 4.0]))
    (Scale(shift=2.0, factor=1.0), Scale(shift=4.0, factor=1.0))
    """
    spread = float(values.std())
    return Scale(float(values.mean()), spread if spread > 1e-12 * max(1.0, float(np.abs(values).max())) else 1.0)


def largest_is_one(values: np.ndarray) -> Scale:
    """Targets divided by the largest value (as ALDE does); standardised when no value is above 0.

    >>> largest_is_one(np.array([0.0, 4.0]))
    Scale(shift=0.0, factor=4.0)
    """
    largest = float(values.max())
    return Scale(0.0, largest) if largest > 0 else standard(values)


def precision(errors: np.ndarray, scale: Scale) -> np.ndarray:
    """Weight of each value in a fit: 1 when its standard error is not known, less the less sure it is.

    >>> precision(np.array([0.0, 2.0]), Scale(0.0, 2.0)).tolist()
    [1.0, 0.5]
    """
    return 1.0 / (1.0 + (errors / scale.factor) ** 2)
