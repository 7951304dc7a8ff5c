"""A small network taught by a model: distillation, export, screening of huge pools.

What runs a student (`Student`, `ModelCard`, `StudentTokenizer`) needs neither torch nor transformers;
only distillation does.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from activeloop.students.distil.config import Distiller
    from activeloop.students.distil.first_layers import FirstLayers
    from activeloop.students.distil.networks import ConvNet, SiteNetwork, SmallTransformer
    from activeloop.students.distil.search import Search
    from activeloop.students.distil.transfer import Transfer
    from activeloop.students.runtime.card import ModelCard
    from activeloop.students.runtime.reading import StudentTokenizer
    from activeloop.students.runtime.student import Student

_HOMES = {
    "ModelCard": "runtime.card",
    "ConvNet": "distil.networks",
    "Distiller": "distil.config",
    "FirstLayers": "distil.first_layers",
    "StudentTokenizer": "runtime.reading",
    "Search": "distil.search",
    "SiteNetwork": "distil.networks",
    "SmallTransformer": "distil.networks",
    "Student": "runtime.student",
    "Transfer": "distil.transfer",
}

__all__ = [
    "ConvNet",
    "Distiller",
    "FirstLayers",
    "ModelCard",
    "Search",
    "SiteNetwork",
    "SmallTransformer",
    "Student",
    "StudentTokenizer",
    "Transfer",
]


def __getattr__(name: str) -> Any:
    # Imported when it is first used: to run a student takes less than to teach one.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
