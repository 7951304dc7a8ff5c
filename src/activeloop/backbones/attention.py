"""Attention: what padding adds to it, and which way of computing it is the faster one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import torch

if TYPE_CHECKING:
    from activeloop.backbones.trunk import Trunk

Attention = Literal["eager", "sdpa"]


def padding_bias(config: Any, hidden: torch.Tensor, real: torch.Tensor) -> torch.Tensor | None:
    """What the attention of a `transformers` model takes for its mask; None where nothing is padding.

    Args:
        config: of the model.
        hidden: [B, T, D] for shape, kind and place.
        real: bool [B, T].
    """
    # a mask that hides nothing costs up to a fifth of a forward pass
    if bool(real.all()):
        return None
    from transformers.masking_utils import create_bidirectional_mask

    return create_bidirectional_mask(config=config, inputs_embeds=hidden, attention_mask=real.long())


@contextmanager
def attention_as(trunk: Trunk, kind: Attention) -> Iterator[None]:
    """A trunk with one way of computing attention, and as it was afterwards."""
    config = trunk.model.config
    before = config._attn_implementation
    config._attn_implementation = kind
    try:
        yield
    finally:
        config._attn_implementation = before
