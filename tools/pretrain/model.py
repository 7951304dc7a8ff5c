"""Models in the shape of ESM-2, of any size, made or changed for training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from transformers import AttentionInterface, EsmForMaskedLM

from activeloop.errors import InputError
from activeloop.foundation.architectures import FusedGelu
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


#: under which `transformers` finds it
NAME = "activeloop_bfloat16"


def attend(module: torch.nn.Module, query, key, value, attention_mask, dropout: float = 0.0, **_: object):
    """Attention with scores, softmax and their gradients kept in bfloat16.

    Autocast computes the softmax in single precision and carries the scores to it and back, which takes a quarter of a
    training step at 256 tokens a row. Queries come scaled, and there is no dropout.

    Args:
        module: the layer's attention.
        query: [R, H, W, D].
        key: [R, H, W, D].
        value: [R, H, W, D].
        attention_mask: [R, 1, W, W] to be added to the scores.
        dropout: of the attention; only 0 is meant.
        _: arguments of other implementations.

    Returns:
        [R, W, H, D] and the weights [R, H, W, W].
    """
    with torch.autocast(query.device.type, enabled=False):
        query, key, value = query.bfloat16(), key.bfloat16(), value.bfloat16()
        scores = (query @ key.transpose(2, 3)).add_(attention_mask)
        weights = torch.softmax(scores, -1)
        return (weights @ value).transpose(1, 2), weights


AttentionInterface.register(NAME, attend)


def build(shape: Shape, seed: int) -> EsmForMaskedLM:
    """A model with random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return EsmForMaskedLM(shape.config())


def use_fast_attention(model: EsmForMaskedLM, device: str, half: bool) -> EsmForMaskedLM:
    """The quickest kernels for training a model on a device; it is changed in place, the names of its weights stay.

    Args:
        model: any of ESM-2's shape; adapters may sit in it.
        device: where it shall be.
        half: whether it will run in bfloat16.
    """
    # written out, attention trains fastest on processors at these lengths
    model.set_attn_implementation("sdpa" if device.startswith("cuda") else NAME if half else "eager")
    layers: Any = model.esm.encoder.layer
    for layer in layers:
        layer.intermediate = FusedGelu(layer.intermediate.dense)
    return model.to(device)  # type: ignore[arg-type]
