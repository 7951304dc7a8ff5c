"""Everything learns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from activeloop.adapters.base import Adapter, Attached
from activeloop.adapters.layers import chosen_layers

if TYPE_CHECKING:
    from activeloop.foundation.encoder import TransformerEncoder


@dataclass(frozen=True)
class FullFineTuning(Adapter):
    """Every weight that hidden states depend on learns: embeddings, layers, final norm; not the language head.

    With `layers` or `last` only those layers and the final norm learn. Embeddings that the language head shares change
    with it.

    Args:
        layers: their numbers from 0; all, and the embeddings, when None.
        last: instead of `layers`, how many counted from the end.
    """

    layers: tuple[int, ...] | None = None
    last: int | None = None

    @property
    def name(self) -> str:
        """`full`."""
        return "full"

    @property
    def rate(self) -> float:
        """What the shipped checkpoint bears; a large one, which has more to lose, usually a tenth of it."""
        return 1e-3 if self.layers is None and self.last is None else 3e-3

    def attach(self, encoder: TransformerEncoder, seed: int) -> Attached:
        """Let the weights learn; nothing is drawn."""
        from activeloop.adapters.weights import attach_weights

        everything = self.layers is None and self.last is None
        return attach_weights(encoder, chosen_layers(len(encoder.layers), self.layers, self.last), everything)
