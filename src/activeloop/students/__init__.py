"""Small networks distilled from a model, exported to run anywhere.

`Student`, `ModelCard` and `StudentTokenizer` need neither torch nor transformers; only distillation does.
"""

from typing import TYPE_CHECKING

from activeloop._lazy import on_use

if TYPE_CHECKING:
    from activeloop.students.campaign import CampaignDistillation, open_student
    from activeloop.students.distil.config import Transfer, Weights
    from activeloop.students.distil.distiller import Distiller, Found, Search
    from activeloop.students.distil.export import export
    from activeloop.students.distil.networks import ConvNet, FirstLayers, SiteNetwork, SmallTransformer
    from activeloop.students.runtime.card import ModelCard
    from activeloop.students.runtime.student import Student
    from activeloop.students.runtime.tokenizer import StudentTokenizer

__all__ = [
    "CampaignDistillation",
    "ConvNet",
    "Distiller",
    "FirstLayers",
    "Found",
    "ModelCard",
    "Search",
    "SiteNetwork",
    "SmallTransformer",
    "Student",
    "StudentTokenizer",
    "Transfer",
    "Weights",
    "export",
    "open_student",
]

__getattr__ = on_use(__name__)
