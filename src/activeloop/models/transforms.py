"""Values on the scale on which a learner works, standardised or quantile-transformed, and predictions brought back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from activeloop.candidates import Pool
from activeloop.metrics import ranks
from activeloop.models.out_of_fold import OutOfFoldSd
from activeloop.prediction import Covariance, FastMean, Prediction, Predictor


class Transform(ABC):
    """A monotone map between values and the targets that a learner fits.

    Attributes:
        slope: value per target, for what has no place on the scale (noise, standard errors).
    """

    slope: float

    @abstractmethod
    def to_target(self, values: np.ndarray) -> np.ndarray:
        """Values to targets."""

    @abstractmethod
    def to_value(self, targets: np.ndarray) -> np.ndarray:
        """Targets to values."""

    def sd_to_value(self, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
        """Half the distance in values between one standard deviation of the targets above the mean and one below."""
        return (self.to_value(mean + sd) - self.to_value(mean - sd)) / 2


@dataclass(frozen=True)
class Scale(Transform):
    """A straight line: value = shift + factor * target.

    >>> Scale(2.0, 3.0).to_target(np.array([5.0])).tolist(), Scale(2.0, 3.0).to_value(np.array([1.0])).tolist()
    ([1.0], [5.0])
    """

    shift: float
    factor: float

    @property
    def slope(self) -> float:  # type: ignore[override]
        """The factor."""
        return self.factor

    def to_target(self, values: np.ndarray) -> np.ndarray:
        """Values to targets."""
        return (values - self.shift) / self.factor

    def to_value(self, targets: np.ndarray) -> np.ndarray:
        """Targets to values."""
        return self.shift + self.factor * targets

    def sd_to_value(self, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
        """Standard deviations in values."""
        return self.factor * sd


def standard(values: np.ndarray) -> Scale:
    """Targets of mean 0 and standard deviation 1; constant values become 0.

    >>> standard(np.array([1.0, 3.0])), standard(np.array([4.0, 4.0]))
    (Scale(shift=2.0, factor=1.0), Scale(shift=4.0, factor=1.0))
    """
    sd = float(values.std())
    return Scale(float(values.mean()), sd if sd > 1e-12 * float(np.abs(values).max()) else 1.0)


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
class QuantileTransform(Transform):
    """Targets are normal scores of the values' ranks: robust to floors, ceilings and long tails.

    Between measured values the map is linear; beyond them it goes on with the slope that the whole sample has.

    Args:
        values: [M] different measured values, ascending.
        scores: [M] their normal scores.
        slope: value per score beyond the ends.

    >>> transform = QuantileTransform.of(np.array([0.0, 0.0, 1.0, 10.0]))
    >>> transform.to_value(transform.to_target(np.array([1.0, 10.0, 20.0]))).tolist()
    [1.0, 10.0, 20.0]
    """

    values: np.ndarray
    scores: np.ndarray
    slope: float

    @classmethod
    def of(cls, values: np.ndarray, linear_share: float = 0.0) -> QuantileTransform:
        """The map of measured values [N]; equal values share the mean of their ranks.

        Args:
            values: [N].
            linear_share: part of the scores, 0 to 1, that is the value's distance from the mean in standard deviations.

        >>> QuantileTransform.of(np.array([0.0, 1.0, 5.0]), linear_share=1.0).scores.round(3).tolist()
        [-0.926, -0.463, 1.389]
        """
        from scipy.special import ndtri

        normal = ndtri((ranks(values) - 0.5) / len(values))
        levels, first = np.unique(values, return_index=True)
        sd = float(values.std()) or 1.0
        linear = linear_share * (levels - values.mean()) / sd
        return cls(levels, (1 - linear_share) * normal[first] + linear, sd)

    def to_target(self, values: np.ndarray) -> np.ndarray:
        """Normal scores of any values."""
        above = np.maximum(values - self.values[-1], 0.0)
        below = np.minimum(values - self.values[0], 0.0)
        return np.interp(values, self.values, self.scores) + (above + below) / self.slope

    def to_value(self, targets: np.ndarray) -> np.ndarray:
        """Values of any scores."""
        inside = np.interp(targets, self.scores, self.values)
        above = np.maximum(targets - self.scores[-1], 0.0)
        below = np.minimum(targets - self.scores[0], 0.0)
        return inside + self.slope * (above + below)


#: rows of a pool and rows of another -> [n, m] posterior covariance of their targets
TargetCovariance = Callable[[Pool, np.ndarray, Pool, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class ValueCovariance(Covariance):
    """The covariance of values whose targets have a known one; where the transform is bent, to first order.

    Args:
        targets: of the targets.
        pool: the candidates' pool.
        rows: [N] rows of it.
        slope: [N] value per target at each of them.
        variance: [N] of the values.
    """

    targets: TargetCovariance
    pool: Pool
    rows: np.ndarray
    slope: np.ndarray
    variance: np.ndarray

    def with_others(self, others: ValueCovariance) -> np.ndarray:
        """[N, M]."""
        between = self.targets(self.pool, self.rows, others.pool, others.rows)
        return self.slope[:, None] * between * others.slope

    def take(self, index: np.ndarray) -> ValueCovariance:
        """That of some of the candidates."""
        return replace(self, rows=self.rows[index], slope=self.slope[index], variance=self.variance[index])

    def scaled(self, factor: float) -> ValueCovariance:
        """That of distances times a factor."""
        return replace(self, slope=factor * self.slope, variance=factor**2 * self.variance)


#: a piece of the rows -> samples [S, n], mean [n] and standard deviation [n], in targets
PieceFunction = Callable[[slice], tuple[np.ndarray, np.ndarray, np.ndarray]]


class TransformedPredictor(Predictor, OutOfFoldSd, FastMean):
    """A predictor of one assay that works on transformed values, a piece of the pool at a time.

    A subclass predicts targets; values are made of them here. Where the transform is not a straight line, the mean is
    therefore the median.

    Attributes:
        transform: between values and targets.
        noise: standard deviation of one measurement, in targets.
        piece: candidates that are predicted at once.
    """

    transform: Transform
    noise: float
    piece: ClassVar[int] = 8192

    @abstractmethod
    def _piece_function(self, pool: Pool, rows: np.ndarray, seed: int, draws: int) -> PieceFunction:
        """What predicts pieces of the rows, so that the samples of all pieces belong together."""

    @abstractmethod
    def _target_mean(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[N] mean of the targets alone."""

    def _target_covariance(self) -> TargetCovariance | None:
        """The posterior covariance of targets; None where it is known from samples alone."""
        return None

    @abstractmethod
    def _leave_one_out(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean [N] and standard deviation [N], without noise, of each target given all others; NaN: not known."""

    def _pieces(self, rows: np.ndarray) -> list[slice]:
        return [slice(start, start + self.piece) for start in range(0, max(1, len(rows)), self.piece)]

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """Mean and standard deviation are exact on the scale of the targets; draws are joint."""
        rows = np.asarray(rows, np.int64)
        predicted = self._piece_function(pool, rows, seed, draws)
        parts = zip(*map(predicted, self._pieces(rows)), strict=True)
        samples, mean, sd = (np.concatenate(part, axis=-1) for part in parts)
        spread, targets = self.transform.sd_to_value(mean, sd), self._target_covariance() if draws else None
        known = () if targets is None else (ValueCovariance(targets, pool, rows, spread / sd, spread**2),)
        return Prediction(
            self.transform.to_value(samples).astype(np.float32, copy=False)[:, :, None],
            self.transform.to_value(mean)[:, None],
            spread[:, None],
            np.array([self.noise * self.transform.slope]),
            covariances=known,
        )

    def mean(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[N, 1] the mean alone."""
        return self.transform.to_value(self._target_mean(pool, np.asarray(rows, np.int64)))[:, None]

    def held_out(self) -> np.ndarray:
        """[N] leave-one-out predictions of the measured candidates; NaN where they are not known."""
        return self.transform.to_value(self._leave_one_out()[0])

    def held_out_sd(self) -> np.ndarray:
        """[N] their standard deviations."""
        return self.transform.sd_to_value(*self._leave_one_out())
