"""ESM-2, ESM-C, BERT, RoBERTa and T5: what each does in its own way within the shape of `TransformerEncoder`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import torch
from torch import nn
from torch.nn import functional

from activeloop.errors import ModelError
from activeloop.foundation.encoder import LayerNames, Positions, Projected, TransformerEncoder, at


class BertLikeEncoder(TransformerEncoder):
    """What BERT, RoBERTa and ESM-2 share in `transformers`: names of modules, and whole layers."""

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

    def after_attention(self, index: int, attended: torch.Tensor, entered: torch.Tensor) -> torch.Tensor:
        """Output map and feed-forward block."""
        layer: Any = self.layers[index]
        return layer.feed_forward_chunk(layer.attention.output(attended, entered))

    def head(self, finished: torch.Tensor) -> torch.Tensor:
        """Of the masked-language head."""
        return (self.model.cls if hasattr(self.model, "cls") else self.model.lm_head)(finished)

    def set_heads(self, index: int, retained: Sequence[int]) -> None:
        """After some were removed."""
        layer: Any = self.layers[index]
        attention = layer.attention.self
        attention.num_attention_heads = len(retained)
        attention.all_head_size = len(retained) * attention.attention_head_size


@final
class BertEncoder(BertLikeEncoder):
    """`BertForMaskedLM` or `RobertaForMaskedLM`: positions are embedded, and each layer ends with its norm."""

    def embed(self, ids: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """Embeddings of tokens and positions."""
        return self.model.base_model.embeddings(input_ids=ids)

    def layer(self, index: int, hidden: torch.Tensor, context: Any) -> torch.Tensor:
        """One encoder layer."""
        return self.layers[index](hidden, attention_mask=context[0])

    def project(self, index: int, hidden: torch.Tensor, positions: Positions, tokens: torch.Tensor) -> Projected:
        """Queries, keys and values."""
        layer: Any = self.layers[index]
        attention, size = layer.attention.self, layer.attention.self.attention_head_size
        states = (attention.query(at(hidden, tokens)), attention.key(hidden), attention.value(hidden))
        return Projected(*(split_heads(part, size) for part in states), scale=attention.scaling)

    def finish(self, hidden: torch.Tensor) -> torch.Tensor:
        """Nothing follows the layers."""
        return hidden


@final
class EsmEncoder(BertLikeEncoder):
    """`EsmForMaskedLM`: rotary or embedded positions, norms before each block."""

    def __init__(self, model: nn.Module, headed: bool = True):
        super().__init__(model, headed)
        layers: Any = self.layers
        for layer in layers:
            layer.intermediate = FusedGelu(layer.intermediate.dense).eval()

    def embed(self, ids: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """Token embeddings, rescaled as in training when the checkpoint was trained so."""
        return self.model.esm.embeddings(input_ids=ids, attention_mask=real.long())

    def positions(self, hidden: torch.Tensor) -> Positions:
        """Rotary cosines and sines; None where positions are embedded."""
        rotary = self.model.esm.rotary_embeddings
        return None if rotary is None else rotary(hidden, token_numbers(hidden))

    def layer(self, index: int, hidden: torch.Tensor, context: Any) -> torch.Tensor:
        """One encoder layer."""
        padding, rotary = context
        return self.layers[index](hidden, attention_mask=padding, position_embeddings=rotary)

    def project(self, index: int, hidden: torch.Tensor, positions: Positions, tokens: torch.Tensor) -> Projected:
        """Queries, keys and values."""
        layer: Any = self.layers[index]
        attention, size = layer.attention.self, layer.attention.self.attention_head_size
        normed = layer.attention.LayerNorm(hidden)
        query = split_heads(attention.query(at(normed, tokens)), size)
        key, value = split_heads(attention.key(normed), size), split_heads(attention.value(normed), size)
        if positions is not None:
            # in single precision, as in the whole layer
            query = rotated(query.float(), rotary_at(positions, tokens)).to(query.dtype)
            key = rotated(key.float(), positions).to(key.dtype)
        return Projected(query, key, value, scale=size**-0.5)

    def finish(self, hidden: torch.Tensor) -> torch.Tensor:
        """The final layer norm."""
        return self.model.esm.encoder.emb_layer_norm_after(hidden)


class FusedGelu(nn.Module):
    """The first half of a feed-forward block with torch's own GELU.

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
    """`EsmcForMaskedLM`: rotary positions, gated feed-forward blocks, queries and keys normalised over all heads."""

    names = LayerNames(
        query="self_attn.q_proj",
        key="self_attn.k_proj",
        value="self_attn.v_proj",
        output="self_attn.o_proj",
        widen=("mlp.gate_proj", "mlp.up_proj"),
        narrow="mlp.down_proj",
    )
    separable = False

    @property
    def layers(self) -> nn.ModuleList:
        """The encoder's layers."""
        return self.model.esmc.layers

    def embed(self, ids: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """Token embeddings."""
        return self.model.esmc.embed_tokens(ids)

    def positions(self, hidden: torch.Tensor) -> Positions:
        """Rotary cosines and sines."""
        return self.model.esmc.rotary_emb(hidden, token_numbers(hidden))

    def layer(self, index: int, hidden: torch.Tensor, context: Any) -> torch.Tensor:
        """One encoder layer."""
        padding, rotary = context
        return self.layers[index](hidden, padding, position_embeddings=rotary)

    def project(self, index: int, hidden: torch.Tensor, positions: Positions, tokens: torch.Tensor) -> Projected:
        """Queries, keys and values."""
        layer: Any = self.layers[index]
        attention, size = layer.self_attn, layer.self_attn.head_dim
        normed = layer.input_layernorm(hidden)
        query = attention.q_norm(attention.q_proj(at(normed, tokens))).to(normed.dtype)
        key = attention.k_norm(attention.k_proj(normed)).to(normed.dtype)
        query = rotated(split_heads(query, size), rotary_at(positions, tokens))
        key, value = rotated(split_heads(key, size), positions), split_heads(attention.v_proj(normed), size)
        return Projected(query, key, value, scale=attention.scaling)

    def after_attention(self, index: int, attended: torch.Tensor, entered: torch.Tensor) -> torch.Tensor:
        """Output map and feed-forward block, both scaled down."""
        layer: Any = self.layers[index]
        hidden = entered + layer.self_attn.o_proj(attended) / layer.scaling_factor
        return hidden + layer.mlp(layer.post_attention_layernorm(hidden)) / layer.scaling_factor

    def finish(self, hidden: torch.Tensor) -> torch.Tensor:
        """The final norm."""
        return self.model.esmc.norm(hidden)

    def head(self, finished: torch.Tensor) -> torch.Tensor:
        """Of the masked-language head."""
        return self.model.lm_head(finished)

    def set_heads(self, index: int, retained: Sequence[int]) -> None:
        """Refused.

        Raises:
            ModelError: always.
        """
        raise ModelError(
            "ESM-C normalises queries and keys over all heads together, so that none can be removed without changing "
            "the others. Keep the heads; nothing was removed."
        )


@final
class T5Encoder(TransformerEncoder):
    """`T5EncoderModel`: all layers share one bias of relative positions with an entry a head."""

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
        """Token embeddings."""
        return self.model.shared(ids)

    def positions(self, hidden: torch.Tensor) -> Positions:
        """[1, H, T, T] bias of relative positions."""
        attention: Any = self.model.encoder.block[0].layer[0].SelfAttention
        return attention.compute_bias(hidden.shape[1], hidden.shape[1], device=hidden.device)

    def layer(self, index: int, hidden: torch.Tensor, context: Any) -> torch.Tensor:
        """One block of the encoder."""
        padding, relative = context
        relative = self._of_heads(index, relative)
        return self.layers[index](hidden, attention_mask=padding, position_bias=relative)[0]

    def project(self, index: int, hidden: torch.Tensor, positions: Positions, tokens: torch.Tensor) -> Projected:
        """Queries, keys, values and the bias of relative positions."""
        block: Any = self.layers[index]
        attention, size = block.layer[0].SelfAttention, block.layer[0].SelfAttention.key_value_proj_dim
        normed = block.layer[0].layer_norm(hidden)
        states = (attention.q(at(normed, tokens)), attention.k(normed), attention.v(normed))
        # [H, B, C, T] to [B, H, C, T]
        bias = self._of_heads(index, positions)[0][:, tokens].transpose(0, 1)
        return Projected(*(split_heads(part, size) for part in states), scale=attention.scaling, bias=bias)

    def after_attention(self, index: int, attended: torch.Tensor, entered: torch.Tensor) -> torch.Tensor:
        """Output map and feed-forward block."""
        block: Any = self.layers[index]
        return block.layer[-1](entered + block.layer[0].SelfAttention.o(attended))

    def finish(self, hidden: torch.Tensor) -> torch.Tensor:
        """The final norm."""
        return self.model.encoder.final_layer_norm(hidden)

    def head(self, finished: torch.Tensor) -> torch.Tensor:
        """Refused.

        Raises:
            ModelError: always.
        """
        raise ModelError("the encoder of a T5 has no masked-language head. Use its features; nothing was scored.")

    def set_heads(self, index: int, retained: Sequence[int]) -> None:
        """After some were removed: the layer takes their share of the common bias from now on."""
        self.remaining[index] = [self.remaining[index][head] for head in retained]
        attention: Any = self.model.encoder.block[index].layer[0].SelfAttention
        attention.n_heads = len(retained)
        attention.inner_dim = len(retained) * attention.key_value_proj_dim

    def _of_heads(self, index: int, relative: torch.Tensor) -> torch.Tensor:
        """[1, h, T, T] of the heads that a layer still has."""
        remaining = self.remaining[index]
        return relative[:, remaining] if len(remaining) < self.heads else relative


#: by `model_type` of a checkpoint: the class of `transformers`, and ours around it
ARCHITECTURES: dict[str, tuple[str, type[TransformerEncoder]]] = {
    "bert": ("BertForMaskedLM", BertEncoder),
    "esm": ("EsmForMaskedLM", EsmEncoder),
    "esmc": ("EsmcForMaskedLM", EsmcEncoder),
    "roberta": ("RobertaForMaskedLM", BertEncoder),
    "t5": ("T5EncoderModel", T5Encoder),
}


def split_heads(states: torch.Tensor, size: int) -> torch.Tensor:
    """[B, H, C, size] of [B, C, H * size]."""
    return states.unflatten(2, (-1, size)).transpose(1, 2)


def token_numbers(hidden: torch.Tensor) -> torch.Tensor:
    """[1, T] from 0, for hidden states [B, T, D]."""
    return torch.arange(hidden.shape[1], device=hidden.device)[None]


def rotated(states: torch.Tensor, rotary: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """[B, H, C, d] after rotary embeddings, from cosines and sines that broadcast to [B, C, d]."""
    cos, sin = (part.unsqueeze(1) for part in rotary)
    left, right = states.chunk(2, 3)
    return states * cos + torch.cat([-right, left], 3) * sin


def rotary_at(rotary: tuple[torch.Tensor, torch.Tensor], tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """[B, C, d] cosines and sines at tokens [B, C], from those of all [1, T, d]."""
    return rotary[0][0][tokens], rotary[1][0][tokens]
