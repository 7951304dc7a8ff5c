"""Three learnt vectors a layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from activeloop.adapters.base import Adapter, Attached
from activeloop.adapters.layers import chosen_layers
from activeloop.adapters.needs import need_peft

if TYPE_CHECKING:
    from activeloop.backbones.trunk import Trunk


@dataclass(frozen=True)
class IA3(Adapter):
    """Keys, values and feed-forward units are each multiplied by a learnt number, 1 to begin with.

    The fewest parameters of all: 2 D + the feed-forward width for each layer.

    Args:
        layers: their numbers from 0; all when None.
        last: instead of `layers`, how many counted from the end.

    Source: Liu et al. 2022, arXiv:2205.05638.
    """

    layers: tuple[int, ...] | None = None
    last: int | None = None

    @property
    def name(self) -> str:
        """`ia3`."""
        return "ia3"

    @property
    def rate(self) -> float:
        """Factors move slowly."""
        return 1e-2

    def attach(self, trunk: Trunk, seed: int) -> Attached:
        """Put the vectors into the layers; nothing is drawn."""
        need_peft()
        from activeloop.adapters.scaling import attach_ia3

        return attach_ia3(trunk, seed, chosen_layers(len(trunk.layers), self.layers, self.last))
