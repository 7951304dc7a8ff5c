"""The scale on which a student learns its teacher's values: a bent line through about a hundred knots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from activeloop.models.transforms import QuantileTransform

#: knots between the ends, evenly spaced among the ranks; and at each end as many that stand side by side there
EVEN, AT_ENDS = 72, 14
#: how far beyond the outermost values the scale goes on before its slope is that of the whole
BEYOND = 0.25
#: linear shares of the scales that are tried: ranks, half and half, and the values themselves
LINEAR_SHARES = (0.0, 0.5, 1.0)
#: a scale is bent only if additive effects on it explain this much more of the unexplained variance than a straight one
GAIN = 0.02
#: least slope, as a share of the mean one: where many values are equal the scale is nearly flat
LEAST_SLOPE = 1e-3


@dataclass(frozen=True)
class Bend:
    """A monotone map, for each of A outputs, from the targets of a network to standardised values.

    Between knots it is a straight line, beyond the outermost two it goes on as between them. A standard deviation is
    brought over by the slope, taken over the typical standard deviation around a target: a median over draws of the
    teacher would be too.

    Args:
        targets: [A, K] ascending.
        values: [A, K] there, ascending.
        slopes: [A, K] value per target there, above 0.

    >>> straight = Bend.straight(1)
    >>> straight.to_value(np.array([[0.5], [9.0]])).tolist(), straight.slope(np.array([[3.0]])).tolist()
    ([[0.5], [9.0]], [[1.0]])
    """

    targets: np.ndarray
    values: np.ndarray
    slopes: np.ndarray

    @classmethod
    def straight(cls, outputs: int) -> Bend:
        """The values themselves."""
        ends = np.tile([-1.0, 1.0], (outputs, 1))
        return cls(ends, ends, np.ones_like(ends))

    @classmethod
    def of(cls, values: Sequence[np.ndarray], sds: Sequence[float], shares: Sequence[float]) -> Bend:
        """One map for each output.

        Args:
            values: of each output, standardised [N].
            sds: typical standard deviation of each output, standardised.
            shares: linear share of each output's scale, see `QuantileTransform`; 1: straight.
        """
        parts = [_knots(v, sd, share) for v, sd, share in zip(values, sds, shares, strict=True)]
        most = max(len(part[0]) for part in parts)
        # the last knots of shorter ones lie further out on the same line
        filled = [
            np.stack([_extended(x, most, x[-1] - x[-2] if k < 2 else 0.0) for k, x in enumerate(p)]) for p in parts
        ]
        targets, levels, slopes = np.stack(filled, 1)
        return cls(targets, levels, slopes)

    @property
    def is_straight(self) -> bool:
        """Whether it changes nothing."""
        return bool((self.targets == self.values).all() and (self.slopes == 1).all())

    def to_target(self, values: np.ndarray) -> np.ndarray:
        """[N, A] targets of standardised values."""
        return self._mapped(values, self.values, self.targets)

    def to_value(self, targets: np.ndarray) -> np.ndarray:
        """[N, A] standardised values of targets."""
        return self._mapped(targets, self.targets, self.values)

    def slope(self, targets: np.ndarray) -> np.ndarray:
        """[N, A] value per target around targets."""
        columns = [np.interp(x, at, s) for x, at, s in zip(targets.T, self.targets, self.slopes, strict=True)]
        return np.stack(columns, 1)

    @staticmethod
    def _mapped(given: np.ndarray, at: np.ndarray, to: np.ndarray) -> np.ndarray:
        columns = [_line(x, a, b) for x, a, b in zip(given.T, at, to, strict=True)]
        return np.stack(columns, 1)


def _line(given: np.ndarray, at: np.ndarray, to: np.ndarray) -> np.ndarray:
    """[N] on the line through knots, straight on beyond the outermost two."""
    place = np.clip(np.searchsorted(at, given, side="right") - 1, 0, len(at) - 2)
    steep = (to[1:] - to[:-1]) / (at[1:] - at[:-1])
    return to[place] + steep[place] * (given - at[place])


def _knots(values: np.ndarray, sd: float, share: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Targets, values and slopes [K] of one output."""
    straight = (np.array([-1.0, 1.0]), np.array([-1.0, 1.0]), np.ones(2))
    if share == 1:
        return straight
    found = QuantileTransform.of(np.asarray(values, np.float64), share)
    count = len(found.values)
    if count < 3:
        return straight
    ends = np.arange(min(AT_ENDS, count))
    chosen = np.unique(np.concatenate([np.linspace(0, count - 1, EVEN).round().astype(int), ends, count - 1 - ends]))
    levels, targets = found.values[chosen], found.scores[chosen]
    apart = np.concatenate([[True], (np.diff(levels) > 1e-6) & (np.diff(targets) > 1e-6)])
    levels, targets = levels[apart], targets[apart]
    # beyond the ends a target is worth what it is on average
    levels = np.concatenate([[levels[0] - BEYOND * found.slope], levels, [levels[-1] + BEYOND * found.slope]])
    targets = np.concatenate([[targets[0] - BEYOND], targets, [targets[-1] + BEYOND]])
    near = np.clip(sd / found.slope, 0.1, 1.0)
    slopes = (_line(targets + near, targets, levels) - _line(targets - near, targets, levels)) / (2 * near)
    return targets, levels, np.maximum(slopes, LEAST_SLOPE)


def _extended(knots: np.ndarray, count: int, step: float) -> np.ndarray:
    return np.concatenate([knots, knots[-1] + step * np.arange(1, count - len(knots) + 1)])


def chosen_bend(
    values: np.ndarray, sds: np.ndarray, additive: Callable[[np.ndarray], np.ndarray], held_out: np.ndarray
) -> Bend:
    """The map under which a teacher's values are best explained by additive effects, each output's own.

    Args:
        values: [N, A] standardised means of the taught candidates.
        sds: [A] their typical standard deviations.
        additive: from targets [N, K] of the taught candidates to [M, K] those of held-out ones, by additive effects.
        held_out: [M, A] standardised means of the held-out candidates.
    """
    outputs = values.shape[1]
    bends = [Bend.of(list(values.T), sds.tolist(), [share] * outputs) for share in LINEAR_SHARES]
    found = np.split(additive(np.concatenate([bend.to_target(values) for bend in bends], 1)), len(bends), 1)
    errors = np.array([((b.to_value(x) - held_out) ** 2).mean(0) for b, x in zip(bends, found, strict=True)])
    errors[LINEAR_SHARES.index(1.0)] *= 1 - GAIN
    shares = np.array(LINEAR_SHARES)[errors.argmin(0)]
    return Bend.of(list(values.T), sds.tolist(), shares.tolist())
