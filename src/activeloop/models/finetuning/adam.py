"""AdamW, without what torch's own loads at its first step: its compiler, which takes longer than most fits."""

from __future__ import annotations

from collections.abc import Sequence

import torch

#: how slowly the means of gradients and of their squares forget
FIRST, SECOND = 0.9, 0.999
SMALL = 1e-8


class AdamW:
    """Moves parameters along their gradients, each by about the learning rate.

    Args:
        parameters: what is moved; those without a gradient stay.
        times: by how much the learning rate of each is multiplied.
        decay: weight decay per unit of learning rate.

    Source: Kingma and Ba 2014, arXiv:1412.6980; Loshchilov and Hutter 2017, arXiv:1711.05101.
    """

    def __init__(self, parameters: Sequence[torch.nn.Parameter], times: Sequence[float], decay: float):
        self.parameters, self.times, self.decay = list(parameters), list(times), decay
        self.count = 0
        self.first, self.second = ([torch.zeros_like(p) for p in self.parameters] for _ in range(2))

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """One update; gradients are gone afterwards."""
        self.count += 1
        unbiased = (1 - SECOND**self.count) ** 0.5
        for p, own, m, v in zip(self.parameters, self.times, self.first, self.second, strict=True):
            if p.grad is None:
                continue
            m.lerp_(p.grad, 1 - FIRST)
            v.lerp_(p.grad.square(), 1 - SECOND)
            p.mul_(1 - rate * own * self.decay)
            p.addcdiv_(m, v.sqrt().div_(unbiased).add_(SMALL), value=-rate * own / (1 - FIRST**self.count))
            p.grad = None

    def state(self) -> dict[str, torch.Tensor]:
        """Both means of each parameter, and how many steps were done."""
        means = {f"{kind}/{i}": t for kind in ("first", "second") for i, t in enumerate(getattr(self, kind))}
        return {**means, "count": torch.tensor(self.count)}

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """The counterpart of `state`."""
        self.count = int(state["count"])
        for kind in ("first", "second"):
            for i, mean in enumerate(getattr(self, kind)):
                mean.copy_(state[f"{kind}/{i}"])
