"""Adapters of `peft` in the linear maps of an encoder's layers: LoRA, its variants, and any other by its name there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from peft import PEFT_TYPE_TO_CONFIG_MAPPING, PEFT_TYPE_TO_TUNER_MAPPING, LoraConfig, PeftType
from peft.tuners.lora import LoraModel
from peft.tuners.tuners_utils import BaseTuner, BaseTunerLayer

from activeloop.adapters.base import Attached, check_gradients, copied, freeze, load_into, seeded_rng
from activeloop.adapters.config import LoRA, PeftAdapter, chosen_layers, module_names
from activeloop.errors import ModelError
from activeloop.foundation.encoder import TransformerEncoder

#: the name that `peft` gives to an adapter without one
DEFAULT = "default"


class TunerAttached(Attached):
    """A tuner of `peft` that needs nothing but its parameters.

    Args:
        encoder: with the tuner in it.
        tuner: of `peft`.
        lowest: layer with an adapter.
        lr_ratio: learning rate of LoRA's A (`lora_B` in `peft`) over that of all other parameters.
        residual: for PiSSA, whose initial values are subtracted from the weights.
    """

    def __init__(
        self,
        encoder: TransformerEncoder,
        tuner: BaseTuner,
        lowest: int,
        lr_ratio: float = 1.0,
        residual: Residual | None = None,
    ):
        self.encoder, self.lowest = encoder, lowest
        self.tuner, self._lr_ratio, self._residual = tuner, lr_ratio, residual
        self._trained = trained_parameters(encoder)
        if residual is not None:
            residual.begin()

    def parameters(self) -> list[torch.nn.Parameter]:
        """Of the adapters."""
        return list(self._trained.values())

    def rates(self) -> list[float]:
        """`lr_ratio` for A, 1 for the rest."""
        return [self._lr_ratio if name.endswith(".lora_B.weight") else 1.0 for name in self._trained]

    def state(self) -> dict[str, torch.Tensor]:
        """Of the adapters, and PiSSA's initial values."""
        return copied(self._saved)

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """Into the adapters, and the weights that PiSSA changed."""
        load_into(self._saved, state)
        if self._residual is not None:
            self._residual.subtract()

    def merge(self) -> TransformerEncoder:
        """By `peft`."""
        for module in tuner_layers(self.encoder):
            # other encoders may share the memory
            weight = module.get_base_layer().weight
            weight.data = weight.detach().clone()
        self.tuner.merge_and_unload()
        self.encoder.train(self.encoder.training)
        return freeze(self.encoder)

    @property
    def _saved(self) -> dict[str, torch.Tensor]:
        return {**self._trained, **({} if self._residual is None else self._residual.start)}


class Residual:
    """Weights minus the product of PiSSA's initial values.

    Those come from a singular value decomposition, whose last bits differ between machines, so they are saved with the
    adapter, and the original weights are held in memory to subtract them from.

    Args:
        encoder: before the adapter is attached.
        layers, modules: that will have one.
    """

    def __init__(self, encoder: TransformerEncoder, layers: Sequence[int], modules: Sequence[str]):
        self._encoder = encoder
        names = [f"{layer}.{name}" for layer in layers for name in modules]
        self._original = {name: self._module(name).weight.detach().clone() for name in names}
        self.start: dict[str, torch.Tensor] = {}

    def begin(self) -> None:
        """Store the initial values of the adapter that was attached."""
        for name in self._original:
            module = self._module(name)
            for factor in ("lora_A", "lora_B"):
                self.start[f"start.{name}.{factor}"] = getattr(module, factor)[DEFAULT].weight.detach().clone()
        self.subtract()

    @torch.no_grad()
    def subtract(self) -> None:
        """Set each weight to the original one minus the product of the initial values."""
        for name, original in self._original.items():
            module = self._module(name)
            product = self.start[f"start.{name}.lora_B"] @ self.start[f"start.{name}.lora_A"]
            module.base_layer.weight.copy_(original - module.scaling[DEFAULT] * product)

    def _module(self, name: str) -> Any:
        return self._encoder.layers.get_submodule(name)


def attach_lora(adapter: LoRA, encoder: TransformerEncoder, seed: int) -> TunerAttached:
    """LoRA or a variant in the chosen layers; the seed initialises B."""
    layers = chosen_layers(len(encoder.layers), adapter.layers_to_transform, adapter.last_layers)
    modules = module_names(encoder.names, adapter.target_modules)
    pissa = adapter.variant == "pissa"
    residual = Residual(encoder, layers, modules) if pissa else None
    config = LoraConfig(
        r=adapter.rank,
        lora_alpha=adapter.alpha,  # pyright: ignore[reportArgumentType] # any number will do
        lora_dropout=adapter.dropout,
        target_modules=pattern(layers, modules),
        use_rslora=adapter.variant == "rslora",
        use_dora=adapter.variant == "dora",
        # randomised: the full decomposition of six matrices of a model of 650 M parameters takes seconds
        init_lora_weights="pissa_niter_4" if pissa else True,  # pyright: ignore[reportArgumentType]
    )
    tuner = _tuner(encoder, LoraModel, config, seed)
    attached = TunerAttached(encoder, tuner, layers[0], adapter.loraplus_lr_ratio, residual)
    check_gradients(attached, adapter.name)
    return attached


def attach_peft(adapter: PeftAdapter, encoder: TransformerEncoder, seed: int) -> TunerAttached:
    """Any adapter of `peft` in the chosen layers.

    Raises:
        ModelError: `peft` has no such adapter, or its config no such option.
    """
    layers = chosen_layers(len(encoder.layers), adapter.layers_to_transform, adapter.last_layers)
    names = encoder.names
    modules: dict[str, Any] = {"target_modules": pattern(layers, module_names(names, adapter.target_modules))}
    if adapter.kind == "ia3":
        # rescales the inputs of feed-forward modules, the outputs of the others
        modules["target_modules"] = pattern(layers, (names.key, names.value, names.narrow))
        modules["feedforward_modules"] = pattern(layers, (names.narrow,))
    try:
        kind = PeftType(adapter.kind.upper())
        made, config = PEFT_TYPE_TO_TUNER_MAPPING[kind], PEFT_TYPE_TO_CONFIG_MAPPING[kind](**modules, **adapter.options)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f'peft makes no adapter "{adapter.kind}" with these options: {error}.') from error
    tuner = _tuner(encoder, made, config, seed)
    for name, parameter in encoder.layers.named_parameters():
        if ".ranknum." in name:  # AdaLoRA's counter; no weight, but on the meta device it claims to be trainable
            parameter.requires_grad_(False)
    attached = TunerAttached(encoder, tuner, layers[0])
    check_gradients(attached, adapter.name)
    return attached


def pattern(layers: Sequence[int], modules: Sequence[str]) -> str:
    r"""A regular expression of the full names, within an encoder's layers, of these linear maps.

    Bare names such as "dense" would also match the masked-language head, and `layers_to_transform` of `peft` does not
    know every architecture.

    >>> pattern((0, 11), ("output.dense",))
    '(0|11)\\.(output\\.dense)'
    """
    return rf"({'|'.join(map(str, layers))})\.({'|'.join(map(re.escape, modules))})"


def tuner_layers(encoder: TransformerEncoder) -> Iterator[Any]:
    """The linear maps that have an adapter."""
    return (module for module in encoder.modules() if isinstance(module, BaseTunerLayer))


@contextmanager
def merged(encoder: TransformerEncoder, masks: Sequence[torch.Tensor]) -> Iterator[None]:
    """Within it each map with LoRA is one dense matrix, inputs of LoRA dropped or not: W + scale A diag(m) B^T.

    A forward pass then costs what it costs without an adapter, and as nothing is hooked to the layers, the last one may
    be run at a few tokens alone. Afterwards the weights are those of before.

    Args:
        encoder: with `LoRA` in it, no variant of it.
        masks: [in] factors m of the inputs of each map, in the order of `tuner_layers`.
    """
    before: list[tuple[Any, torch.nn.Parameter]] = []
    try:
        for module, mask in zip(tuner_layers(encoder), masks, strict=True):
            base, down, up = module.get_base_layer(), module.lora_A[DEFAULT].weight, module.lora_B[DEFAULT].weight
            weight = base.weight.detach()
            before.append((module, base.weight))
            product = up.detach() @ (down.detach() * mask.to(down))
            whole = (weight + module.scaling[DEFAULT] * product).to(weight.dtype)
            base.weight = torch.nn.Parameter(whole, requires_grad=False)
            module.merged_adapters.append(DEFAULT)
        yield
    finally:
        for module, weight in before:
            module.get_base_layer().weight = weight
            module.merged_adapters.clear()


def trained_parameters(encoder: TransformerEncoder) -> dict[str, torch.nn.Parameter]:
    """Trainable parameters of the layers, by names without `peft`'s adapter name."""
    named = encoder.layers.named_parameters()
    return {f"layers.{name.replace(f'.{DEFAULT}', '')}": p for name, p in named if p.requires_grad}


def _tuner(encoder: TransformerEncoder, kind: type[BaseTuner], config: Any, seed: int) -> BaseTuner:
    if any(True for _ in tuner_layers(encoder)):
        raise ModelError("this encoder has an adapter. Merge it, or load the model anew; nothing was attached.")
    freeze(encoder)
    with seeded_rng(seed):
        tuner = kind(encoder.layers, config, DEFAULT)
    for module in tuner_layers(encoder):
        # Under autocast the inputs would be cast to the adapters' float32, and back at once.
        module.cast_input_dtype_enabled = module.weight.dtype != torch.float32
    encoder.train(encoder.training)
    return tuner
