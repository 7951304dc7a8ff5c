"""Bottleneck adapters that a condition steers, behind the layers of a frozen encoder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from activeloop.adapters.base import (
    PERTURBATION,
    Attached,
    check_gradients,
    copied,
    example_tokens,
    freeze,
    load_into,
    seeded_rng,
)
from activeloop.adapters.config import Conditional, chosen_layers
from activeloop.errors import ModelError
from activeloop.foundation.encoder import TransformerEncoder


class Bottleneck(nn.Module):
    """What is added behind one layer: `U gelu(D h + C e)`.

    Args:
        width: of hidden states.
        condition: size of the condition.
        inner: of the bottleneck.
    """

    def __init__(self, width: int, condition: int, inner: int):
        super().__init__()
        self.down = nn.Linear(width, inner)
        self.condition = nn.Linear(condition, inner, bias=False)
        self.up = nn.Linear(inner, width)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, hidden: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """[B, T, width] from hidden states and conditions [B, C]."""
        return self.up(functional.gelu(self.down(hidden) + self.condition(condition)[:, None]))


class ConditionalAttached(Attached):
    """Bottlenecks behind the layers of an encoder.

    Args:
        encoder: frozen.
        adapter: the settings.
        seed: of D and C.
    """

    def __init__(self, encoder: TransformerEncoder, adapter: Conditional, seed: int):
        chosen = chosen_layers(len(encoder.layers), adapter.layers_to_transform, adapter.last_layers)
        self.encoder, self.lowest = freeze(encoder), chosen[0]
        self._size, self._condition = adapter.condition, None
        example = next(encoder.parameters())
        with seeded_rng(seed):
            made = {str(i): Bottleneck(encoder.width, adapter.condition, adapter.bottleneck) for i in chosen}
        self.bottlenecks = nn.ModuleDict(made).to(example.device)
        # beside the encoder's own modules, so that it can be moved and saved as it was
        self._hooks = [encoder.layers[i].register_forward_hook(self._added(str(i))) for i in chosen]

    def _added(self, name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: torch.Tensor) -> torch.Tensor:
            if self._condition is None:
                raise ModelError(
                    "this encoder has a conditional adapter and no condition. Run it within `attached.under(...)`."
                )
            return output + self.bottlenecks[name](output, self._condition)

        return hook

    @contextmanager
    def under(self, conditions: torch.Tensor) -> Iterator[TransformerEncoder]:
        """The encoder under conditions [B, C], one for each sequence of the minibatch.

        Raises:
            ModelError: they are of another size.
        """
        if conditions.ndim != 2 or conditions.shape[1] != self._size:
            found = " x ".join(map(str, conditions.shape))
            raise ModelError(f"conditions are {found}, and this adapter takes [minibatch, {self._size}].")
        before, self._condition = self._condition, conditions
        try:
            yield self.encoder
        finally:
            self._condition = before

    @property
    def share(self) -> float:
        """Trainable parameters over those of the frozen encoder."""
        return self.trainable() / sum(p.numel() for p in self.encoder.parameters())

    def parameters(self) -> list[nn.Parameter]:
        """Of the bottlenecks."""
        return list(self.bottlenecks.parameters())

    def state(self) -> dict[str, torch.Tensor]:
        """Of the bottlenecks."""
        return copied(dict(self.bottlenecks.named_parameters()))

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """Into the bottlenecks."""
        load_into(dict(self.bottlenecks.named_parameters()), state)

    def merge(self) -> TransformerEncoder:
        """Refused.

        Raises:
            ModelError: always.
        """
        raise ModelError("a conditional adapter has another effect under each condition: it cannot be merged.")

    def detach(self) -> TransformerEncoder:
        """The encoder as it was."""
        for hook in self._hooks:
            hook.remove()
        return self.encoder


def attach_conditional(adapter: Conditional, encoder: TransformerEncoder, seed: int) -> ConditionalAttached:
    """Bottlenecks behind the chosen layers.

    Raises:
        ModelError: layers do not exist, or the adapter or its condition would have no effect.
    """
    attached = ConditionalAttached(encoder, adapter, seed)
    generator = torch.Generator().manual_seed(0)
    device = next(encoder.parameters()).device
    if device.type == "meta":
        return attached
    two = torch.randn((2, 2, adapter.condition), generator=generator).to(device)
    with attached.under(two[0]):
        check_gradients(attached, adapter.name)
    if not _listens(attached, two, generator):
        raise ModelError("the condition changes nothing in this encoder. Choose other layers; nothing was trained.")
    return attached


@torch.no_grad()
def _listens(attached: ConditionalAttached, two: torch.Tensor, generator: torch.Generator) -> bool:
    """Whether two conditions give two outputs, once the adapter is not at its start."""
    ids, real = example_tokens(attached.encoder)
    saved = [p.detach().clone() for p in attached.parameters()]
    for p in attached.parameters():
        p += (PERTURBATION * torch.randn(p.shape, generator=generator)).to(p)
    outputs = []
    for conditions in two:
        with attached.under(conditions) as encoder:
            outputs.append(encoder(ids, real)[real])
    for p, old in zip(attached.parameters(), saved, strict=True):
        p.copy_(old)
    return not torch.equal(outputs[0], outputs[1])
