"""Stated uncertainty corrected by what came true of held-out values, and figures of it."""

from activeloop.models.calibration.base import Calibration, OutOfFoldPredictions, Rescaling
from activeloop.models.calibration.learner import (
    CALIBRATIONS,
    Calibrated,
    CalibratedClassifier,
    CalibratedPredictor,
    calibrated,
)
from activeloop.models.calibration.methods import Conformal, Isotonic, NoiseEstimation, TemperatureScaling, Uncalibrated

__all__ = [
    "CALIBRATIONS",
    "Calibrated",
    "CalibratedClassifier",
    "CalibratedPredictor",
    "Calibration",
    "Conformal",
    "Isotonic",
    "NoiseEstimation",
    "OutOfFoldPredictions",
    "Rescaling",
    "TemperatureScaling",
    "Uncalibrated",
    "calibrated",
]
