"""Low-rank adaptation of the linear maps, and its variants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from activeloop.adapters.base import Adapter, Attached
from activeloop.adapters.layers import chosen_layers
from activeloop.adapters.needs import need_peft
from activeloop.adapters.targets import Targets
from activeloop.errors import ModelError

if TYPE_CHECKING:
    from activeloop.foundation.encoder import TransformerEncoder

Variant = Literal["lora", "rslora", "dora", "pissa"]


@dataclass(frozen=True)
class LoRA(Adapter):
    """A product of two thin matrices is learnt beside each linear map: W + scale A B^T, A [out, r] and B [in, r].

    `scale` is alpha / r. `peft` keeps A as `lora_B` and B^T as `lora_A`; A starts at zero, so that nothing changes to
    begin with.

    Args:
        rank: r.
        alpha: twice the rank is usual.
        dropout: of the inputs of B^T, while training; it makes a step longer, for each map draws a mask of its own.
        targets: all linear maps of a layer, the four of attention, or queries and values.
        layers: their numbers from 0; all when None.
        last: instead of `layers`, how many counted from the end.
        variant: `lora`; `rslora` divides alpha by the square root of the rank (Kalajdzievski 2023, arXiv:2312.03732);
            `dora` learns the length of each row of W apart (Liu et al. 2024, arXiv:2402.09353); `pissa` starts from the
            largest singular vectors of W, taken out of it (Meng et al. 2024, arXiv:2404.02948).
        plus: by how much A learns faster than B (LoRA+, Hayou et al. 2024, arXiv:2402.12354).

    Source: Hu et al. 2021, arXiv:2106.09685.

    >>> LoRA(rank=4, variant="dora", last=2).name
    'dora'
    """

    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.0
    targets: Targets = "linear"
    layers: tuple[int, ...] | None = None
    last: int | None = None
    variant: Variant = "lora"
    plus: float = 1.0

    def __post_init__(self):
        if self.rank < 1 or not 0 <= self.dropout < 1:
            raise ModelError(f"LoRA(rank={self.rank}, dropout={self.dropout}): give a rank > 0 and a dropout below 1.")

    @property
    def name(self) -> str:
        """The variant's."""
        return self.variant

    @property
    def rate(self) -> float:
        """The more layers learn, the less."""
        return 5e-3 if self.last == 1 else 2e-3

    def attach(self, encoder: TransformerEncoder, seed: int) -> Attached:
        """Put it into the linear maps; the seed draws B."""
        need_peft()
        from activeloop.adapters.low_rank import attach_lora

        return attach_lora(self, encoder, seed, chosen_layers(len(encoder.layers), self.layers, self.last))
