"""Screening: a student over everything, its teacher over the best, and an estimate of what was missed."""

from activeloop.screening.estimate import Missed, Screened, Stratum
from activeloop.screening.screen import Screen

__all__ = ["Missed", "Screen", "Screened", "Stratum"]
