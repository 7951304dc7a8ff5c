"""Which linear maps of a layer learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from activeloop.foundation.encoder import LayerNames

Targets = Literal["linear", "attention", "query+value"]


def targeted(names: LayerNames, targets: Targets) -> tuple[str, ...]:
    """The linear maps meant: all of a layer, the four of attention, or queries and values."""
    if targets == "query+value":
        return names.query, names.value
    return names.attention if targets == "attention" else names.linear
