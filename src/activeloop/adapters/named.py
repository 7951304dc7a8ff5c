"""Adapters by the names that recipes use."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from activeloop.adapters.adalora import AdaLoRA
from activeloop.adapters.base import Adapter
from activeloop.adapters.frozen import Frozen
from activeloop.adapters.full import FullFineTuning
from activeloop.adapters.ia3 import IA3
from activeloop.adapters.light_peft import LightPEFT
from activeloop.adapters.lora import LoRA

#: what makes each adapter; takes its own options
ADAPTERS: dict[str, Callable[..., Adapter]] = {
    "adalora": AdaLoRA,
    "dora": partial(LoRA, variant="dora"),
    "frozen": Frozen,
    "full": FullFineTuning,
    "ia3": IA3,
    "light-peft": LightPEFT,
    "lora": LoRA,
    "pissa": partial(LoRA, variant="pissa"),
    "rslora": partial(LoRA, variant="rslora"),
}
