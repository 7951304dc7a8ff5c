"""Scalars that multiply heads and feed-forward units while it is found out which of them are needed.

Multiplying a head's attention probabilities is the same as multiplying its share of what enters the output projection,
and a unit is what enters the narrowing map: both are done there, whatever the attention's code.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from activeloop.adapters.pruning_layers import base_of, feed_forward
from activeloop.adapters.pruning_repair import Repair
from activeloop.foundation.encoder import TransformerEncoder

#: tokens of which it is kept what entered: many times the rank of a repair
SAMPLE = 512


class Mask:
    """A learnt scalar for each group of neighbouring inputs of a linear map; 1 to begin with.

    Args:
        encoder: it sits in.
        module: the linear map, with its adapter if it has one.
        groups: of inputs.
        seed: of the sample.

    Attributes:
        sample: [S, in] what entered at real tokens, drawn from all since it was forgotten last.
        shard_keys: [S] of the tokens in the sample: the largest of the random numbers that all drew.
        looks: how many times something entered.
    """

    def __init__(self, encoder: TransformerEncoder, module: nn.Module, groups: int, seed: int):
        weight = base_of(module).weight
        self.encoder, self.module, self.seed, self.looks = encoder, module, seed, 0
        self.sample, self.shard_keys = weight.new_zeros(0, weight.shape[1]), weight.new_zeros(0, dtype=torch.float64)
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
            # new weights: the old ones may be shared with other encoders
            linear = base_of(self.module)
            weight = linear.weight.detach() * self.each.detach().to(linear.weight.dtype)
            linear.weight = nn.Parameter(weight, linear.weight.requires_grad)

    def reset(self) -> None:
        """Forget the inputs."""
        self.sample, self.shard_keys = self.sample[:0], self.shard_keys[:0]

    def repair(self, kept: torch.Tensor) -> Repair:
        """What makes up for the groups that go.

        Args:
            kept: bool [groups] of those that stay.
        """
        return Repair.of(self.module, self.sample, kept.repeat_interleave(self.size))

    def _multiply(self, module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        # without gradients it is not a training step
        if torch.is_grad_enabled():
            self._draw(inputs[0].detach()[self.encoder.real])
        return inputs[0] * self.each.to(inputs[0].dtype), *inputs[1:]

    def _draw(self, entered: torch.Tensor) -> None:
        shard_keys = np.random.default_rng([self.seed, self.looks]).random(len(entered))
        self.looks += 1
        shard_keys = torch.cat([self.shard_keys, torch.from_numpy(shard_keys).to(self.shard_keys)])
        drawn = shard_keys.topk(min(SAMPLE, len(shard_keys))).indices
        old, new = drawn[drawn < len(self.sample)], drawn[drawn >= len(self.sample)]
        self.sample = torch.cat([self.sample[old], entered[new - len(self.sample)].to(self.sample)])
        self.shard_keys = shard_keys[torch.cat([old, new])]


def mask_heads(encoder: TransformerEncoder, seed: int) -> list[Mask]:
    """One mask a layer, one scalar a head."""
    return [Mask(encoder, layer.get_submodule(encoder.names.output), encoder.heads, seed) for layer in encoder.layers]


def mask_units(encoder: TransformerEncoder, seed: int) -> list[Mask]:
    """One mask a layer, one scalar a feed-forward unit."""
    units = feed_forward(encoder)
    return [Mask(encoder, layer.get_submodule(encoder.names.narrow), units, seed) for layer in encoder.layers]
