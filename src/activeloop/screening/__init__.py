"""Screening of huge pools: a student scores everything, its teacher the best, and an estimate tells what was missed."""

from activeloop.screening.estimate import MissEstimate, ScreenResult, Stratum
from activeloop.screening.screen import Screen

__all__ = ["MissEstimate", "Screen", "ScreenResult", "Stratum"]
