"""Corrections by the names that configs use."""

from __future__ import annotations

from activeloop.candidates import Pool, is_scan
from activeloop.errors import ConfigError
from activeloop.models.calibration.base import Calibration
from activeloop.models.calibration.learner import Calibrated
from activeloop.models.calibration.methods import Conformal, Isotonic, NoiseEstimation, TemperatureScaling, Uncalibrated
from activeloop.prediction import Learner

CALIBRATIONS: dict[str, type[Calibration]] = {
    "temperature": TemperatureScaling,
    "isotonic": Isotonic,
    "conformal": Conformal,
    "own-noise": NoiseEstimation,
    "none": Uncalibrated,
}


def plain(learner: Learner) -> Learner:
    """The learner inside a calibrated one; any other as it is."""
    return learner.learner if isinstance(learner, Calibrated) else learner


def default_calibration(pool: Pool) -> str:
    """The correction that is used when none is named: quantiles for scans, else only noise where none is known.

    In combinatorial libraries errors grow with the prediction, so quantiles of all held-out values are too narrow for
    the best ones, which a campaign measures next; see `docs/results/calibration`.

    >>> default_calibration(Pool.single_mutants("MKTAYIAKQR"))
    'isotonic'
    """
    return "isotonic" if is_scan(pool) else "own-noise"


def calibrated(learner: Learner, name: str, note: str = "") -> Calibrated:
    """A learner with the correction of a name, in place of the one it has.

    Args:
        learner: any.
        name: of the correction.
        note: as `Calibrated`.

    Raises:
        ConfigError: there is no correction of that name.
    """
    if name not in CALIBRATIONS:
        raise ConfigError(f'"{name}" is not a calibration. Known: {", ".join(CALIBRATIONS)}. Nothing was fitted.')
    return Calibrated(plain(learner), CALIBRATIONS[name](), note=note)
