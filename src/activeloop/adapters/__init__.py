"""Which weights of a frozen foundation model learn."""

from activeloop.adapters.base import Adapter, Attached
from activeloop.adapters.frozen import Frozen
from activeloop.adapters.full import FullFineTuning
from activeloop.adapters.lora import LoRA

__all__ = ["Adapter", "Attached", "Frozen", "FullFineTuning", "LoRA"]
