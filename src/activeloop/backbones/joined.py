"""Several encoders side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.backbones.base import Backbone
from activeloop.candidates import Pool


@dataclass(frozen=True)
class Joined(Backbone):
    """The features of each encoder, one after the other.

    Args:
        backbones: at least one.

    >>> from activeloop.backbones import OneHot, Physicochemical
    >>> pool = Pool.combinatorial("VDGV", sites=[1, 2], letters="AV")
    >>> Joined((OneHot(), Physicochemical())).name
    'onehot+physicochemical'
    """

    backbones: tuple[Backbone, ...]

    @property
    def name(self) -> str:
        """Their names, joined by a plus."""
        return "+".join(backbone.name for backbone in self.backbones)

    @property
    def sitewise(self) -> bool:
        """Whether all of them are."""
        return all(backbone.sitewise for backbone in self.backbones)

    def features(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """Float32 [n, sum of D]."""
        return np.concatenate([backbone.features(pool, rows) for backbone in self.backbones], axis=1)
