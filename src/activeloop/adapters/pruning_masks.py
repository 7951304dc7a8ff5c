"""Scalars that multiply heads and feed-forward units while it is found out which of them are needed.

Multiplying a head's attention probabilities is the same as multiplying its share of what enters the output projection,
and a unit is what enters the narrowing map: both are done there, whatever the attention's code.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from activeloop.adapters.pruning_layers import base_of, feed_forward
from activeloop.backbones.trunk import Trunk


class Mask:
    """A learnt scalar for each group of neighbouring inputs of a linear map; 1 to begin with.

    Args:
        module: the linear map, with its adapter if it has one.
        groups: of inputs.
    """

    def __init__(self, module: nn.Module, groups: int):
        weight = base_of(module).weight
        self.module = module
        self.size = weight.shape[1] // groups
        self.values = nn.Parameter(torch.ones(groups, device=weight.device))
        # as a parameter of the module it moves to another device together with it
        module.register_parameter("mask", self.values)
        self._handle = module.register_forward_pre_hook(self._multiply)

    @property
    def each(self) -> torch.Tensor:
        """[in] the scalar of each input."""
        return self.values.repeat_interleave(self.size)

    def remove(self, keep_effect: bool = False) -> None:
        """Take it off; what it did is put into the map's weights if asked."""
        self._handle.remove()
        del self.module.mask
        if keep_effect:
            # new weights: the old ones may be shared with other trunks
            linear = base_of(self.module)
            weight = linear.weight.detach() * self.each.detach().to(linear.weight.dtype)
            linear.weight = nn.Parameter(weight, linear.weight.requires_grad)

    def _multiply(self, module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return inputs[0] * self.each.to(inputs[0].dtype), *inputs[1:]


def mask_heads(trunk: Trunk) -> list[Mask]:
    """One mask a layer, one scalar a head."""
    return [Mask(layer.get_submodule(trunk.names.output), trunk.heads) for layer in trunk.layers]


def mask_units(trunk: Trunk) -> list[Mask]:
    """One mask a layer, one scalar a feed-forward unit."""
    return [Mask(layer.get_submodule(trunk.names.narrow), feed_forward(trunk)) for layer in trunk.layers]
