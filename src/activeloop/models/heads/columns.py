"""Features and guesses on one scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.models.heads.base import Inputs

#: standardised values beyond it are cut in products
REACH = 32.0


@dataclass(frozen=True)
class Columns:
    """What makes every column comparable, taken from the measured candidates.

    Features are divided by the root of their variance plus the squared middle spread of all: a feature that hardly
    varies among the measured is not blown up, one that does not vary at all may still differ in another candidate and
    counts as one of the middle. Guesses are divided by their own spread.

    Args:
        shift: [P] means of the features.
        factor: [P] what they are multiplied by.
        guess_shift, guess_factor: [G] of the guesses.
        norm: mean squared length of the standardised measured features (P when they are all alike).
    """

    shift: np.ndarray
    factor: np.ndarray
    guess_shift: np.ndarray
    guess_factor: np.ndarray
    norm: float

    @classmethod
    def of(cls, inputs: Inputs) -> Columns:
        """Those of the measured candidates."""
        features, guess = inputs.features.astype(np.float64), inputs.guess.astype(np.float64)
        shift, spread = features.mean(0), _spread(features)
        middle = float(np.median(spread[spread > 0])) if (spread > 0).any() else 1.0
        factor = 1.0 / np.sqrt(np.where(spread > 0, spread, middle) ** 2 + middle**2)
        norm = float(((spread * factor) ** 2).sum()) or float(max(1, len(shift)))
        own = _spread(guess)
        return cls(
            shift.astype(np.float32), factor.astype(np.float32), guess.mean(0), 1 / np.where(own > 0, own, 1), norm
        )

    def features(self, inputs: Inputs) -> np.ndarray:
        """Float32 [n, P] standardised."""
        return (inputs.features.astype(np.float32, copy=False) - self.shift) * self.factor

    def guess(self, inputs: Inputs) -> np.ndarray:
        """Float64 [n, G + 1]: standardised guesses, and a column of ones."""
        guess = (inputs.guess.astype(np.float64) - self.guess_shift) * self.guess_factor
        return np.concatenate([guess, np.ones((len(inputs), 1))], axis=1)

    def state(self) -> dict[str, np.ndarray]:
        """Arrays for `restore`."""
        return {
            "column_scale": np.stack([self.shift, self.factor]),
            "guess_scale": np.stack([self.guess_shift, self.guess_factor]),
            "norm": np.array([self.norm]),
        }

    @classmethod
    def restore(cls, state: dict[str, np.ndarray]) -> Columns:
        """The counterpart of `state`."""
        (shift, factor), (guess_shift, guess_factor) = state["column_scale"], state["guess_scale"]
        return cls(shift, factor, guess_shift, guess_factor, float(state["norm"][0]))


def _spread(columns: np.ndarray) -> np.ndarray:
    """[P] standard deviations; exactly 0 where all values are the same."""
    return np.where(np.ptp(columns, axis=0) > 0, columns.std(0), 0.0)
