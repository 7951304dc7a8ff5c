"""Stated uncertainty corrected by what came true of held-out values, and figures of it."""

from activeloop.models.calibration.as_stated import AsStated
from activeloop.models.calibration.base import Calibration, Rescaling
from activeloop.models.calibration.conformal import Conformal
from activeloop.models.calibration.isotonic import Isotonic
from activeloop.models.calibration.learner import Calibrated, CalibratedClassifier, CalibratedPredictor
from activeloop.models.calibration.named import CALIBRATIONS, calibrated, plain, usual_calibration
from activeloop.models.calibration.own_noise import OwnNoise
from activeloop.models.calibration.temperature import Temperature
from activeloop.models.calibration.unseen import Unseen

__all__ = [
    "CALIBRATIONS",
    "AsStated",
    "Calibrated",
    "CalibratedClassifier",
    "CalibratedPredictor",
    "Calibration",
    "Conformal",
    "Isotonic",
    "OwnNoise",
    "Rescaling",
    "Temperature",
    "Unseen",
    "calibrated",
    "plain",
    "usual_calibration",
]
