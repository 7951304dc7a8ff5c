"""Whether what is said now is what was said then."""

from __future__ import annotations

import math
from typing import Any


def differences(now: Any, then: Any, rtol: float = 1e-9, where: str = "") -> list[str]:
    """What differs, each with its place; [] when all numbers are within the tolerance and all words equal.

    Numbers may also differ by `rtol` of 0.01, as those do that are the small rest of larger ones.
    """
    if isinstance(then, dict) and isinstance(now, dict):
        missing = [f"{where}: {sorted(then.keys() ^ now.keys())}"] if then.keys() != now.keys() else []
        both = [key for key in then if key in now]
        return missing + [found for key in both for found in differences(now[key], then[key], rtol, f"{where}/{key}")]
    if isinstance(then, list) and isinstance(now, list | tuple):
        if len(then) != len(now):
            return [f"{where}: {len(now)} entries, not {len(then)}"]
        pairs = enumerate(zip(now, then, strict=True))
        return [found for i, (a, b) in pairs for found in differences(a, b, rtol, f"{where}/{i}")]
    if isinstance(then, float) and isinstance(now, int | float):
        same = math.isclose(now, then, rel_tol=rtol, abs_tol=rtol / 100) or (now != now and then != then)
        return [] if same else [f"{where}: {now!r}, not {then!r}"]
    return [] if now == then else [f"{where}: {now!r}, not {then!r}"]
