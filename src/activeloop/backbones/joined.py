"""Several encoders side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.backbones.base import SiteWise
from activeloop.candidates import Sites


@dataclass(frozen=True)
class Joined(SiteWise):
    """The features of each encoder, one after the other.

    Args:
        backbones: at least one.

    >>> from activeloop.backbones import OneHot, Physicochemical
    >>> Joined((OneHot(), Physicochemical())).name
    'onehot+physicochemical'
    """

    backbones: tuple[SiteWise, ...]

    @property
    def name(self) -> str:
        """Their names, joined by a plus."""
        return "+".join(backbone.name for backbone in self.backbones)

    def encode(self, sites: Sites, codes: np.ndarray) -> np.ndarray:
        """Float32 [n, sum of D]."""
        return np.concatenate([backbone.encode(sites, codes) for backbone in self.backbones], axis=1)
