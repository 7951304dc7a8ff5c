"""Half precision where the processor is built for it.

Pooled features differ a little from those in single precision. What the processor says of itself decides, not a
measurement: the same machine must give the same numbers at every start, however busy it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

#: what processors call their arithmetic in bfloat16; without it, bfloat16 is emulated and slower
FAST = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")


def half_pays(device: str = "cpu") -> bool:
    """True where the processor or the graphics card multiplies in bfloat16 itself."""
    kind = torch.device(device).type
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if kind != "cpu":
        return False
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in FAST)


@contextmanager
def fast(device: str = "cpu") -> Iterator[None]:
    """Products in bfloat16 where that pays, everything else (norms, sums of layers) in single precision."""
    with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=half_pays(device)):
        yield
