"""Adapters: which weights of a pretrained model are trained."""

from activeloop.adapters.attaching import attach
from activeloop.adapters.config import Adapter, Conditional, Frozen, FullFineTuning, LightPEFT, LoRA, PeftAdapter

__all__ = ["Adapter", "Conditional", "Frozen", "FullFineTuning", "LightPEFT", "LoRA", "PeftAdapter", "attach"]
