"""Screening: a student over everything, its teacher over the best, and an estimate of what was missed."""

from activeloop.screening.estimate import MissEstimate, ScreenResult, Stratum
from activeloop.screening.screen import Screen

__all__ = ["MissEstimate", "Screen", "ScreenResult", "Stratum"]
