"""IA3 in a trunk."""

from __future__ import annotations

from peft import IA3Config
from peft.tuners.ia3 import IA3Model

from activeloop.adapters.attaching import prove
from activeloop.adapters.base import Attached
from activeloop.adapters.tuned import TunedAttached, pattern, tune
from activeloop.backbones.trunk import Trunk


def attach_ia3(trunk: Trunk, seed: int, layers: tuple[int, ...]) -> Attached:
    """Put IA3 into these layers, and prove it."""
    names = trunk.names
    config = IA3Config(
        target_modules=pattern(layers, (names.key, names.value, names.narrow)),
        # there the inputs are multiplied, elsewhere the outputs
        feedforward_modules=pattern(layers, (names.narrow,)),
    )
    attached = TunedAttached(trunk, tune(trunk, IA3Model, config, seed), layers[0])
    prove(attached, "ia3")
    return attached
