"""A small network taught by a model: distillation, export, screening of huge pools.

What runs a student (`Student`, `Card`, `Reading`, the screen) needs neither torch nor transformers; only teaching does.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from activeloop.students.card import Card
    from activeloop.students.convolution import ConvNet
    from activeloop.students.distiller import Distiller
    from activeloop.students.first_layers import FirstLayers
    from activeloop.students.reading import Reading
    from activeloop.students.search import Search
    from activeloop.students.site_network import SiteNetwork
    from activeloop.students.student import Student
    from activeloop.students.transfer import Transfer
    from activeloop.students.transformer import SmallTransformer

_HOMES = {
    "Card": "card",
    "ConvNet": "convolution",
    "Distiller": "distiller",
    "FirstLayers": "first_layers",
    "Reading": "reading",
    "Search": "search",
    "SiteNetwork": "site_network",
    "SmallTransformer": "transformer",
    "Student": "student",
    "Transfer": "transfer",
}

__all__ = [
    "Card",
    "ConvNet",
    "Distiller",
    "FirstLayers",
    "Reading",
    "Search",
    "SiteNetwork",
    "SmallTransformer",
    "Student",
    "Transfer",
]


def __getattr__(name: str) -> Any:
    # Imported when it is first used: to run a student takes less than to teach one.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
