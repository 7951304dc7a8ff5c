"""Stated uncertainty corrected by what came true of held-out values, and figures of it."""

from activeloop.models.calibration.base import Calibration, Rescaling
from activeloop.models.calibration.conformal import Conformal, values_needed
from activeloop.models.calibration.isotonic import Isotonic
from activeloop.models.calibration.learner import Calibrated, CalibratedPredictor
from activeloop.models.calibration.temperature import Temperature
from activeloop.models.calibration.unseen import Unseen

__all__ = [
    "Calibrated",
    "CalibratedPredictor",
    "Calibration",
    "Conformal",
    "Isotonic",
    "Rescaling",
    "Temperature",
    "Unseen",
    "values_needed",
]
