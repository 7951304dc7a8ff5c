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
    if real.is_meta or bool(real.all()):
        return None
    from transformers.masking_utils import create_bidirectional_mask

    return create_bidirectional_mask(config=config, inputs_embeds=hidden, attention_mask=real.long())


def faster(heads: int, length: int, *, half: bool, device: str = "cpu") -> Attention:
    """The way that takes less time, forwards and backwards.

    Measured on one core with AVX-512 bfloat16 (torch 2.13, two layers of ESM's shape, 2,048 tokens a minibatch,
    processor time of the written-out way divided by that of SDPA; above 1 SDPA is the faster):

    | heads x length | bf16 forward | bf16 training | fp32 forward | fp32 training |
    |---|---|---|---|---|
    | 4 x 128 | .85 | .77 | 1.03 | 1.01 |
    | 4 x 512 | .71 | .70 | 1.09 | 1.07 |
    | 4 x 1,024 | .63 | .75 | 1.70 | 1.16 |
    | 20 x 64 | .93 | .66 | 1.01 | 1.03 |
    | 20 x 256 | .93 | .76 | 1.08 | 1.22 |
    | 20 x 512 | .89 | .92 | 1.74 | 1.44 |
    | 20 x 1,024 | 1.79 | 1.46 | 2.20 | 1.73 |

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
