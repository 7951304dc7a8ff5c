"""ActiveLoop: decide what to measure next.

The names that a campaign begins with are here; scores and batch choices are in `activeloop.acquisition`, learners in
`activeloop.models`, encoders in `activeloop.encoders`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from activeloop._version import __version__

if TYPE_CHECKING:
    from activeloop.campaigns import Campaign
    from activeloop.candidates import Pool
    from activeloop.measurements import Assay, Dataset, Measurement, read_measurements
    from activeloop.plates import Plate, Proposal
    from activeloop.prediction import Prediction

_HOMES = {
    "Assay": "measurements",
    "Campaign": "campaigns",
    "Dataset": "measurements",
    "Measurement": "measurements",
    "Plate": "plates",
    "Pool": "candidates",
    "Prediction": "prediction",
    "Proposal": "plates",
    "read_measurements": "measurements",
}

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


def __getattr__(name: str) -> Any:
    # Imported when it is first used, so that `import activeloop` and `activeloop --help` stay quick.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
