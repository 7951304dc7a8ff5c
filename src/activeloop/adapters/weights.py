"""The encoder's own weights as what learns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from activeloop.adapters.attaching import few_tokens, freeze, kept, prove, put_back
from activeloop.adapters.base import Attached
from activeloop.foundation.encoder import TransformerEncoder


class WeightsAttached(Attached):
    """Weights of the encoder that learn where they are.

    Args:
        encoder: all of it frozen, whatever learns excepted.
        learnt: by their names in the encoder.
        lowest: layer with anything in it.
    """

    def __init__(self, encoder: TransformerEncoder, learnt: dict[str, torch.nn.Parameter], lowest: int):
        self.encoder, self.lowest = freeze(encoder), lowest
        self._learnt = learnt
        for p in learnt.values():
            # the memory may be another encoder's too
            p.data = p.detach().clone()
            p.requires_grad_(True)

    def parameters(self) -> list[torch.nn.Parameter]:
        """In the encoder's order."""
        return list(self._learnt.values())

    def state(self) -> dict[str, torch.Tensor]:
        """As large as the part of the model that learns."""
        return kept(self._learnt)

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """Into the encoder."""
        put_back(self._learnt, state)

    def merge(self) -> TransformerEncoder:
        """Nothing to fold."""
        return freeze(self.encoder)


def attach_weights(encoder: TransformerEncoder, layers: Sequence[int], everything: bool) -> WeightsAttached:
    """Let the weights of these layers and of what follows them learn, or everything, and prove it.

    Args:
        encoder: to change.
        layers: that learn.
        everything: whatever comes before the layers learns too.
    """
    ids, real = few_tokens(encoder)
    used = _reached(encoder, lambda: encoder(ids, real))
    early = {} if everything else _reached(encoder, lambda: encoder.embed(ids, real))
    others = {id(p) for i, layer in enumerate(encoder.layers) if i not in layers for p in layer.parameters()}
    chosen = {name: p for name, p in used.items() if name not in early and id(p) not in others}
    attached = WeightsAttached(encoder, chosen, -1 if everything else layers[0])
    prove(attached, "full")
    return attached


def _reached(encoder: TransformerEncoder, compute: Callable[[], torch.Tensor]) -> dict[str, torch.nn.Parameter]:
    """The parameters that a result depends on, by name."""
    named = dict(encoder.requires_grad_(True).named_parameters())
    with torch.enable_grad():
        gradients = torch.autograd.grad(compute().sum(), list(named.values()), allow_unused=True)
    return {name: p for (name, p), gradient in zip(named.items(), gradients, strict=True) if gradient is not None}
