"""Corrections by the names that recipes use."""

from __future__ import annotations

from activeloop.errors import RecipeError
from activeloop.models.calibration.as_stated import AsStated
from activeloop.models.calibration.base import Calibration
from activeloop.models.calibration.conformal import Conformal
from activeloop.models.calibration.isotonic import Isotonic
from activeloop.models.calibration.learner import Calibrated
from activeloop.models.calibration.temperature import Temperature
from activeloop.predictive import Learner

CALIBRATIONS: dict[str, type[Calibration]] = {
    "temperature": Temperature,
    "isotonic": Isotonic,
    "conformal": Conformal,
    "none": AsStated,
}


def plain(learner: Learner) -> Learner:
    """The learner inside a calibrated one; any other as it is."""
    return learner.learner if isinstance(learner, Calibrated) else learner


def calibrated(learner: Learner, name: str) -> Calibrated:
    """A learner with the correction of a name, in place of the one it has.

    Raises:
        RecipeError: there is no correction of that name.
    """
    if name not in CALIBRATIONS:
        raise RecipeError(f'"{name}" is not a calibration. Known: {", ".join(CALIBRATIONS)}. Nothing was fitted.')
    return Calibrated(plain(learner), CALIBRATIONS[name]())
