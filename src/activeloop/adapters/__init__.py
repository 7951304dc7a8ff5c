"""Which weights of a frozen foundation model learn."""

from activeloop.adapters.adalora import AdaLoRA
from activeloop.adapters.base import Adapter, Attached
from activeloop.adapters.frozen import Frozen
from activeloop.adapters.full import FullFineTuning
from activeloop.adapters.ia3 import IA3
from activeloop.adapters.light_peft import LightPEFT
from activeloop.adapters.lora import LoRA

__all__ = ["IA3", "AdaLoRA", "Adapter", "Attached", "Frozen", "FullFineTuning", "LightPEFT", "LoRA"]
