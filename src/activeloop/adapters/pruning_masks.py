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
        trunk: it sits in.
        module: the linear map, with its adapter if it has one.
        groups: of inputs.

    Attributes:
        sums: [in] of the inputs at real tokens since they were forgotten last.
        count: [1] of these tokens.
    """

    def __init__(self, trunk: Trunk, module: nn.Module, groups: int):
        weight = base_of(module).weight
        self.trunk, self.module = trunk, module
        self.sums, self.count = torch.zeros(weight.shape[1], device=weight.device), torch.zeros(1, device=weight.device)
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

    def reset(self) -> None:
        """Forget the inputs."""
        self.sums.zero_()
        self.count.zero_()

    def shift(self, kept: torch.Tensor) -> torch.Tensor:
        """[out] what the groups that go usually added to the output.

        Args:
            kept: bool [groups] of those that stay.
        """
        gone = ~kept.repeat_interleave(self.size)
        weight = base_of(self.module).weight.detach().float()
        return weight[:, gone] @ (self.sums[gone] / self.count.clamp(min=1))

    def _multiply(self, module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        # without gradients it is not a training step
        if torch.is_grad_enabled():
            real = self.trunk.real
            self.sums += inputs[0].detach()[real].float().sum(0)
            self.count += real.sum()
        return inputs[0] * self.each.to(inputs[0].dtype), *inputs[1:]


def mask_heads(trunk: Trunk) -> list[Mask]:
    """One mask a layer, one scalar a head."""
    return [Mask(trunk, layer.get_submodule(trunk.names.output), trunk.heads) for layer in trunk.layers]


def mask_units(trunk: Trunk) -> list[Mask]:
    """One mask a layer, one scalar a feed-forward unit."""
    return [Mask(trunk, layer.get_submodule(trunk.names.narrow), feed_forward(trunk)) for layer in trunk.layers]
