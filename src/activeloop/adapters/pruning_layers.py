"""Linear maps, with a LoRA adapter or without, made smaller."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from activeloop.adapters.tuned import ONE
from activeloop.foundation.encoder import TransformerEncoder


def base_of(module: nn.Module) -> Any:
    """The linear map itself, below its adapter if it has one."""
    return getattr(module, "base_layer", module)


def adapted(encoder: TransformerEncoder) -> dict[str, Any]:
    """The `peft` layers of an encoder by layer and name (`3.attention.self.query`), in the order of the layers."""
    return {
        f"{index}.{name}": module
        for index, layer in enumerate(encoder.layers)
        for name in encoder.names.linear
        if hasattr(module := layer.get_submodule(name), "lora_A")
    }


def feed_forward(encoder: TransformerEncoder) -> int:
    """Feed-forward units of a layer."""
    return base_of(encoder.layers[0].get_submodule(encoder.names.narrow)).in_features


def factors(module: Any) -> tuple[Any, Any]:
    """The two linear maps of an adapter: in to rank (A), rank to out (B)."""
    return module.lora_A[ONE], module.lora_B[ONE]


def cut_outputs(module: nn.Module, kept: torch.Tensor) -> None:
    """Keep some of a map's outputs; bool [out]."""
    linear = base_of(module)
    _shrink(linear, rows=kept)
    if linear is not module:
        _shrink(factors(module)[1], rows=kept)


def cut_inputs(module: nn.Module, kept: torch.Tensor) -> None:
    """Keep some of a map's inputs; bool [in]."""
    linear = base_of(module)
    _shrink(linear, columns=kept)
    if linear is not module:
        _shrink(factors(module)[0], columns=kept)


def cut_ranks(module: Any, kept: torch.Tensor) -> None:
    """Keep some of an adapter's ranks, bool [r]; what is left is multiplied by alpha / rank of before."""
    into, out = factors(module)
    _shrink(into, rows=kept)
    _shrink(out, columns=kept)
    module.r[ONE] = into.out_features


def add_to_bias(module: nn.Module, shift: torch.Tensor) -> None:
    """Add [out] to what a map gives whatever enters it; it does not learn."""
    linear = base_of(module)
    shift = shift.to(linear.weight)
    # new numbers: the old ones may be shared with other encoders
    before = 0 if linear.bias is None else linear.bias.detach()
    linear.bias = nn.Parameter(before + shift, False)


def add_to_weight(module: nn.Module, product: torch.Tensor) -> None:
    """Add [out, in] to a map's weight."""
    linear = base_of(module)
    linear.weight = nn.Parameter(linear.weight.detach() + product.to(linear.weight), linear.weight.requires_grad)


def take_off(encoder: TransformerEncoder, name: str) -> None:
    """Put the linear map itself back where it had an adapter."""
    index, _, path = name.partition(".")
    parent, _, child = path.rpartition(".")
    owner = encoder.layers[int(index)].get_submodule(parent)
    setattr(owner, child, base_of(getattr(owner, child)))


def _shrink(linear: Any, rows: torch.Tensor | None = None, columns: torch.Tensor | None = None) -> None:
    weight, learns = linear.weight.detach(), linear.weight.requires_grad
    if rows is not None:
        places = _places(rows, weight)
        weight = weight[places]
        if linear.bias is not None:
            linear.bias = nn.Parameter(linear.bias.detach()[places], linear.bias.requires_grad)
    if columns is not None:
        weight = weight[:, _places(columns, weight)]
    linear.weight = nn.Parameter(weight.contiguous(), learns)
    linear.out_features, linear.in_features = weight.shape


def _places(kept: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Where a mask is true, found before it goes to where the weight is (which may have a shape only)."""
    return kept.nonzero().flatten().to(weight.device)
