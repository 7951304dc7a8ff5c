"""Adapters by the names that configs use."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from activeloop.adapters.config import Adapter, Frozen, FullFineTuning, LightPEFT, LoRA, PeftAdapter

#: makes each adapter from its own options
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
