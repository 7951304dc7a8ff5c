"""What came back."""

from activeloop.measurements.assay import Assay, Goal
from activeloop.measurements.dataset import Dataset
from activeloop.measurements.measurement import Measurement, Qualifier
from activeloop.measurements.summary import AssaySummary, summarise, summarise_assay

__all__ = ["Assay", "AssaySummary", "Dataset", "Goal", "Measurement", "Qualifier", "summarise", "summarise_assay"]
