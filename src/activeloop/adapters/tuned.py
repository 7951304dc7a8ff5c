"""Adapters of `peft` in the linear maps of an encoder's layers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from peft.tuners.tuners_utils import BaseTuner, BaseTunerLayer

from activeloop.adapters.attaching import freeze, kept, put_back, seeded
from activeloop.adapters.base import Attached
from activeloop.errors import ModelError
from activeloop.foundation.encoder import TransformerEncoder

if TYPE_CHECKING:
    from activeloop.adapters.pissa import Residual

#: what `peft` calls an adapter that was given no name
ONE = "default"


def pattern(layers: Sequence[int], maps: Sequence[str]) -> str:
    r"""A regular expression of the full names, within an encoder's layers, of these linear maps.

    Bare names such as "dense" would also hit the masked-language head, and `peft`'s own choice of layers does not know
    every architecture.

    >>> pattern((0, 11), ("output.dense",))
    '(0|11)\\.(output\\.dense)'
    """
    return rf"({'|'.join(map(str, layers))})\.({'|'.join(map(re.escape, maps))})"


def tune(encoder: TransformerEncoder, kind: type[BaseTuner], config: Any, seed: int) -> Any:
    """Put a `peft` tuner into the layers of an encoder, all else frozen.

    Raises:
        ModelError: there is an adapter in it already.
    """
    if any(isinstance(module, BaseTunerLayer) for module in encoder.modules()):
        raise ModelError("this encoder has an adapter. Merge it, or load the model anew; nothing was attached.")
    freeze(encoder)
    with seeded(seed):
        tuner = kind(encoder.layers, config, ONE)
    for module in tuner_layers(encoder):
        # Under autocast the inputs would be cast to the adapters' float32, and back at once.
        module.cast_input_dtype_enabled = module.weight.dtype != torch.float32
    encoder.train(encoder.training)
    return tuner


def tuner_layers(encoder: TransformerEncoder) -> Iterator[Any]:
    """The linear maps that have an adapter."""
    return (module for module in encoder.modules() if isinstance(module, BaseTunerLayer))


def learnt(encoder: TransformerEncoder) -> dict[str, torch.nn.Parameter]:
    """What learns in the layers, by a name that does not change with `peft`."""
    named = encoder.layers.named_parameters()
    return {f"layers.{name.replace(f'.{ONE}', '')}": p for name, p in named if p.requires_grad}


def fold(encoder: TransformerEncoder, tuner: BaseTuner) -> TransformerEncoder:
    """The adapters added to the weights, and taken away."""
    for module in tuner_layers(encoder):
        # the memory may be another encoder's too
        weight = module.get_base_layer().weight
        weight.data = weight.detach().clone()
    tuner.merge_and_unload()
    encoder.train(encoder.training)
    return freeze(encoder)


class TunedAttached(Attached):
    """An adapter of `peft` that needs nothing but its parameters.

    Args:
        encoder: with the tuner in it.
        tuner: of `peft`.
        lowest: layer with an adapter.
        rates: by the last part but one of a parameter's name, by how much its learning rate is multiplied.
        residual: when the adapter started from a part of the weights.
    """

    def __init__(
        self,
        encoder: TransformerEncoder,
        tuner: Any,
        lowest: int,
        rates: Mapping[str, float] | None = None,
        residual: Residual | None = None,
    ):
        self.encoder, self.lowest = encoder, lowest
        self.tuner, self._rates, self._residual = tuner, rates or {}, residual
        self._learnt = learnt(encoder)
        if residual is not None:
            residual.begin()

    def parameters(self) -> list[torch.nn.Parameter]:
        """Of the adapters."""
        return list(self._learnt.values())

    def rates(self) -> list[float]:
        """As asked for."""
        return [self._rates.get(name.rsplit(".", 2)[1], 1.0) for name in self._learnt]

    def state(self) -> dict[str, torch.Tensor]:
        """Of the adapters, and what they started from when the weights are less that."""
        return kept(self._all)

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """Into the adapters."""
        put_back(self._all, state)
        if self._residual is not None:
            self._residual.take_out()

    def merge(self) -> TransformerEncoder:
        """By `peft`."""
        return fold(self.encoder, self.tuner)

    @property
    def _all(self) -> dict[str, torch.Tensor]:
        return {**self._learnt, **({} if self._residual is None else self._residual.start)}
