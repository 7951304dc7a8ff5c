"""The layers of a T5 encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import torch
from torch import nn

from activeloop.backbones.attention import padding_bias
from activeloop.backbones.places import at, attended, heads, of_padding
from activeloop.backbones.trunk import LayerNames, Trunk
from activeloop.errors import ModelError


@final
class T5Trunk(Trunk):
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
