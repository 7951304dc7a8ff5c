"""Small networks distilled from a model, exported to run anywhere.

`Student`, `ModelCard` and `StudentTokenizer` need neither torch nor transformers; only distillation does.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from activeloop.students.distil.config import Transfer
    from activeloop.students.distil.distiller import Distiller, Search
    from activeloop.students.distil.networks import ConvNet, FirstLayers, SiteNetwork, SmallTransformer
    from activeloop.students.runtime.card import ModelCard
    from activeloop.students.runtime.student import Student
    from activeloop.students.runtime.tokenizer import StudentTokenizer

_HOMES = {
    "ConvNet": "distil.networks",
    "Distiller": "distil.distiller",
    "FirstLayers": "distil.networks",
    "ModelCard": "runtime.card",
    "Search": "distil.distiller",
    "SiteNetwork": "distil.networks",
    "SmallTransformer": "distil.networks",
    "Student": "runtime.student",
    "StudentTokenizer": "runtime.tokenizer",
    "Transfer": "distil.config",
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
    # imported on use: running a student needs less than training one
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
