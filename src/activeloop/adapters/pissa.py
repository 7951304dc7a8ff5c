"""What PiSSA leaves of the weights when it takes its start values out of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from activeloop.adapters.tuned import ONE
from activeloop.foundation.encoder import TransformerEncoder


class Residual:
    """Weights less the product that an adapter started from.

    The start values come from a singular value decomposition, which no two machines agree on to the last bit, so they
    are kept beside what was learnt, and the weights as they were are held in memory to take them out of.

    Args:
        encoder: before the adapter is put into it.
        layers, maps: that will have one.
    """

    def __init__(self, encoder: TransformerEncoder, layers: Sequence[int], maps: Sequence[str]):
        self._encoder = encoder
        names = [f"{layer}.{name}" for layer in layers for name in maps]
        self._before = {name: self._module(name).weight.detach().clone() for name in names}
        self.start: dict[str, torch.Tensor] = {}

    def begin(self) -> None:
        """Remember the start values of the adapter that is in the encoder now."""
        for name in self._before:
            module = self._module(name)
            for factor in ("lora_A", "lora_B"):
                self.start[f"start.{name}.{factor}"] = getattr(module, factor)[ONE].weight.detach().clone()
        self.take_out()

    @torch.no_grad()
    def take_out(self) -> None:
        """Make the weights what they were less the product of the start values."""
        for name, before in self._before.items():
            module = self._module(name)
            product = self.start[f"start.{name}.lora_B"] @ self.start[f"start.{name}.lora_A"]
            module.base_layer.weight.copy_(before - module.scaling[ONE] * product)

    def _module(self, name: str) -> Any:
        return self._encoder.layers.get_submodule(name)
