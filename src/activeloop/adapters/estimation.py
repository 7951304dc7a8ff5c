"""Light-PEFT's estimation: masks on heads and units, and importance of adapters, before anything is pruned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from activeloop.adapters.config import LightPEFT
from activeloop.adapters.peft import DEFAULT
from activeloop.adapters.pruning import (
    Remains,
    Repair,
    adapted,
    base_of,
    factors,
    feed_forward,
    keep_heads,
    keep_ranks,
    keep_units,
)
from activeloop.foundation.encoder import TransformerEncoder

#: tokens in the sample of a map's inputs: many times the rank of a repair
SAMPLE = 512


class Estimation:
    """Masks and importance of everything that may be pruned.

    Args:
        encoder: with a LoRA adapter at every linear map; changed in place.
        settings: the shares to remove (where one is 0 there are no masks).
        seed: of the sampled tokens.
    """

    def __init__(self, encoder: TransformerEncoder, settings: LightPEFT, seed: int):
        self.encoder, self.settings = encoder, settings
        self.heads = _masks(encoder, encoder.names.output, encoder.heads, seed) if settings.heads else []
        self.units = _masks(encoder, encoder.names.narrow, feed_forward(encoder), seed) if settings.units else []
        self.adapters = {name: Importance(encoder, module) for name, module in adapted(encoder).items()}

    @property
    def masks(self) -> list[Mask]:
        """Of heads, then of units."""
        return [*self.heads, *self.units]

    def penalty(self) -> torch.Tensor | None:
        """L1 penalty on the masks."""
        if not self.masks:
            return None
        return self.settings.weight * torch.cat([mask.values for mask in self.masks]).abs().sum()

    def observe_gradients(self) -> None:
        """Count a step whose gradients are complete."""
        for importance in self.adapters.values():
            importance.observe_gradients()

    def reset(self) -> None:
        """Reset what was observed; the masks stay."""
        for observed in (*self.adapters.values(), *self.masks):
            observed.reset()

    def state(self) -> dict[str, torch.Tensor]:
        """What was observed: [M, 3] and [M, r] of the adapters; sample, keys and number of calls of each mask."""
        adapters = self.adapters.values()
        return {
            "sums": torch.stack([i.sums for i in adapters]),
            "taylor": torch.stack([i.taylor for i in adapters]),
            "calls": torch.tensor([mask.calls for mask in self.masks]),
            **{f"sample.{row}": mask.sample for row, mask in enumerate(self.masks)},
            **{f"keys.{row}": mask.keys for row, mask in enumerate(self.masks)},
        }

    def load(self, state: Mapping[str, torch.Tensor]) -> None:
        """The counterpart of `state`."""
        for row, importance in enumerate(self.adapters.values()):
            importance.sums.copy_(state["sums"][row])
            importance.taylor.copy_(state["taylor"][row])
        for row, mask in enumerate(self.masks):
            mask.sample = state[f"sample.{row}"].to(mask.sample)
            mask.keys = state[f"keys.{row}"].to(mask.keys)
            mask.calls = int(state["calls"][row])

    def choose(self) -> Remains:
        """What remains after pruning."""
        encoder, shares, layers = self.encoder, self.settings, len(self.encoder.layers)
        heads = keep_heads(_importance(self.heads, layers, encoder.heads), shares.heads)
        units = keep_units(_importance(self.units, layers, feed_forward(encoder)), shares.units)
        modules = {name: importance.of_module for name, importance in self.adapters.items()}
        ranks = {name: importance.of_ranks for name, importance in self.adapters.items()}
        repairs = {
            f"{layer}.{name}": mask.repair(keep[layer])
            for masks, keep, name in (
                (self.heads, heads, encoder.names.output),
                (self.units, units, encoder.names.narrow),
            )
            for layer, mask in enumerate(masks)
        }
        return Remains(heads, units, keep_ranks(modules, ranks, shares.modules, shares.ranks), repairs)

    def close(self, fold: bool = False) -> None:
        """Remove masks and hooks; `fold` multiplies the masks into the weights."""
        for importance in self.adapters.values():
            importance.close()
        for mask in self.masks:
            mask.close(fold)


class Mask:
    """A trained scalar, initially 1, for each group of neighbouring inputs of a linear map.

    Multiplying a head's attention probabilities is the same as multiplying its share of what enters the output
    projection, and a unit is what enters the second feed-forward map: both masks act there, whatever the attention's
    code.

    Args:
        encoder: with the module in it.
        module: the linear map, with its adapter if it has one.
        groups: of inputs.
        seed: of the sample.

    Attributes:
        sample: [S, in] inputs at real tokens, a uniform sample of all since the last reset.
        keys: [S] the largest of the random numbers, one for each token, by which the sample was chosen.
        calls: number of times that inputs were sampled.
    """

    def __init__(self, encoder: TransformerEncoder, module: nn.Module, groups: int, seed: int):
        weight = base_of(module).weight
        self.encoder, self.module, self.seed, self.calls = encoder, module, seed, 0
        self.sample, self.keys = weight.new_zeros(0, weight.shape[1]), weight.new_zeros(0, dtype=torch.float64)
        self.size = weight.shape[1] // groups
        self.values = nn.Parameter(torch.ones(groups, device=weight.device))
        # a parameter of the module moves to another device with it
        module.register_parameter("mask", self.values)
        self._handle = module.register_forward_pre_hook(self._multiply)

    def close(self, fold: bool = False) -> None:
        """Remove it; `fold` multiplies it into the map's weights."""
        self._handle.remove()
        del self.module.mask
        if fold:
            # new weights: other encoders may share the old ones
            linear = base_of(self.module)
            weight = linear.weight.detach() * self._each.detach().to(linear.weight.dtype)
            linear.weight = nn.Parameter(weight, linear.weight.requires_grad)

    def reset(self) -> None:
        """Empty the sample."""
        self.sample, self.keys = self.sample[:0], self.keys[:0]

    def repair(self, keep: torch.Tensor) -> Repair:
        """Reconstructs the removed groups.

        Args:
            keep: bool [groups].
        """
        return Repair.of(self.module, self.sample, keep.repeat_interleave(self.size))

    @property
    def _each(self) -> torch.Tensor:
        """[in] the scalar of each input."""
        return self.values.repeat_interleave(self.size)

    def _multiply(self, module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        # without gradients it is not a training step
        if torch.is_grad_enabled():
            self._add(inputs[0].detach()[self.encoder.real])
        return inputs[0] * self._each.to(inputs[0].dtype), *inputs[1:]

    def _add(self, inputs: torch.Tensor) -> None:
        """Reservoir sampling: the tokens with the largest random keys stay."""
        keys = np.random.default_rng([self.seed, self.calls]).random(len(inputs))
        self.calls += 1
        keys = torch.cat([self.keys, torch.from_numpy(keys).to(self.keys)])
        chosen = keys.topk(min(SAMPLE, len(keys))).indices
        old, new = chosen[chosen < len(self.sample)], chosen[chosen >= len(self.sample)]
        self.sample = torch.cat([self.sample[old], inputs[new - len(self.sample)].to(self.sample)])
        self.keys = keys[torch.cat([old, new])]


class Importance:
    """Of one adapter and its ranks, summed over minibatches and steps.

    The adapter's is the norm of its output over that of the frozen map's, a mean over real tokens; a rank's is the
    first-order change of the loss without it, |mean(A dL/dA)| + |mean(B dL/dB)|, a mean over steps.

    Args:
        encoder: with the module in it.
        module: of `peft`.
    """

    def __init__(self, encoder: TransformerEncoder, module: Any):
        self.encoder, self.module = encoder, module
        self.scaling = module.scaling[DEFAULT]
        into, out = factors(module)
        #: sum of ratios, tokens, steps
        self.sums = torch.zeros(3, device=into.weight.device)
        #: [r] summed over steps
        self.taylor = torch.zeros(into.out_features, device=into.weight.device)
        self._base = torch.zeros(0)
        self._handles = [
            base_of(module).register_forward_hook(self._observe_base),
            out.register_forward_hook(self._observe_adapter),
        ]

    @property
    def of_module(self) -> float:
        """Mean ratio of the norms of the outputs."""
        return float(self.sums[0] / self.sums[1].clamp(min=1))

    @property
    def of_ranks(self) -> torch.Tensor:
        """[r] mean change of the loss."""
        return self.taylor / self.sums[2].clamp(min=1)

    def reset(self) -> None:
        """Set all sums to 0."""
        self.sums.zero_()
        self.taylor.zero_()

    def observe_gradients(self) -> None:
        """Count a step whose gradients are complete."""
        into, out = (linear.weight for linear in factors(self.module))
        if into.grad is not None and out.grad is not None:
            self.taylor += (into * into.grad).mean(1).abs().detach() + (out * out.grad).mean(0).abs().detach()
        self.sums[2] += 1

    def close(self) -> None:
        """Remove the hooks."""
        for handle in self._handles:
            handle.remove()

    def _observe_base(self, linear: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        # without gradients it is not a training step
        if torch.is_grad_enabled():
            self._base = output.detach().float().norm(dim=-1)

    def _observe_adapter(self, linear: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        if torch.is_grad_enabled():
            ratio = self.scaling * output.detach().float().norm(dim=-1) / self._base.clamp(min=1e-12)
            real = self.encoder.real
            self.sums[0] += ratio[real].sum()
            self.sums[1] += real.sum()


def _masks(encoder: TransformerEncoder, module: str, groups: int, seed: int) -> list[Mask]:
    return [Mask(encoder, layer.get_submodule(module), groups, seed) for layer in encoder.layers]


def _importance(masks: list[Mask], layers: int, groups: int) -> torch.Tensor:
    """[layers, groups] absolute masks; 1 where there are none."""
    if not masks:
        return torch.ones(layers, groups)
    return torch.stack([mask.values.detach().abs() for mask in masks])
