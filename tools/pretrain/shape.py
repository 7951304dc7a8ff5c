"""Models in the shape of ESM-2, of any size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from activeloop.errors import InputError
from tools.pretrain.corpus import MASK, PAD, VOCABULARY

if TYPE_CHECKING:
    from transformers import EsmConfig


@dataclass(frozen=True)
class Shape:
    """Of an ESM-2-shaped model.

    Args:
        layers: how many.
        width: of the hidden states.
        heads: of attention; few wide ones suit processors without a graphics card.
        inner: width of the feed-forward part.

    Raises:
        InputError: the heads do not share the width evenly, or a head's share is odd (rotary angles come in pairs).
    """

    layers: int = 6
    width: int = 256
    heads: int = 4
    inner: int = 1024

    def __post_init__(self):
        if min(self.layers, self.width, self.heads, self.inner) < 1 or self.width % (2 * self.heads):
            raise InputError(
                f"{self.layers} layers of width {self.width} with {self.heads} heads and inner width {self.inner} make"
                " no model: the width must be a multiple of twice the heads. Nothing was trained."
            )

    def config(self) -> EsmConfig:
        """What `transformers` needs to make the model; no dropout, no rescaling of masked embeddings."""
        from transformers import EsmConfig

        return EsmConfig(
            vocab_size=len(VOCABULARY),
            mask_token_id=MASK,
            pad_token_id=PAD,
            hidden_size=self.width,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            intermediate_size=self.inner,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            position_embedding_type="rotary",
            token_dropout=False,
            emb_layer_norm_before=False,
            max_position_embeddings=1026,
            vocab_list=list(VOCABULARY),
        )
