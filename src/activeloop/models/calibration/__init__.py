"""Calibration: stated uncertainty corrected by held-out values, and metrics of it."""

from activeloop.models.calibration.corrections import (
    CALIBRATIONS,
    Calibration,
    Conformal,
    Isotonic,
    NoiseEstimation,
    Rescaling,
    TemperatureScaling,
    Uncalibrated,
)
from activeloop.models.calibration.held_out import OutOfFoldPredictions
from activeloop.models.calibration.learner import Calibrated, CalibratedClassifier, CalibratedPredictor, calibrated

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
