"""A correction only where something is missing: learners that know no noise of their own are told it."""

from __future__ import annotations

from dataclasses import dataclass, field

from activeloop.models.calibration.base import Calibration, Rescaling
from activeloop.models.calibration.classes import Sharpening, UnseenClasses
from activeloop.models.calibration.temperature import Temperature
from activeloop.models.calibration.unseen import Unseen


@dataclass(frozen=True)
class OwnNoise(Calibration):
    """A temperature for networks and forests; spread and noise of learners that know theirs stay as they are.

    So nothing that a campaign chooses changes with the learners that are used by default: their stated spreads were
    right without a correction (`docs/results/calibration`).

    Args:
        otherwise: the temperature of the others.
    """

    otherwise: Temperature = field(default_factory=Temperature)

    @property
    def name(self) -> str:
        """`own-noise`."""
        return "own-noise"

    def learn(self, unseen: Unseen) -> Rescaling:
        """Nothing, or the temperature; see `Calibration.learn`."""
        return Rescaling(1.0, unseen.noise) if unseen.noise > 0 else self.otherwise.learn(unseen)

    def sharpen(self, unseen: UnseenClasses) -> Sharpening:
        """Nothing."""
        return Sharpening(1.0)
