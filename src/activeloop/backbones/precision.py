"""Half precision where the processor is built for it.

Pooled features differ a little from those in single precision, so it is used only where it is clearly faster.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import torch

#: how many times faster half precision must be; it costs digits, so it must pay
GAIN = 1.7


@lru_cache(maxsize=4)
def half_pays(device: str = "cpu") -> bool:
    """Whether a feed-forward product in bfloat16 is clearly faster here than in single precision: measured once."""
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported()
    if torch.device(device).type != "cpu":
        return False
    taken = {kind: min(_seconds(kind) for _ in range(4)) for kind in (torch.float32, torch.bfloat16)}
    return taken[torch.float32] > GAIN * taken[torch.bfloat16]


def _seconds(kind: torch.dtype) -> float:
    """Processor time of a product of the size that layers have."""
    states, weights = torch.ones(1024, 320, dtype=kind), torch.ones(1280, 320, dtype=kind)
    torch.nn.functional.linear(states, weights)
    start = time.process_time()
    torch.nn.functional.linear(states, weights)
    return time.process_time() - start


@contextmanager
def fast(device: str = "cpu") -> Iterator[None]:
    """Products in bfloat16 where that pays, everything else (norms, sums of layers) in single precision."""
    with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=half_pays(device)):
        yield
