"""Any other adapter of `peft`, by its own config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from activeloop.adapters.base import Adapter, Attached
from activeloop.adapters.layers import chosen_layers
from activeloop.adapters.needs import need_peft
from activeloop.adapters.targets import Targets, targeted
from activeloop.errors import ModelError

if TYPE_CHECKING:
    from activeloop.foundation.encoder import TransformerEncoder


@dataclass(frozen=True)
class PeftAdapter(Adapter):
    """An adapter of `peft` that is named in none of our own classes, with the settings of its config there.

    Its loop is the one of all adapters: nothing is done between steps, so AdaLoRA keeps the ranks that it starts with.

    Args:
        kind: what `peft` calls it: `ia3` (Liu et al. 2022, arXiv:2205.05638), `adalora` (Zhang et al. 2023,
            arXiv:2303.10512), `loha`, `lokr`, `vera` ...
        options: of its config in `peft`, but for the modules, which `targets` and the layers say.
        targets: all linear maps of a layer, the four of attention, or queries and values. IA3 has its own: keys, values
            and the map that narrows.
        layers: their numbers from 0; all when None.
        last: instead of `layers`, how many counted from the end.

    >>> PeftAdapter("loha", {"r": 4}, last=1).name
    'loha'
    """

    kind: str
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    targets: Targets = "linear"
    layers: tuple[int, ...] | None = None
    last: int | None = None

    @property
    def name(self) -> str:
        """What `peft` calls it."""
        return self.kind

    @property
    def rate(self) -> float:
        """As of LoRA in many layers; the factors of IA3 move slowly."""
        return 1e-2 if self.kind == "ia3" else 2e-3

    def attach(self, encoder: TransformerEncoder, seed: int) -> Attached:
        """Put it into the linear maps.

        Raises:
            ModelError: `peft` has no such adapter, or its config no such option.
        """
        need_peft()
        from peft import PEFT_TYPE_TO_CONFIG_MAPPING, PEFT_TYPE_TO_TUNER_MAPPING, PeftType

        from activeloop.adapters.attaching import prove
        from activeloop.adapters.tuned import TunedAttached, pattern, tune

        layers, names = chosen_layers(len(encoder.layers), self.layers, self.last), encoder.names
        asked: dict[str, Any] = {"target_modules": pattern(layers, targeted(names, self.targets))}
        if self.kind == "ia3":
            # of the last one the inputs are multiplied, of the others the outputs
            asked["target_modules"] = pattern(layers, (names.key, names.value, names.narrow))
            asked["feedforward_modules"] = pattern(layers, (names.narrow,))
        try:
            kind = PeftType(self.kind.upper())
            tuner, config = PEFT_TYPE_TO_TUNER_MAPPING[kind], PEFT_TYPE_TO_CONFIG_MAPPING[kind](**asked, **self.options)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f'peft makes no adapter "{self.kind}" with these options: {error}.') from error
        made = tune(encoder, tuner, config, seed)
        for name, parameter in encoder.layers.named_parameters():
            if ".ranknum." in name:  # AdaLoRA's; no weight, though on the meta device it says that it learns
                parameter.requires_grad_(False)
        attached = TunedAttached(encoder, made, layers[0])
        prove(attached, self.name)
        return attached
