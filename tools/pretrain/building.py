"""Models made or changed for training."""

from __future__ import annotations

from typing import Any

import torch
from transformers import EsmForMaskedLM

from activeloop.foundation.architectures import Widening
from tools.pretrain.attention import NAME
from tools.pretrain.shape import Shape


def build(shape: Shape, seed: int) -> EsmForMaskedLM:
    """A model with random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return EsmForMaskedLM(shape.config())


def quicken(model: EsmForMaskedLM, device: str, half: bool) -> EsmForMaskedLM:
    """The quickest kernels for training a model on a device; it is changed in place, the names of its weights stay.

    Args:
        model: any of ESM-2's shape; adapters may sit in it.
        device: where it shall be.
        half: whether it will run in bfloat16.
    """
    # written out, attention trains fastest on processors at these lengths
    model.set_attn_implementation("sdpa" if device.startswith("cuda") else NAME if half else "eager")
    layers: Any = model.esm.encoder.layer
    for layer in layers:
        layer.intermediate = Widening(layer.intermediate.dense)
    return model.to(device)  # type: ignore[arg-type]
