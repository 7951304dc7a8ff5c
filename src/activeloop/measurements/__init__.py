"""Assays, measurements and data sets."""

from typing import TYPE_CHECKING

from activeloop._lazy import on_use

if TYPE_CHECKING:
    from activeloop.measurements.assay import Assay, Goal, Measurement, Qualifier, limits_of
    from activeloop.measurements.dataset import Dataset
    from activeloop.measurements.history import read_history, read_screens, read_treatments
    from activeloop.measurements.reading import FailedWell, ResultsFile, read_measurements
    from activeloop.measurements.summary import AssaySummary, summarise, summarise_assay
    from activeloop.measurements.wells import Layout, Well

__all__ = [
    "Assay",
    "AssaySummary",
    "Dataset",
    "FailedWell",
    "Goal",
    "Layout",
    "Measurement",
    "Qualifier",
    "ResultsFile",
    "Well",
    "limits_of",
    "read_history",
    "read_measurements",
    "read_screens",
    "read_treatments",
    "summarise",
    "summarise_assay",
]

__getattr__ = on_use(__name__)
