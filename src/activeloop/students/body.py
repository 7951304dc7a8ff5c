"""A student's network as two parts: from tokens to one vector a candidate, and from there to numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional


class Body(nn.Module, ABC):
    """From tokens to one vector a candidate.

    Attributes:
        width: of the vector, D.
    """

    width: int

    @abstractmethod
    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Float32 [N, D] of int64 tokens [N, W]."""

    @abstractmethod
    def settle(self) -> None:
        """Compute what no longer changes once the weights do not."""


class Head(nn.Module):
    """From a candidate's vector to its numbers: a straight line, and beside it a bend that begins small.

    Args:
        width: of the vector.
        inner: units of the bend's hidden layers.
        outputs: numbers.
    """

    def __init__(self, width: int, inner: tuple[int, ...], outputs: int):
        super().__init__()
        self.line = nn.Linear(width, outputs)
        sizes = (width, *inner)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.last = nn.Linear(sizes[-1], outputs, bias=False)
        with torch.no_grad():
            for linear in (self.line, self.last):
                linear.weight.mul_(0.3)

    def forward(self, vector: torch.Tensor) -> torch.Tensor:
        """[N, outputs] of [N, D]."""
        bent = vector
        for layer in self.layers:
            bent = functional.silu(layer(bent))
        return self.line(vector) + self.last(bent)

    @torch.no_grad()
    def multiply(self, factors: torch.Tensor) -> None:
        """Multiply every output by its factor [outputs]."""
        self.line.weight.mul_(factors[:, None])
        self.line.bias.mul_(factors)
        self.last.weight.mul_(factors[:, None])


class Net(nn.Module):
    """What a student's network is.

    Args:
        body: from tokens to vectors.
        head: from vectors to numbers.
    """

    def __init__(self, body: Body, head: Head):
        super().__init__()
        self.body, self.head = body, head

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Float32 [N, outputs] of int64 tokens [N, W]."""
        return self.head(self.body(tokens))
