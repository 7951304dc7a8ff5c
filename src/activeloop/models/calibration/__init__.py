"""Stated uncertainty corrected by what came true of held-out values, and figures of it."""

from activeloop.models.calibration.base import Calibration, Rescaling, Unseen
from activeloop.models.calibration.learner import Calibrated, CalibratedClassifier, CalibratedPredictor
from activeloop.models.calibration.methods import AsStated, Conformal, Isotonic, OwnNoise, Temperature
from activeloop.models.calibration.registry import CALIBRATIONS, calibrated, plain, usual_calibration

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
