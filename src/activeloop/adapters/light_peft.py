"""Light-PEFT: a short estimation, then a smaller encoder with few adapters (Gu et al. 2024, arXiv:2406.03792)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from activeloop.adapters.base import Adapter
from activeloop.errors import ModelError

if TYPE_CHECKING:
    from activeloop.adapters.light_peft_attached import LightAttached
    from activeloop.foundation.encoder import TransformerEncoder

#: an estimation shorter than this says little
FEWEST_STEPS = 10


@dataclass(frozen=True)
class LightPEFT(Adapter):
    """LoRA on every linear map, of which most is taken away again after the first few per cent of the steps.

    In the estimation a scalar for each attention head and each feed-forward unit is learnt beside the adapters. Then
    heads, units, adapters and ranks that do little are removed for good, from matrices that become smaller by it, and
    training continues. Published shares are the defaults. The maps that removed heads and units entered are repaired:
    what those gave is predicted from what stays, as far as a weight of low rank can, see `pruning_repair.Repair`.

    Args:
        rank: of each adapter, to begin with.
        alpha: the adapters' outputs are multiplied by alpha / rank.
        dropout: on what enters an adapter.
        heads: share of each layer's heads that is removed.
        units: share of all feed-forward units that is removed.
        modules: share of all adapters that is removed.
        ranks: share of the remaining ranks that is removed.
        estimate: share of the steps that the estimation takes; at least ten steps, at most half of them.
        weight: of the sum of the scalars' sizes in the loss of the estimation.
    """

    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.05
    heads: float = 1 / 3
    units: float = 1 / 3
    modules: float = 0.75
    ranks: float = 0.5
    estimate: float = 0.05
    weight: float = 1e-4

    def __post_init__(self):
        for share in ("heads", "units", "modules", "ranks", "estimate"):
            if not 0 <= getattr(self, share) < 1:
                raise ModelError(f"LightPEFT({share}={getattr(self, share)}): give a share from 0 to below 1.")

    @property
    def name(self) -> str:
        """`light-peft`."""
        return "light-peft"

    @property
    def rate(self) -> float:
        """As of LoRA in many layers."""
        return 2e-3

    def estimation(self, steps: int) -> int:
        """How many of so many steps the estimation takes.

        >>> [LightPEFT().estimation(steps) for steps in (6, 60, 1000)]
        [3, 10, 50]
        """
        return min(max(FEWEST_STEPS, math.ceil(self.estimate * steps)), max(1, steps // 2))

    def attach(self, encoder: TransformerEncoder, seed: int) -> LightAttached:
        """Put adapters and scalars into an encoder.

        Raises:
            ModelError: the encoder's heads cannot be told apart, or the adapters would change nothing.
        """
        from activeloop.adapters.light_peft_attached import LightAttached

        if self.heads and not encoder.separable:
            raise ModelError(
                "this model normalises queries and keys over all heads together: no head can be removed from it. "
                "Choose LightPEFT(heads=0), which removes the rest. Nothing was attached."
            )
        return LightAttached(encoder, self, seed)
