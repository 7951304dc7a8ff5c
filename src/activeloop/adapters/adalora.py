"""LoRA that spends its ranks where they matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from activeloop.adapters.base import Adapter, Attached
from activeloop.adapters.layers import chosen_layers
from activeloop.adapters.needs import need_peft
from activeloop.adapters.targets import Targets
from activeloop.errors import ModelError

if TYPE_CHECKING:
    from activeloop.backbones.trunk import Trunk


@dataclass(frozen=True)
class AdaLoRA(Adapter):
    """Low-rank changes as singular values and vectors; while training, values that matter least are set to zero.

    Args:
        rank: that a linear map keeps at the end, on average over all of them.
        start: that each has to begin with.
        alpha: the change is multiplied by alpha / start.
        dropout: of the inputs, while training.
        targets: all linear maps of a layer, the four of attention, or queries and values.
        layers: their numbers from 0; all when None.
        last: instead of `layers`, how many counted from the end.
        warm: share of the steps before any rank is taken away.
        settle: share of the steps, at the end, in which ranks stay as they are.
        orthogonal: weight in the loss of how far the vectors are from being orthogonal.

    Source: Zhang et al. 2023, arXiv:2303.10512.
    """

    rank: int = 8
    start: int = 12
    alpha: float = 16.0
    dropout: float = 0.0
    targets: Targets = "linear"
    layers: tuple[int, ...] | None = None
    last: int | None = None
    warm: float = 0.1
    settle: float = 0.3
    orthogonal: float = 0.5

    def __post_init__(self):
        if not 0 < self.rank <= self.start:
            raise ModelError(f"AdaLoRA goes from start={self.start} down to rank={self.rank}. Give start >= rank > 0.")
        if min(self.warm, self.settle) < 0 or self.warm + self.settle >= 1:
            raise ModelError(f"AdaLoRA(warm={self.warm}, settle={self.settle}): together they must be below 1.")

    @property
    def name(self) -> str:
        """`adalora`."""
        return "adalora"

    @property
    def rate(self) -> float:
        """As of LoRA in many layers."""
        return 2e-3

    def attach(self, trunk: Trunk, seed: int) -> Attached:
        """Put it into the linear maps; the seed draws the vectors, the values are zero."""
        need_peft()
        from activeloop.adapters.allocation import attach_adalora

        return attach_adalora(self, trunk, seed, chosen_layers(len(trunk.layers), self.layers, self.last))

    def budget(self, step: int, steps: int) -> float:
        """Ranks that a map has on average when so many steps of all were done.

        >>> [round(AdaLoRA(rank=8, start=12).budget(step, 100), 2) for step in (0, 10, 40, 70, 100)]
        [12.0, 12.0, 8.5, 8.0, 8.0]
        """
        begin, end = self.warm * steps, (1 - self.settle) * steps
        left = min(1.0, max(0.0, (end - step) / (end - begin)))
        return self.rank + (self.start - self.rank) * left**3
