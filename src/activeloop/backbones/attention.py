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
    if torch.compiler.is_exporting():
        # a graph is for candidates with padding and without; written-out attention adds this to its scores
        return torch.where(real, 0.0, torch.finfo(hidden.dtype).min)[:, None, None]
    # a mask that hides nothing costs time for nothing
    if real.is_meta or bool(real.all()):
        return None
    from transformers.masking_utils import create_bidirectional_mask

    return create_bidirectional_mask(config=config, inputs_embeds=hidden, attention_mask=real.long())


def faster(heads: int, length: int, *, half: bool, device: str = "cpu") -> Attention:
    """The way that takes less time, forwards and backwards.

    Written out, attention is made of matrix products that run in half precision, backwards too; SDPA spares the memory
    traffic of the scores, but its backward pass on a processor is slow. So the written-out way is the faster one as
    long as its scores stay in the cache, in half precision for longer.
    What counts is how many scores there are to write out, which is heads times length for a minibatch of one size.

    >>> faster(20, 58, half=True), faster(20, 1024, half=True), faster(20, 512, half=False)
    ('eager', 'sdpa', 'sdpa')
    """
    if torch.device(device).type != "cpu":
        return "sdpa"
    return "sdpa" if heads * length > (15_000 if half else 4_000) else "eager"


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
