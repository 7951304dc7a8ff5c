"""Training the encoder's own weights."""

from __future__ import annotations

from collections.abc import Callable

import torch

from activeloop.adapters.base import Attached, check_gradients, copied, example_tokens, freeze, load_into
from activeloop.adapters.config import FullFineTuning, chosen_layers
from activeloop.foundation.encoder import TransformerEncoder


class WeightsAttached(Attached):
    """Weights of the encoder, trained in place.

    Args:
        encoder: all other weights are frozen.
        trained: by their names in the encoder; may be empty.
        lowest: layer with any of them.
    """

    def __init__(self, encoder: TransformerEncoder, trained: dict[str, torch.nn.Parameter], lowest: int):
        self.encoder, self.lowest = freeze(encoder), lowest
        self._trained = trained
        for p in trained.values():
            # other encoders may share the memory
            p.data = p.detach().clone()
            p.requires_grad_(True)

    def parameters(self) -> list[torch.nn.Parameter]:
        """In the encoder's order."""
        return list(self._trained.values())

    def state(self) -> dict[str, torch.Tensor]:
        """As large as the trained part of the model."""
        return copied(self._trained)

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """Into the encoder."""
        load_into(self._trained, state)

    def merge(self) -> TransformerEncoder:
        """Nothing to fold."""
        return freeze(self.encoder)


def attach_weights(adapter: FullFineTuning, encoder: TransformerEncoder) -> WeightsAttached:
    """Train the chosen layers and what follows them, or everything; nothing is sampled."""
    layers = chosen_layers(len(encoder.layers), adapter.layers_to_transform, adapter.last_layers)
    ids, real = example_tokens(encoder)
    used = _used_by(encoder, lambda: encoder(ids, real))
    embeddings = {} if adapter.everything else _used_by(encoder, lambda: encoder.embed(ids, real))
    others = {id(p) for i, layer in enumerate(encoder.layers) if i not in layers for p in layer.parameters()}
    trained = {name: p for name, p in used.items() if name not in embeddings and id(p) not in others}
    attached = WeightsAttached(encoder, trained, -1 if adapter.everything else layers[0])
    check_gradients(attached, adapter.name)
    return attached


def _used_by(encoder: TransformerEncoder, compute: Callable[[], torch.Tensor]) -> dict[str, torch.nn.Parameter]:
    """The parameters that a result depends on, by name."""
    named = dict(encoder.requires_grad_(True).named_parameters())
    with torch.enable_grad():
        gradients = torch.autograd.grad(compute().sum(), list(named.values()), allow_unused=True)
    return {name: p for (name, p), gradient in zip(named.items(), gradients, strict=True) if gradient is not None}
