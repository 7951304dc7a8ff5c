"""AdaLoRA in a trunk: which ranks remain."""

from __future__ import annotations

import torch
from peft import AdaLoraConfig
from peft.tuners.adalora import AdaLoraModel

from activeloop.adapters.adalora import AdaLoRA
from activeloop.adapters.attaching import kept, prove
from activeloop.adapters.base import Attached
from activeloop.adapters.targets import targeted
from activeloop.adapters.tuned import TunedAttached, pattern, tune
from activeloop.backbones.trunk import Trunk


def attach_adalora(settings: AdaLoRA, trunk: Trunk, seed: int, layers: tuple[int, ...]) -> Attached:
    """Put AdaLoRA into these layers, and prove it."""
    config = AdaLoraConfig(
        target_r=settings.rank,
        init_r=settings.start,
        lora_alpha=settings.alpha,  # pyright: ignore[reportArgumentType] # any number will do
        lora_dropout=settings.dropout,
        target_modules=pattern(layers, targeted(trunk.names, settings.targets)),
        total_step=1,  # must be given; the schedule is ours, since only the fit loop knows how many there will be
    )
    tuner = tune(trunk, AdaLoraModel, config, seed)
    for name, parameter in trunk.layers.named_parameters():
        if ".ranknum." in name:  # no weight, though on the meta device it says that it learns
            parameter.requires_grad_(False)
    attached = AdaLoRAAttached(settings, TunedAttached(trunk, tuner, layers[0]))
    prove(attached, settings.name)
    return attached


class AdaLoRAAttached(Attached):
    """AdaLoRA in its trunk.

    Importance is a running mean of |weight x gradient| times its spread, as `peft` computes it.

    Args:
        settings: of the schedule.
        tuned: the singular values and vectors.
    """

    def __init__(self, settings: AdaLoRA, tuned: TunedAttached):
        self.trunk, self.lowest = tuned.trunk, tuned.lowest
        self._settings, self._tuned = settings, tuned
        self._allocator = tuned.tuner.rankallocator
        self._maps = len(self._allocator.name_set)
        #: which ranks of each map remain, once that is settled
        self._remain: dict[str, list[bool]] = {}

    def parameters(self) -> list[torch.nn.Parameter]:
        """Singular values and vectors, also of ranks that were taken away."""
        return self._tuned.parameters()

    def state(self) -> dict[str, torch.Tensor]:
        """Singular values (zero where a rank was taken away) and vectors."""
        return self._tuned.state()

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """Of the same."""
        self._tuned.load(state)

    def merge(self) -> Trunk:
        """By `peft`."""
        return self._tuned.merge()

    def penalty(self) -> torch.Tensor:
        """How far the vectors of each map are from being orthogonal, on average."""
        named = self._tuned.trunk.layers.named_parameters()
        vectors = [p if "lora_A" in name else p.T for name, p in named if "lora_A" in name or "lora_B" in name]
        off = [torch.linalg.matrix_norm(v @ v.T - torch.eye(len(v), device=v.device)) for v in vectors]
        return self._settings.orthogonal * torch.stack(off).mean()

    def after_backward(self) -> None:
        """Gather importance."""
        if not self._remain:
            self._allocator.update_ipt(self.trunk.layers)

    def after_step(self, step: int, steps: int) -> bool:
        """Take ranks away as the schedule says; the parameters stay the same ones."""
        done, settings = step + 1, self._settings
        budget = int(settings.budget(done, steps) * self._maps)
        if self._remain:
            # the optimiser's momentum moved what was set to zero
            self._allocator.mask_using_rank_pattern(self.trunk.layers, self._remain)
        elif budget < settings.start * self._maps:
            remain = self._allocator.mask_to_budget(self.trunk.layers, budget)
            if done >= (1 - settings.settle) * steps:
                self._remain = remain
        return False

    def progress(self) -> dict[str, torch.Tensor]:
        """Importance so far, or what remains."""
        if self._remain:
            return {f"remain.{name}": torch.tensor(ranks) for name, ranks in self._remain.items()}
        mean, spread = self._allocator.exp_avg_ipt, self._allocator.exp_avg_unc
        return kept(
            {f"{part}.{name}": t for part, of in (("mean", mean), ("spread", spread)) for name, t in of.items()}
        )

    def resume(self, progress: dict[str, torch.Tensor]) -> None:
        """Go on from there."""
        parts: dict[str, dict[str, torch.Tensor]] = {"remain": {}, "mean": {}, "spread": {}}
        for key, tensor in progress.items():
            part, name = key.split(".", 1)
            parts[part][name] = tensor
        self._remain = {name: ranks.tolist() for name, ranks in parts["remain"].items()}
        self._allocator.exp_avg_ipt, self._allocator.exp_avg_unc = parts["mean"], parts["spread"]
        self._allocator.ipt = dict(parts["mean"])
