"""Which device, which precision, which attention: what makes a pretrained model fast on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

from activeloop.foundation.encoder import TransformerEncoder

#: padded tokens of one minibatch: as many as fill a graphics card, and on a processor as stay in its caches
TOKENS = {"cuda": 16_384, "cpu": 2048}
#: names of bfloat16 arithmetic in processors; without it, bfloat16 is emulated and slower
BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")

Attention = Literal["eager", "sdpa"]


def best_device() -> str:
    """`cuda` where there is one, else `cpu`."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def minibatch_tokens(device: torch.device | str = "cpu") -> int:
    """Padded tokens that go through a model at once.

    >>> minibatch_tokens("cpu")
    2048
    """
    return TOKENS[torch.device(device).type]


def has_bfloat16(device: str = "cpu") -> bool:
    """True where the processor or the graphics card multiplies in bfloat16 itself."""
    kind = torch.device(device).type
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if kind != "cpu":
        return False
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in BFLOAT16)


def faster_attention(heads: int, length: int, *, half: bool, device: str = "cpu") -> Attention:
    """The implementation of attention that takes less time, forwards and backwards.

    Eager attention is made of matrix products that run in half precision, backwards too; SDPA spares the memory
    traffic of the scores, but its backward pass on a processor is slow. So eager is the faster one as long as its
    scores stay in the cache, in half precision for longer. What counts is how many scores there are to write out,
    which is heads times length for a minibatch of one size.

    >>> (
    ...     faster_attention(20, 58, half=True),
    ...     faster_attention(20, 1024, half=True),
    ...     faster_attention(20, 512, half=False),
    ... )
    ('eager', 'sdpa', 'sdpa')
    """
    if torch.device(device).type != "cpu":
        return "sdpa"
    return "sdpa" if heads * length > (15_000 if half else 4_000) else "eager"


@contextmanager
def attention_as(encoder: TransformerEncoder, kind: Attention) -> Iterator[None]:
    """An encoder with one implementation of attention, and as it was afterwards."""
    config = encoder.model.config
    before = config._attn_implementation
    config._attn_implementation = kind
    try:
        yield
    finally:
        config._attn_implementation = before


@contextmanager
def inference(encoder: TransformerEncoder, length: int, device: str = "cpu") -> Iterator[None]:
    """No gradients, products in bfloat16 where it is fast (not norms), and the faster attention for a length."""
    half = has_bfloat16(device)
    with (
        torch.inference_mode(),
        torch.autocast(torch.device(device).type, torch.bfloat16, enabled=half),
        attention_as(encoder, faster_attention(encoder.heads, length, half=half, device=device)),
    ):
        yield
