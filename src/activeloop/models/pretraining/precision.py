"""Whether half precision pays here."""

from __future__ import annotations

import torch

#: what processors call their arithmetic in bfloat16; without it, bfloat16 is emulated and slower
FAST = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")


def half_pays(device: str) -> bool:
    """True where the processor or the graphics card multiplies in bfloat16 itself."""
    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in FAST)
