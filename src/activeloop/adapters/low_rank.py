"""LoRA and its variants in an encoder."""

from __future__ import annotations

from peft import LoraConfig
from peft.tuners.lora import LoraModel

from activeloop.adapters.attaching import prove
from activeloop.adapters.base import Attached
from activeloop.adapters.lora import LoRA
from activeloop.adapters.pissa import Residual
from activeloop.adapters.targets import targeted
from activeloop.adapters.tuned import TunedAttached, pattern, tune
from activeloop.foundation.encoder import TransformerEncoder


def attach_lora(settings: LoRA, encoder: TransformerEncoder, seed: int, layers: tuple[int, ...]) -> Attached:
    """Put LoRA into these layers, and prove it."""
    maps = targeted(encoder.names, settings.targets)
    residual = Residual(encoder, layers, maps) if settings.variant == "pissa" else None
    tuner = tune(encoder, LoraModel, lora_config(settings, pattern(layers, maps)), seed)
    attached = TunedAttached(encoder, tuner, layers[0], rates={"lora_B": settings.plus}, residual=residual)
    prove(attached, settings.name)
    return attached


def lora_config(settings: LoRA, targets: str) -> LoraConfig:
    """As `peft` has it."""
    return LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,  # pyright: ignore[reportArgumentType] # any number will do
        lora_dropout=settings.dropout,
        target_modules=targets,
        use_rslora=settings.variant == "rslora",
        use_dora=settings.variant == "dora",
        # a randomised decomposition: the full one of six matrices of 650 M takes seconds
        init_lora_weights="pissa_niter_4" if settings.variant == "pissa" else True,  # pyright: ignore[reportArgumentType]
    )
