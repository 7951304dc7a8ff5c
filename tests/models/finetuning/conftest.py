"""A line to be fitted, as small as an objective can be."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from activeloop.models.finetuning.objectives import TrainingObjective


class Line(TrainingObjective):
    """Values that are linear in three features; asks for no more memory than `most` candidates need at once."""

    def __init__(self, candidates: int = 40, most: int = 10**9, message: str = "", pairs: bool = False):
        generator = torch.Generator().manual_seed(0)
        self.x = torch.randn(candidates, 3, generator=generator)
        self.y = self.x @ torch.tensor([1.0, -2.0, 0.5])
        self.slopes = torch.nn.Parameter(torch.zeros(3))
        self.most, self.message, self.pairs, self.sizes = most, message, pairs, []

    def parameters(self):
        return [self.slopes]

    def outputs(self, which):
        self.sizes.append(len(which))
        if len(which) > self.most:
            raise RuntimeError(self.message)
        return self.x[which] @ self.slopes

    def loss(self, outputs, which):
        if self.pairs:
            gaps = outputs[:, None] - outputs[None]
            return torch.nn.functional.softplus(-gaps * torch.sign(self.y[which][:, None] - self.y[which][None])).mean()
        return ((outputs - self.y[which]) ** 2).mean()

    def scores(self, which):
        return (self.x[which] @ self.slopes).detach().numpy()

    def state(self):
        return {"slopes": self.slopes.detach()}

    def load(self, state):
        with torch.no_grad():
            self.slopes.copy_(state["slopes"])


@pytest.fixture
def line() -> type[Line]:
    return Line


@pytest.fixture
def values() -> np.ndarray:
    return Line().y.numpy().astype(float)
