"""ESM-2's layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import torch
from torch import nn
from torch.nn import functional

from activeloop.backbones.attention import padding_bias
from activeloop.backbones.places import angles_at, at, attended, heads, of_padding, turned
from activeloop.backbones.trunk import LayerNames, Trunk


@final
class EsmTrunk(Trunk):
    """`EsmForMaskedLM` as a row of layers."""

    names = LayerNames(
        query="attention.self.query",
        key="attention.self.key",
        value="attention.self.value",
        output="attention.output.dense",
        widen=("intermediate.dense",),
        narrow="output.dense",
    )

    def __init__(self, model: nn.Module, headed: bool = True):
        super().__init__(model, headed)
        layers: Any = self.layers
        for layer in layers:
            layer.intermediate = Widening(layer.intermediate.dense).eval()

    @property
    def layers(self) -> nn.ModuleList:
        """The encoder's layers."""
        return self.model.esm.encoder.layer

    def embed(self, ids: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """Word embeddings, rescaled as in training when the checkpoint was trained so."""
        return self.model.esm.embeddings(input_ids=ids, attention_mask=real.long())

    def context(self, hidden: torch.Tensor, real: torch.Tensor) -> Any:
        """Attention bias and rotary angles."""
        bias = padding_bias(self.model.config, hidden, real)
        if self.model.esm.rotary_embeddings is None:
            return bias, None
        place = torch.arange(hidden.shape[1], device=hidden.device)[None]
        return bias, self.model.esm.rotary_embeddings(hidden, place)

    def layer(self, index: int, hidden: torch.Tensor, context: Any) -> torch.Tensor:
        """One encoder layer."""
        bias, angles = context
        return self.layers[index](hidden, attention_mask=bias, position_embeddings=angles)

    def layer_at(self, index: int, hidden: torch.Tensor, context: Any, places: torch.Tensor) -> torch.Tensor:
        """One encoder layer at some tokens."""
        bias, angles = context
        layer: Any = self.layers[index]
        attention, size = layer.attention.self, layer.attention.self.attention_head_size
        entering = layer.attention.LayerNorm(hidden)
        query = heads(attention.query(at(entering, places)), size)
        key, value = heads(attention.key(entering), size), heads(attention.value(entering), size)
        if angles is not None:
            # in single precision, as in the whole layer
            query = turned(query.float(), angles_at(angles, places)).to(query.dtype)
            key = turned(key.float(), angles).to(key.dtype)
        taken = attended(query, key, value, of_padding(bias), scale=size**-0.5)
        return layer.feed_forward_chunk(layer.attention.output(taken, at(hidden, places)))

    def finish(self, hidden: torch.Tensor) -> torch.Tensor:
        """The final layer norm."""
        return self.model.esm.encoder.emb_layer_norm_after(hidden)

    def guesses(self, finished: torch.Tensor) -> torch.Tensor:
        """Of the masked-language head."""
        return self.model.lm_head(finished)

    def set_heads(self, index: int, kept: Sequence[int]) -> None:
        """After some were removed."""
        attention: Any = self.model.esm.encoder.layer[index].attention.self
        attention.num_attention_heads = len(kept)
        attention.all_head_size = len(kept) * attention.attention_head_size


class Widening(nn.Module):
    """The widening half of a feed-forward block with torch's own GELU.

    That is one pass through memory, where the hand-written one takes several. Its parameters keep their names.

    Args:
        dense: the linear map of the block.
    """

    def __init__(self, dense: nn.Linear):
        super().__init__()
        self.dense = dense

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """[..., D] to [..., inner]."""
        return functional.gelu(self.dense(states))
