"""The layers of ESM-2, ESM-C, BERT, RoBERTa and T5 encoders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import torch
from torch import nn
from torch.nn import functional

from activeloop.errors import ModelError
from activeloop.foundation.encoder import (
    LayerNames,
    TransformerEncoder,
    angles_at,
    at,
    attended,
    heads,
    of_padding,
    padding_bias,
    turned,
)


@final
class EsmEncoder(TransformerEncoder):
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


@final
class EsmcEncoder(TransformerEncoder):
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


@final
class BertEncoder(TransformerEncoder):
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


@final
class T5Encoder(TransformerEncoder):
    """`T5EncoderModel` as a row of layers. All of them share one attention bias, which tells distances, one a head."""

    def __init__(self, model: nn.Module, headed: bool = False):
        # an encoder alone has no masked-language head, whatever its checkpoint holds
        super().__init__(model, headed=False)
        widen = ("wi_0", "wi_1") if self.model.config.is_gated_act else ("wi",)
        self.names = LayerNames(
            query="layer.0.SelfAttention.q",
            key="layer.0.SelfAttention.k",
            value="layer.0.SelfAttention.v",
            output="layer.0.SelfAttention.o",
            widen=tuple(f"layer.1.DenseReluDense.{name}" for name in widen),
            narrow="layer.1.DenseReluDense.wo",
        )
        #: which of the original heads each layer still has
        self.remaining = [list(range(self.heads)) for _ in self.layers]

    @property
    def layers(self) -> nn.ModuleList:
        """The encoder's layers."""
        return self.model.encoder.block

    def embed(self, ids: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """Words."""
        return self.model.shared(ids)

    def context(self, hidden: torch.Tensor, real: torch.Tensor) -> Any:
        """Attention bias of padding, and [1, H, T, T] of distances."""
        length = hidden.shape[1]
        attention: Any = self.model.encoder.block[0].layer[0].SelfAttention
        distances = attention.compute_bias(length, length, device=hidden.device)
        return padding_bias(self.model.config, hidden, real), distances

    def layer(self, index: int, hidden: torch.Tensor, context: Any) -> torch.Tensor:
        """One block of the encoder."""
        bias, distances = context
        distances = self._of_heads(index, distances)
        return self.layers[index](hidden, attention_mask=bias, position_bias=distances)[0]

    def layer_at(self, index: int, hidden: torch.Tensor, context: Any, places: torch.Tensor) -> torch.Tensor:
        """One block of the encoder at some tokens."""
        bias, distances = context
        block: Any = self.layers[index]
        attention, size = block.layer[0].SelfAttention, block.layer[0].SelfAttention.key_value_proj_dim
        entering = block.layer[0].layer_norm(hidden)
        query, key, value = attention.q(at(entering, places)), attention.k(entering), attention.v(entering)
        parts = (heads(states, size) for states in (query, key, value))
        # [H, B, C, T]
        away = self._of_heads(index, distances)[0][:, places].transpose(0, 1)
        taken = attended(*parts, away, of_padding(bias), scale=attention.scaling)
        return block.layer[-1](at(hidden, places) + attention.o(taken))

    def finish(self, hidden: torch.Tensor) -> torch.Tensor:
        """The final norm."""
        return self.model.encoder.final_layer_norm(hidden)

    def guesses(self, finished: torch.Tensor) -> torch.Tensor:
        """Refused.

        Raises:
            ModelError: always.
        """
        raise ModelError("the encoder of a T5 has no masked-language head. Use its features; nothing was scored.")

    def set_heads(self, index: int, kept: Sequence[int]) -> None:
        """After some were removed: the layer takes their share of the common bias from now on."""
        self.remaining[index] = [self.remaining[index][head] for head in kept]
        attention: Any = self.model.encoder.block[index].layer[0].SelfAttention
        attention.n_heads = len(kept)
        attention.inner_dim = len(kept) * attention.key_value_proj_dim

    def _of_heads(self, index: int, distances: torch.Tensor) -> torch.Tensor:
        """[1, h, T, T] of the heads that a layer still has."""
        kept = self.remaining[index]
        return distances[:, kept] if len(kept) < self.heads else distances
