"""Temperature for probabilities of two classes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from activeloop.metrics import spearman
from activeloop.models.calibration.metrics import class_error, class_surprise
from activeloop.models.calibration.unseen import FEWEST
from activeloop.predictive import Predictive


@dataclass(frozen=True)
class UnseenClasses:
    """Measured classes and what would have been said of them had they not been seen.

    Args:
        labels: [N] 1 = the last class.
        probability: [N] of the last class.
    """

    labels: np.ndarray
    probability: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: np.ndarray) -> UnseenClasses:
        """Some of them."""
        return UnseenClasses(self.labels[index], self.probability[index])

    def metrics(self) -> dict[str, float]:
        """Rank correlation, expected calibration error and mean negative log likelihood (nats)."""
        return {
            "held_out": float(len(self)),
            "held_out_spearman": spearman(self.probability, self.labels, fewest=3),
            "ece": class_error(self.probability, self.labels),
            "nll": class_surprise(self.probability, self.labels),
        }


@dataclass(frozen=True)
class Sharpening:
    """Log-odds of every class divided by a temperature: above 1 less sure, below 1 surer.

    Args:
        temperature: above 0.

    Source: Guo et al. 2017, arXiv:1706.04599.
    """

    temperature: float

    @classmethod
    def learned(cls, unseen: UnseenClasses, width: float = 0.3) -> Sharpening:
        """The temperature that makes held-out classes likeliest, drawn towards 1 where they are few."""
        from scipy.optimize import minimize_scalar

        if len(unseen) < FEWEST:
            return cls(1.0)

        def surprise(log: float) -> float:
            moved = powered(unseen.probability, np.exp(-log))
            return len(unseen) * class_surprise(moved, unseen.labels) + 0.5 * (log / width) ** 2

        found = minimize_scalar(surprise, bounds=(-5 * width, 5 * width), method="bounded")
        return cls(float(np.exp(found.x)))  # type: ignore[union-attr]

    def __call__(self, belief: Predictive) -> Predictive:
        """Draws and means with the temperature; spreads follow as the means move."""
        if self.temperature == 1:
            return belief
        power = 1 / self.temperature
        mean = _shared(powered(belief.mean, power))
        slope = power * mean * (1 - mean) / np.maximum(belief.mean * (1 - belief.mean), 1e-12)
        sd = np.minimum(belief.sd * slope, 0.5)
        return replace(belief, draws=_shared(powered(belief.draws, power)), mean=mean, sd=sd)

    def moved(self, unseen: UnseenClasses) -> UnseenClasses:
        """Held-out probabilities with the temperature."""
        return replace(unseen, probability=powered(unseen.probability, 1 / self.temperature))

    def state(self) -> dict[str, np.ndarray]:
        """Arrays from which `restored` makes it again."""
        return {"temperature": np.array([self.temperature])}

    @classmethod
    def restored(cls, state: dict[str, np.ndarray]) -> Sharpening:
        """The counterpart of `state`."""
        return cls(float(state["temperature"][0]))


def powered(probability: np.ndarray, power: float) -> np.ndarray:
    """Probabilities [...] whose log-odds are multiplied.

    >>> powered(np.array([0.5, 0.8]), 2.0).round(3).tolist()
    [0.5, 0.941]
    """
    p = np.clip(probability, 1e-12, 1 - 1e-12)
    return 1 / (1 + np.exp(-power * (np.log(p) - np.log1p(-p))))


def _shared(probabilities: np.ndarray) -> np.ndarray:
    """Classes [..., C] whose sum is 1."""
    return probabilities / probabilities.sum(-1, keepdims=True)
