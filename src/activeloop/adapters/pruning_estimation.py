"""The estimation: what is learnt and looked at before anything is removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from activeloop.adapters.pruning import Remains, keep_heads, keep_ranks, keep_units
from activeloop.adapters.pruning_importance import Importance
from activeloop.adapters.pruning_layers import adapted, feed_forward
from activeloop.adapters.pruning_masks import Mask, mask_heads, mask_units
from activeloop.foundation.encoder import TransformerEncoder

if TYPE_CHECKING:
    from activeloop.adapters.light_peft import LightPEFT


class Estimation:
    """Scalars on heads and units, and a look at every adapter.

    Args:
        encoder: with a LoRA adapter at every linear map; changed in place.
        settings: which shares will be removed (what will not be needs no scalars).
        seed: of the tokens that are kept of what enters maps.
    """

    def __init__(self, encoder: TransformerEncoder, settings: LightPEFT, seed: int):
        self.encoder, self.settings = encoder, settings
        self.heads = mask_heads(encoder, seed) if settings.heads else []
        self.units = mask_units(encoder, seed) if settings.units else []
        self.adapters = {name: Importance(encoder, module) for name, module in adapted(encoder).items()}

    @property
    def masks(self) -> list[Mask]:
        """All scalars."""
        return [*self.heads, *self.units]

    def penalty(self) -> torch.Tensor | None:
        """Weight times the sum of the scalars' sizes."""
        if not self.masks:
            return None
        return self.settings.weight * torch.cat([mask.values for mask in self.masks]).abs().sum()

    def see_gradients(self) -> None:
        """Count a step whose gradients are complete."""
        for importance in self.adapters.values():
            importance.see_gradients()

    def reset(self) -> None:
        """Forget what was seen; the scalars stay."""
        for seen in (*self.adapters.values(), *self.masks):
            seen.reset()

    def state(self) -> dict[str, torch.Tensor]:
        """What was seen: [M, 3] and [M, r] of the adapters; of each mask its sample, the lots, and how many looks."""
        seen = self.adapters.values()
        samples = {f"seen.sample.{row}": mask.sample for row, mask in enumerate(self.masks)}
        shard_keys = {f"seen.lots.{row}": mask.shard_keys for row, mask in enumerate(self.masks)}
        looks = torch.tensor([mask.looks for mask in self.masks])
        sums, taylor = torch.stack([i.sums for i in seen]), torch.stack([i.taylor for i in seen])
        return {"seen.sums": sums, "seen.taylor": taylor, "seen.looks": looks, **samples, **shard_keys}

    def load(self, state: Mapping[str, torch.Tensor]) -> None:
        """The counterpart of `state`."""
        for row, importance in enumerate(self.adapters.values()):
            importance.sums.copy_(state["seen.sums"][row])
            importance.taylor.copy_(state["seen.taylor"][row])
        for row, mask in enumerate(self.masks):
            mask.sample = state[f"seen.sample.{row}"].to(mask.sample)
            mask.shard_keys = state[f"seen.lots.{row}"].to(mask.shard_keys)
            mask.looks = int(state["seen.looks"][row])

    def choose(self) -> Remains:
        """What shall remain."""
        encoder = self.encoder
        heads = _sizes(self.heads, len(encoder.layers), encoder.heads)
        units = _sizes(self.units, len(encoder.layers), feed_forward(encoder))
        modules = {name: importance.of_module for name, importance in self.adapters.items()}
        ranks = {name: importance.of_ranks for name, importance in self.adapters.items()}
        shares = self.settings
        heads, units = keep_heads(heads, shares.heads), keep_units(units, shares.units)
        repairs = {
            f"{layer}.{name}": mask.repair(kept[layer])
            for masks, kept, name in (
                (self.heads, heads, encoder.names.output),
                (self.units, units, encoder.names.narrow),
            )
            for layer, mask in enumerate(masks)
        }
        return Remains(heads, units, keep_ranks(modules, ranks, shares.modules, shares.ranks), repairs)

    def close(self, keep_effect: bool = False) -> None:
        """Take scalars and looks off; what the scalars did is put into the weights if asked."""
        for importance in self.adapters.values():
            importance.remove()
        for mask in self.masks:
            mask.remove(keep_effect)


def _sizes(masks: list[Mask], layers: int, each: int) -> torch.Tensor:
    """[L, each] of the scalars; 1 where there are none."""
    if not masks:
        return torch.ones(layers, each)
    return torch.stack([mask.values.detach().abs() for mask in masks])
