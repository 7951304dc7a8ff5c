"""Screening: a student over everything, its teacher over the best, and an estimate of what was missed."""

from activeloop.students.screening.missed import Missed, Stratum
from activeloop.students.screening.screen import Screen
from activeloop.students.screening.screened import Screened

__all__ = ["Missed", "Screen", "Screened", "Stratum"]
