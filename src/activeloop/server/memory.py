"""What keeps the web process small: the C library gives back what is no longer used (where it is that of GNU)."""

from __future__ import annotations

import ctypes
from typing import Any

ARENAS = 2
"""Places from which threads take memory; each keeps its own rest, and by default there are eight a core."""
LARGE = 1 << 18
"""Bytes from which something gets memory of its own."""
_M_ARENA_MAX, _M_MMAP_THRESHOLD = -8, -3


def few_arenas() -> None:
    """Let all threads of this process share some places for memory; before the first thread is begun.

    Arrays and long texts get memory of their own, which goes back as soon as they go.
    """
    _called("mallopt", _M_ARENA_MAX, ARENAS)
    _called("mallopt", _M_MMAP_THRESHOLD, LARGE)


def give_back() -> None:
    """Give memory that is not used any more back to the system, after something large was done."""
    _called("malloc_trim", 0)


def _called(name: str, *arguments: Any) -> None:
    try:
        function = getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError, TypeError):  # another C library, or Windows
        return
    function(*arguments)
