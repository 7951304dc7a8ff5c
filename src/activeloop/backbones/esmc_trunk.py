"""ESM-C's layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import torch
from torch import nn

from activeloop.backbones.attention import padding_bias
from activeloop.backbones.places import angles_at, at, attended, heads, of_padding, turned
from activeloop.backbones.trunk import LayerNames, Trunk
from activeloop.errors import ModelError


@final
class EsmcTrunk(Trunk):
    """`EsmcForMaskedLM` as a row of layers."""

    names = LayerNames(
        query="self_attn.q_proj",
        key="self_attn.k_proj",
        value="self_attn.v_proj",
        output="self_attn.o_proj",
        widen=("mlp.gate_proj", "mlp.up_proj"),
        narrow="mlp.down_proj",
    )
    # queries and keys are normalised over all heads together
    separable = False

    @property
    def layers(self) -> nn.ModuleList:
        """The encoder's layers."""
        return self.model.esmc.layers

    def embed(self, ids: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """Words."""
        return self.model.esmc.embed_tokens(ids)

    def context(self, hidden: torch.Tensor, real: torch.Tensor) -> Any:
        """Attention bias and rotary angles."""
        place = torch.arange(hidden.shape[1], device=hidden.device)[None]
        return padding_bias(self.model.config, hidden, real), self.model.esmc.rotary_emb(hidden, place)

    def layer(self, index: int, hidden: torch.Tensor, context: Any) -> torch.Tensor:
        """One encoder layer."""
        bias, angles = context
        return self.layers[index](hidden, bias, position_embeddings=angles)

    def layer_at(self, index: int, hidden: torch.Tensor, context: Any, places: torch.Tensor) -> torch.Tensor:
        """One encoder layer at some tokens."""
        bias, angles = context
        layer: Any = self.layers[index]
        attention, size = layer.self_attn, layer.self_attn.head_dim
        entering, here = layer.input_layernorm(hidden), at(hidden, places)
        query = attention.q_norm(attention.q_proj(at(entering, places))).to(entering.dtype)
        key = attention.k_norm(attention.k_proj(entering)).to(entering.dtype)
        query, key = turned(heads(query, size), angles_at(angles, places)), turned(heads(key, size), angles)
        value = heads(attention.v_proj(entering), size)
        taken = attended(query, key, value, of_padding(bias), scale=attention.scaling)
        here = here + attention.o_proj(taken) / layer.scaling_factor
        return here + layer.mlp(layer.post_attention_layernorm(here)) / layer.scaling_factor

    def finish(self, hidden: torch.Tensor) -> torch.Tensor:
        """The final norm."""
        return self.model.esmc.norm(hidden)

    def guesses(self, finished: torch.Tensor) -> torch.Tensor:
        """Of the masked-language head."""
        return self.model.lm_head(finished)

    def set_heads(self, index: int, kept: Sequence[int]) -> None:
        """Refused.

        Raises:
            ModelError: always.
        """
        raise ModelError(
            "ESM-C normalises queries and keys over all heads together, so that none can be removed without changing "
            "the others. Keep the heads; nothing was removed."
        )
