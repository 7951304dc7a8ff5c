"""Small networks distilled from a model, exported to run anywhere.

`Student`, `ModelCard` and `StudentTokenizer` need neither torch nor transformers; only distillation does.
"""

from typing import TYPE_CHECKING

from activeloop._lazy import on_use

if TYPE_CHECKING:
    from activeloop.students.distil.config import Transfer
    from activeloop.students.distil.distiller import Distiller, Search
    from activeloop.students.distil.networks import ConvNet, FirstLayers, SiteNetwork, SmallTransformer
    from activeloop.students.runtime.card import ModelCard
    from activeloop.students.runtime.student import Student
    from activeloop.students.runtime.tokenizer import StudentTokenizer

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

__getattr__ = on_use(__name__)
