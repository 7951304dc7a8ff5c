"""ESM-2's layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from activeloop.backbones.trunk import LayerNames, Trunk


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

    @property
    def layers(self) -> nn.ModuleList:
        """The encoder's layers."""
        return self.model.esm.encoder.layer

    @property
    def width(self) -> int:
        """Of the hidden states."""
        return self.model.config.hidden_size

    @property
    def heads(self) -> int:
        """Attention heads of a layer."""
        return self.model.config.num_attention_heads

    def embed(self, ids: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """Word embeddings, rescaled as in training when the checkpoint was trained so."""
        return self.model.esm.embeddings(input_ids=ids, attention_mask=real.long())

    def context(self, hidden: torch.Tensor, real: torch.Tensor) -> Any:
        """Attention bias and rotary angles."""
        bias, _ = self.model.esm._create_attention_masks(
            attention_mask=real.long(),
            encoder_attention_mask=None,
            embedding_output=hidden,
            encoder_hidden_states=None,
            past_key_values=None,
        )
        if self.model.esm.rotary_embeddings is None:
            return bias, None
        place = torch.arange(hidden.shape[1], device=hidden.device)[None]
        return bias, self.model.esm.rotary_embeddings(hidden, place)

    def layer(self, index: int, hidden: torch.Tensor, context: Any) -> torch.Tensor:
        """One encoder layer."""
        bias, angles = context
        return self.layers[index](hidden, attention_mask=bias, position_embeddings=angles)

    def finish(self, hidden: torch.Tensor) -> torch.Tensor:
        """The final layer norm."""
        return self.model.esm.encoder.emb_layer_norm_after(hidden)

    def logits(self, finished: torch.Tensor) -> torch.Tensor:
        """Of the masked-language head."""
        return self.model.lm_head(finished)

    def set_heads(self, index: int, kept: Sequence[int]) -> None:
        """After some were removed."""
        attention: Any = self.model.esm.encoder.layer[index].attention.self
        attention.num_attention_heads = len(kept)
        attention.all_head_size = len(kept) * attention.attention_head_size
