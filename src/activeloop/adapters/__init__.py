"""Which weights of a frozen foundation model learn."""

from activeloop.adapters.base import Adapter, Attached
from activeloop.adapters.frozen import Frozen
from activeloop.adapters.full import FullFineTuning
from activeloop.adapters.light_peft import LightPEFT
from activeloop.adapters.lora import LoRA
from activeloop.adapters.peft_adapter import PeftAdapter

__all__ = ["Adapter", "Attached", "Frozen", "FullFineTuning", "LightPEFT", "LoRA", "PeftAdapter"]
