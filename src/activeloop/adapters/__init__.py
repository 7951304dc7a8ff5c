"""Adapters: which weights of a pretrained model are trained."""

from activeloop.adapters.attaching import attach
from activeloop.adapters.config import Adapter, Frozen, FullFineTuning, LightPEFT, LoRA, PeftAdapter

__all__ = ["Adapter", "Frozen", "FullFineTuning", "LightPEFT", "LoRA", "PeftAdapter", "attach"]
