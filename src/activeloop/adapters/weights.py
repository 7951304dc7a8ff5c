"""The trunk's own weights as what learns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from activeloop.adapters.attaching import few_tokens, freeze, kept, prove, put_back
from activeloop.adapters.base import Attached
from activeloop.foundation.encoder import Trunk


class WeightsAttached(Attached):
    """Weights of the trunk that learn where they are.

    Args:
        trunk: all of it frozen, whatever learns excepted.
        learnt: by their names in the trunk.
        lowest: layer with anything in it.
    """

    def __init__(self, trunk: Trunk, learnt: dict[str, torch.nn.Parameter], lowest: int):
        self.trunk, self.lowest = freeze(trunk), lowest
        self._learnt = learnt
        for p in learnt.values():
            # the memory may be another trunk's too
            p.data = p.detach().clone()
            p.requires_grad_(True)

    def parameters(self) -> list[torch.nn.Parameter]:
        """In the trunk's order."""
        return list(self._learnt.values())

    def state(self) -> dict[str, torch.Tensor]:
        """As large as the part of the model that learns."""
        return kept(self._learnt)

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """Into the trunk."""
        put_back(self._learnt, state)

    def merge(self) -> Trunk:
        """Nothing to fold."""
        return freeze(self.trunk)


def attach_weights(trunk: Trunk, layers: Sequence[int], everything: bool) -> WeightsAttached:
    """Let the weights of these layers and of what follows them learn, or everything, and prove it.

    Args:
        trunk: to change.
        layers: that learn.
        everything: whatever comes before the layers learns too.
    """
    ids, real = few_tokens(trunk)
    used = _reached(trunk, lambda: trunk(ids, real))
    early = {} if everything else _reached(trunk, lambda: trunk.embed(ids, real))
    others = {id(p) for i, layer in enumerate(trunk.layers) if i not in layers for p in layer.parameters()}
    chosen = {name: p for name, p in used.items() if name not in early and id(p) not in others}
    attached = WeightsAttached(trunk, chosen, -1 if everything else layers[0])
    prove(attached, "full")
    return attached


def _reached(trunk: Trunk, compute: Callable[[], torch.Tensor]) -> dict[str, torch.nn.Parameter]:
    """The parameters that a result depends on, by name."""
    named = dict(trunk.requires_grad_(True).named_parameters())
    with torch.enable_grad():
        gradients = torch.autograd.grad(compute().sum(), list(named.values()), allow_unused=True)
    return {name: p for (name, p), gradient in zip(named.items(), gradients, strict=True) if gradient is not None}
