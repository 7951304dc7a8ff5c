"""ActiveLoop: decide what to measure next.

The names that a campaign begins with are here; scores and batch choices are in `activeloop.acquisition`, learners in
`activeloop.models`, encoders in `activeloop.encoders`.
"""

from typing import TYPE_CHECKING

from activeloop._lazy import on_use
from activeloop._version import __version__

if TYPE_CHECKING:
    from activeloop.campaigns import Campaign
    from activeloop.candidates import Pool
    from activeloop.measurements import Assay, Dataset, Measurement, read_measurements
    from activeloop.plates import Plate, Proposal
    from activeloop.prediction import Prediction

__all__ = [
    "Assay",
    "Campaign",
    "Dataset",
    "Measurement",
    "Plate",
    "Pool",
    "Prediction",
    "Proposal",
    "__version__",
    "read_measurements",
]

__getattr__ = on_use(__name__)
