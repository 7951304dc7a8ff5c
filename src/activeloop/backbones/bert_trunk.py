"""The layers of BERT and RoBERTa."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import torch
from torch import nn

from activeloop.backbones.attention import padding_bias
from activeloop.backbones.places import at, attended, heads, of_padding
from activeloop.backbones.trunk import LayerNames, Trunk


@final
class BertTrunk(Trunk):
    """`BertForMaskedLM` or `RobertaForMaskedLM` as a row of layers."""

    names = LayerNames(
        query="attention.self.query",
        key="attention.self.key",
        value="attention.self.value",
        output="attention.output.dense",
        widen=("intermediate.dense",),
        narrow="output.dense",
    )

    @property
    def layers(self) -> nn.ModuleList:
        """The encoder's layers."""
        return self.model.base_model.encoder.layer

    def embed(self, ids: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """Words and places."""
        return self.model.base_model.embeddings(input_ids=ids)

    def context(self, hidden: torch.Tensor, real: torch.Tensor) -> Any:
        """Attention bias."""
        return padding_bias(self.model.config, hidden, real)

    def layer(self, index: int, hidden: torch.Tensor, context: Any) -> torch.Tensor:
        """One encoder layer."""
        return self.layers[index](hidden, attention_mask=context)

    def layer_at(self, index: int, hidden: torch.Tensor, context: Any, places: torch.Tensor) -> torch.Tensor:
        """One encoder layer at some tokens."""
        layer: Any = self.layers[index]
        attention, size = layer.attention.self, layer.attention.self.attention_head_size
        here = at(hidden, places)
        query, key, value = attention.query(here), attention.key(hidden), attention.value(hidden)
        parts = (heads(states, size) for states in (query, key, value))
        taken = attended(*parts, of_padding(context), scale=attention.scaling)
        return layer.feed_forward_chunk(layer.attention.output(taken, here))

    def finish(self, hidden: torch.Tensor) -> torch.Tensor:
        """Nothing follows: each layer ends with its norm."""
        return hidden

    def guesses(self, finished: torch.Tensor) -> torch.Tensor:
        """Of the masked-language head."""
        head = self.model.cls if hasattr(self.model, "cls") else self.model.lm_head
        return head(finished)

    def set_heads(self, index: int, kept: Sequence[int]) -> None:
        """After some were removed."""
        attention: Any = self.model.base_model.encoder.layer[index].attention.self
        attention.num_attention_heads = len(kept)
        attention.all_head_size = len(kept) * attention.attention_head_size
