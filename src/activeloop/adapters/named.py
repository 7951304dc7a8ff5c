"""Adapters by the names that configs use."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from activeloop.adapters.base import Adapter
from activeloop.adapters.frozen import Frozen
from activeloop.adapters.full import FullFineTuning
from activeloop.adapters.light_peft import LightPEFT
from activeloop.adapters.lora import LoRA
from activeloop.adapters.peft_adapter import PeftAdapter

#: what makes each adapter; takes its own options
ADAPTERS: dict[str, Callable[..., Adapter]] = {
    "dora": partial(LoRA, variant="dora"),
    "frozen": Frozen,
    "full": FullFineTuning,
    "ia3": partial(PeftAdapter, "ia3"),
    "light-peft": LightPEFT,
    "lora": LoRA,
    "pissa": partial(LoRA, variant="pissa"),
    "rslora": partial(LoRA, variant="rslora"),
}
#: names of adapters that are gone, and what to do instead
RETIRED = {"adalora": 'use "lora", or in Python PeftAdapter("adalora")'}
