"""Screening of huge pools: a student scores everything, its teacher rescores the best, with an estimated miss rate."""

from activeloop.screening.estimate import MissEstimate, ScreenResult, Stratum
from activeloop.screening.screen import Screen

__all__ = ["MissEstimate", "Screen", "ScreenResult", "Stratum"]
