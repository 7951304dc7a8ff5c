"""The role of a calibration: from held-out values to how stated uncertainty is corrected."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import numpy as np

from activeloop.models.calibration.classes import Sharpening, UnseenClasses
from activeloop.models.calibration.unseen import Unseen
from activeloop.predictive import Predictive


@dataclass(frozen=True)
class Rescaling:
    """A correction of what a model says of one assay: means and their order stay, draws stay functions.

    Args:
        spread: factor of the distance of every draw from the mean, and of the spread.
        noise: standard deviation of one measurement, in place of the model's.
        shape: [K] quantiles, at `predictive.LEVELS`, of a new measurement's standardised distance from the mean;
            None = normal.
    """

    spread: float
    noise: float
    shape: np.ndarray | None = None

    def __call__(self, belief: Predictive) -> Predictive:
        """The belief with corrected draws, spread, noise and intervals."""
        shape = belief.shape if self.shape is None else self.shape[None]
        if self.spread == 1:
            return replace(belief, noise=np.array([self.noise]), shape=shape)
        mean = belief.mean.astype(belief.draws.dtype)
        draws = mean + belief.draws.dtype.type(self.spread) * (belief.draws - mean)
        return Predictive(draws, belief.mean, self.spread * belief.sd, np.array([self.noise]), belief.classes, shape)

    def state(self) -> dict[str, np.ndarray]:
        """Arrays from which `restored` makes it again."""
        shape = {} if self.shape is None else {"shape": self.shape}
        return {"scales": np.array([self.spread, self.noise]), **shape}

    @classmethod
    def restored(cls, state: dict[str, np.ndarray]) -> Rescaling:
        """The counterpart of `state`."""
        spread, noise = map(float, state["scales"])
        return cls(spread, noise, state.get("shape"))


class Calibration(ABC):
    """How a correction is learned. A frozen dataclass of settings."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name in recipes and reports."""

    @abstractmethod
    def learn(self, unseen: Unseen) -> Rescaling:
        """The correction that held-out values ask for; none when they are fewer than 8."""

    @abstractmethod
    def sharpen(self, unseen: UnseenClasses) -> Sharpening:
        """The correction of probabilities that held-out classes ask for; none when they are fewer than 8."""
