"""A fit of a few steps, and outputs of an encoder."""

from __future__ import annotations

import torch

from activeloop.adapters.base import Attached
from activeloop.foundation.encoder import TransformerEncoder

IDS = torch.randint(4, 24, (3, 9), generator=torch.Generator().manual_seed(0))
REAL = torch.arange(9) < torch.tensor([[9], [6], [8]])


@torch.no_grad()
def outputs(encoder: TransformerEncoder) -> torch.Tensor:
    """Of three sequences, real tokens only."""
    return encoder.eval()(IDS, REAL)[REAL]


class Fit:
    """Steps of an optimiser as a fit loop takes them."""

    def __init__(self, attached: Attached, steps: int, rate: float = 1e-2):
        self.attached, self.steps, self.step = attached, steps, 0
        self.optimiser = torch.optim.Adam(attached.parameters(), lr=rate)

    def run(self, until: int | None = None) -> None:
        encoder = self.attached.encoder
        target = torch.linspace(-1, 1, encoder.width)
        while self.step < (until or self.steps):
            encoder.train()
            loss = (encoder(IDS, REAL)[REAL].mean(0) - target).square().mean()
            extra = self.attached.penalty()
            (loss if extra is None else loss + extra).backward()
            self.attached.after_backward()
            self.optimiser.step()
            self.optimiser.zero_grad()
            if self.attached.after_step(self.step, self.steps):
                self.optimiser = torch.optim.Adam(self.attached.parameters(), lr=1e-2)
            self.step += 1
        encoder.eval()
