"""What came back."""

from activeloop.measurements.assay import Assay, Goal
from activeloop.measurements.dataset import Dataset
from activeloop.measurements.measurement import Measurement, Qualifier

__all__ = ["Assay", "Dataset", "Goal", "Measurement", "Qualifier"]
