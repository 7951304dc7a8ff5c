"""What a mutation usually does, before anything was measured of this protein."""

from __future__ import annotations
import numpy as np
from activeloop.backbones.blosum import substitution_costs
from activeloop.candidates import Sites


def substitution_scores(sites: Sites) -> np.ndarray:
    return (substitution_costs(sites) + 6.0) / 6.0
