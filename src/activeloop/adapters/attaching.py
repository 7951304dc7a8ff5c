"""Finds the implementation of an adapter; torch and `peft` are loaded only when one is attached."""

from __future__ import annotations

from functools import singledispatch
from importlib.util import find_spec
from typing import TYPE_CHECKING

from activeloop.adapters.config import Adapter, Conditional, Frozen, FullFineTuning, LightPEFT, LoRA, PeftAdapter
from activeloop.errors import MissingExtraError, ModelError

if TYPE_CHECKING:
    from activeloop.adapters.base import Attached
    from activeloop.foundation.encoder import TransformerEncoder


@singledispatch
def attach(adapter: Adapter, encoder: TransformerEncoder, seed: int) -> Attached:
    """Put an adapter into an encoder, which is changed in place; all other weights are frozen.

    `@attach.register(MyAdapter)` adds the implementation of an adapter of your own.

    Args:
        adapter: its settings.
        encoder: without an adapter.
        seed: of the initial weights.

    Raises:
        ModelError: the adapter would have no effect (checked by perturbing the trainable parameters, which are then
            restored), does not fit the encoder, or nobody registered an implementation.
        MissingExtraError: it needs `peft`, which is not installed.
    """
    raise ModelError(f'adapter "{adapter.name}" has no implementation: register one with `attach.register`.')


@attach.register(Frozen)
def _(adapter: Frozen, encoder: TransformerEncoder, seed: int) -> Attached:
    from activeloop.adapters.weights import WeightsAttached

    return WeightsAttached(encoder, {}, len(encoder.layers))


@attach.register(FullFineTuning)
def _(adapter: FullFineTuning, encoder: TransformerEncoder, seed: int) -> Attached:
    from activeloop.adapters.weights import attach_weights

    return attach_weights(adapter, encoder)


@attach.register(LoRA)
def _(adapter: LoRA, encoder: TransformerEncoder, seed: int) -> Attached:
    _need_peft()
    from activeloop.adapters.peft import attach_lora

    return attach_lora(adapter, encoder, seed)


@attach.register(PeftAdapter)
def _(adapter: PeftAdapter, encoder: TransformerEncoder, seed: int) -> Attached:
    _need_peft()
    from activeloop.adapters.peft import attach_peft

    return attach_peft(adapter, encoder, seed)


@attach.register(LightPEFT)
def _(adapter: LightPEFT, encoder: TransformerEncoder, seed: int) -> Attached:
    _need_peft()
    from activeloop.adapters.light_peft import LightAttached

    return LightAttached(encoder, adapter, seed)


@attach.register(Conditional)
def _(adapter: Conditional, encoder: TransformerEncoder, seed: int) -> Attached:
    from activeloop.adapters.conditional import attach_conditional

    return attach_conditional(adapter, encoder, seed)


def _need_peft() -> None:
    if find_spec("peft") is None:
        raise MissingExtraError("An adapter", "models")
