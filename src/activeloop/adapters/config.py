"""Which weights of a pretrained model are trained: settings only, so importing this file costs no torch."""

from __future__ import annotations

import math
from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from activeloop.errors import ModelError

if TYPE_CHECKING:
    from activeloop.foundation.encoder import LayerNames

Variant = Literal["lora", "rslora", "dora", "pissa"]
TargetModules = Literal["linear", "attention", "query+value"]


class Adapter(ABC):
    """Settings of an adapter, a frozen dataclass; `activeloop.adapters.attach` puts it into an encoder.

    An adapter of your own is a subclass and a function `(adapter, encoder, seed) -> Attached`, which
    `attach.register` connects.
    """

    #: in configs, reports and stored versions
    name: str
    #: default peak learning rate; rates are compared in `docs/results/compute`
    rate: float


@dataclass(frozen=True)
class Frozen(Adapter):
    """The model stays as pretrained; only the head on its features is trained."""

    name = "frozen"
    rate = 1e-3  # of the head alone


@dataclass(frozen=True)
class FullFineTuning(Adapter):
    """Trains every weight that hidden states depend on: embeddings, layers, final norm; not the language head.

    With `layers_to_transform` or `last_layers` only those layers and the final norm are trained. Embeddings that the
    language head shares change with it.

    Args:
        layers_to_transform: indices from 0; None: all layers, and the embeddings.
        last_layers: `layers_to_transform` of the last k layers instead.
    """

    name = "full"

    layers_to_transform: tuple[int, ...] | None = None
    last_layers: int | None = None

    @property
    def rate(self) -> float:
        """For the shipped checkpoint; a large model usually needs a tenth of it."""
        return 1e-3 if self.everything else 3e-3

    @property
    def everything(self) -> bool:
        """Whether embeddings and all layers are trained."""
        return self.layers_to_transform is None and self.last_layers is None


@dataclass(frozen=True)
class LoRA(Adapter):
    """Low-rank adaptation: trains two thin matrices beside each linear map, W + scale A B^T, A [out, r], B [in, r].

    `scale` is alpha / r. `peft` stores A as `lora_B` and B^T as `lora_A`; A starts at zero, so outputs are unchanged
    at first.

    Args:
        rank: r.
        alpha: usually twice the rank.
        dropout: of the inputs of B^T during training; each map samples its own mask, which makes a step slower.
        target_modules: all linear maps of a layer, the four of attention, or queries and values.
        layers_to_transform: indices from 0; None: all layers.
        last_layers: `layers_to_transform` of the last k layers instead.
        variant: `lora`; `rslora` divides alpha by the square root of the rank (Kalajdzievski 2023, arXiv:2312.03732);
            `dora` trains the norm of each row of W separately (Liu et al. 2024, arXiv:2402.09353); `pissa` starts from
            the largest singular vectors of W, subtracted from it (Meng et al. 2024, arXiv:2404.02948).
        loraplus_lr_ratio: learning rate of A over that of B (LoRA+, Hayou et al. 2024, arXiv:2402.12354).

    Source: Hu et al. 2021, arXiv:2106.09685.

    >>> LoRA(rank=4, variant="dora", last_layers=2).name
    'dora'
    """

    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.0
    target_modules: TargetModules = "linear"
    layers_to_transform: tuple[int, ...] | None = None
    last_layers: int | None = None
    variant: Variant = "lora"
    loraplus_lr_ratio: float = 1.0

    def __post_init__(self):
        if self.rank < 1 or not 0 <= self.dropout < 1:
            raise ModelError(f"LoRA(rank={self.rank}, dropout={self.dropout}): give a rank > 0 and a dropout below 1.")

    @property
    def name(self) -> str:
        """The variant's."""
        return self.variant

    @property
    def rate(self) -> float:
        """Lower when more layers are trained."""
        return 5e-3 if self.last_layers == 1 else 2e-3


@dataclass(frozen=True)
class PeftAdapter(Adapter):
    """Any other adapter of `peft`, with the options of its config there.

    The training loop is that of all adapters: nothing runs between steps, so AdaLoRA keeps the ranks it starts with.

    Args:
        kind: its name in `peft`: `ia3` (Liu et al. 2022, arXiv:2205.05638), `adalora` (Zhang et al. 2023,
            arXiv:2303.10512), `loha`, `lokr`, `vera` ...
        options: of its config in `peft`, except the modules, which the fields below choose.
        target_modules: all linear maps of a layer, the four of attention, or queries and values. IA3 has its own: keys,
            values and the second feed-forward map.
        layers_to_transform: indices from 0; None: all layers.
        last_layers: `layers_to_transform` of the last k layers instead.

    >>> PeftAdapter("loha", {"r": 4}, last_layers=1).name
    'loha'
    """

    kind: str
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    target_modules: TargetModules = "linear"
    layers_to_transform: tuple[int, ...] | None = None
    last_layers: int | None = None

    @property
    def name(self) -> str:
        """The name in `peft`."""
        return self.kind

    @property
    def rate(self) -> float:
        """As LoRA in many layers; the factors of IA3 need a higher one."""
        return 1e-2 if self.kind == "ia3" else 2e-3


#: an estimation shorter than this is too noisy
MIN_ESTIMATION_STEPS = 10


@dataclass(frozen=True)
class LightPEFT(Adapter):
    """LoRA on every linear map; after an estimation over the first steps most of it is pruned, and so is the encoder.

    The estimation trains a scalar (mask) for each attention head and feed-forward unit beside the adapters. Then the
    least important heads, units, adapters and ranks are removed for good, which makes the matrices smaller, and
    training continues. Shares default to the published ones. Outputs of removed heads and units are reconstructed from
    what remains by a bias and a low-rank update, see `pruning.Repair`.

    Args:
        rank: of each adapter before pruning.
        alpha: adapter outputs are multiplied by alpha / rank.
        dropout: of adapter inputs.
        heads: share of each layer's heads to remove.
        units: share of all feed-forward units to remove.
        modules: share of all adapters to remove.
        ranks: share of the remaining ranks to remove.
        estimate: share of the steps in the estimation; at least ten steps, at most half of them.
        weight: of the L1 penalty on the masks during the estimation.

    Source: Gu et al. 2024, arXiv:2406.03792.
    """

    name = "light-peft"
    rate = 2e-3  # as LoRA in many layers

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

    def estimation_steps(self, steps: int) -> int:
        """Steps in the estimation, of a fit's steps.

        >>> [LightPEFT().estimation_steps(steps) for steps in (6, 60, 1000)]
        [3, 10, 50]
        """
        return min(max(MIN_ESTIMATION_STEPS, math.ceil(self.estimate * steps)), max(1, steps // 2))


def chosen_layers(count: int, layers: Sequence[int] | None, last: int | None) -> tuple[int, ...]:
    """Layer indices in order; all when neither `layers` nor `last` is given.

    Args:
        count: layers of the encoder.
        layers: `layers_to_transform`.
        last: `last_layers`.

    Raises:
        ModelError: no layer, layers that do not exist, or both arguments at once.

    >>> chosen_layers(6, None, None), chosen_layers(6, (3, 1), None), chosen_layers(6, None, 2)
    ((0, 1, 2, 3, 4, 5), (1, 3), (4, 5))
    """
    if layers is not None and last is not None:
        raise ModelError(
            "an adapter takes either `layers_to_transform` or `last_layers`. Leave one out; nothing was attached."
        )
    if last is not None:
        layers = range(count - last, count)
    chosen = range(count) if layers is None else sorted(set(layers))
    if not chosen or chosen[0] < 0 or chosen[-1] >= count:
        given = f"last_layers={last}" if last is not None else f"layers_to_transform={list(chosen)}"
        raise ModelError(f"{given}: the model has {count} layers (0 to {count - 1}). Nothing was attached.")
    return tuple(chosen)


def module_names(names: LayerNames, target_modules: TargetModules) -> tuple[str, ...]:
    """Names, within a layer, of the linear maps that `target_modules` selects."""
    if target_modules == "query+value":
        return names.query, names.value
    return names.attention if target_modules == "attention" else names.linear


@dataclass(frozen=True)
class Conditional(Adapter):
    """Bottleneck adapters behind each layer whose input is also a condition: the embedding of a drug, dose, or both.

    `h + U gelu(D h + C e)`, with h [T, width] the output of the frozen layer, e the condition, and U zero at first, so
    that the encoder begins as it was. One encoder then answers for drugs that it never saw. A condition is given by
    `attached.under(conditions)`; without one nothing runs. It cannot be merged: it is no fixed weight.

    Args:
        condition: size of a condition.
        bottleneck: size of the bottleneck.
        layers_to_transform: indices from 0; None: all layers.
        last_layers: `layers_to_transform` of the last k layers instead.

    Source: Maleki et al. 2024, arXiv:2412.13478; bottlenecks: Houlsby et al. 2019, arXiv:1902.00751.
    """

    name = "conditional"
    rate = 2e-3

    condition: int
    bottleneck: int = 8
    layers_to_transform: tuple[int, ...] | None = None
    last_layers: int | None = None

    def __post_init__(self):
        if self.condition < 1 or self.bottleneck < 1:
            raise ModelError(f"Conditional({self.condition}, {self.bottleneck}): both sizes are at least 1.")
