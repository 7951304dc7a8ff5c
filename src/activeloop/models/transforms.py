"""Values on the scale on which a learner works: standardised or quantile-transformed, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.metrics import ranks


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


@dataclass(frozen=True)
class QuantileTransform:
    """A monotone map between values and normal scores: robust to floors, ceilings and long tails.

    Between measured values it is linear; beyond them it goes on with the slope that the whole sample has.

    Args:
        values: [M] different measured values, ascending.
        scores: [M] their normal scores.
        slope: value per score beyond the ends.

    >>> transform = QuantileTransform.of(np.array([0.0, 0.0, 1.0, 10.0]))
    >>> transform.to_value(transform.to_score(np.array([1.0, 10.0, 20.0]))).tolist()
    [1.0, 10.0, 20.0]
    """

    values: np.ndarray
    scores: np.ndarray
    slope: float

    @classmethod
    def of(cls, values: np.ndarray, line: float = 0.0) -> QuantileTransform:
        """The map of measured values [N]; equal values share the mean of their ranks.

        Args:
            values: [N].
            line: part of the scores, 0 to 1, that is the value's distance from the mean in standard deviations.

        >>> QuantileTransform.of(np.array([0.0, 1.0, 5.0]), line=1.0).scores.round(3).tolist()
        [-0.926, -0.463, 1.389]
        """
        from scipy.special import ndtri

        normal = ndtri((ranks(values) - 0.5) / len(values))
        levels, first = np.unique(values, return_index=True)
        spread = float(values.std()) or 1.0
        return cls(levels, (1 - line) * normal[first] + line * (levels - values.mean()) / spread, spread)

    def to_score(self, values: np.ndarray) -> np.ndarray:
        """Normal scores of any values."""
        above = np.maximum(values - self.values[-1], 0.0)
        below = np.minimum(values - self.values[0], 0.0)
        return np.interp(values, self.values, self.scores) + (above + below) / self.slope

    def to_value(self, scores: np.ndarray) -> np.ndarray:
        """Values of any scores."""
        inside = np.interp(scores, self.scores, self.values)
        above = np.maximum(scores - self.scores[-1], 0.0)
        below = np.minimum(scores - self.scores[0], 0.0)
        return inside + self.slope * (above + below)

    def spread(self, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
        """Half the distance in values between one standard deviation of the scores above the mean and one below."""
        return (self.to_value(mean + sd) - self.to_value(mean - sd)) / 2
