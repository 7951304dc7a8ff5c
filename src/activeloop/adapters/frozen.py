"""Nothing learns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from activeloop.adapters.base import Adapter, Attached

if TYPE_CHECKING:
    from activeloop.foundation.encoder import TransformerEncoder


@dataclass(frozen=True)
class Frozen(Adapter):
    """The model stays as pretrained; only what reads its features learns."""

    @property
    def name(self) -> str:
        """`frozen`."""
        return "frozen"

    @property
    def rate(self) -> float:
        """Of the head alone."""
        return 1e-3

    def attach(self, encoder: TransformerEncoder, seed: int) -> Attached:
        """Freeze the encoder."""
        from activeloop.adapters.weights import WeightsAttached

        return WeightsAttached(encoder, {}, len(encoder.layers))
