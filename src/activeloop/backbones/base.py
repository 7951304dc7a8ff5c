"""The role of turning candidates into features."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from activeloop.candidates import Pool


class Backbone(ABC):
    """Turns rows of a pool into numbers."""

    @property
    def sitewise(self) -> bool:
        """Whether each feature looks at the letter of one site alone, so that features of sites add up."""
        return False

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name in recipes and reports."""

    @abstractmethod
    def features(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """Float32 [n, D]; D depends on the pool's sites alone, not on the rows, and no value on other rows."""
