"""A student's network as two parts: from tokens to one vector a candidate, and from there to numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from activeloop.students.additive import Additive

#: a head begins with hardly a say
SMALL = 0.1


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
                linear.weight.mul_(SMALL)

    def forward(self, vector: torch.Tensor) -> torch.Tensor:
        """[N, outputs] of [N, D]."""
        bent = vector
        for layer in self.layers:
            bent = functional.silu(layer(bent))
        return self.line(vector) + self.last(bent)


class Net(nn.Module):
    """What a student's network is: mutations that add up, and what a body sees beside that.

    Args:
        additive: from tokens to the numbers at which it begins.
        body: from tokens to vectors.
        inner: units of the hidden layers of the head, which takes vectors and sums to what comes beside.
        outputs: numbers.
    """

    def __init__(self, additive: Additive, body: Body, inner: tuple[int, ...], outputs: int):
        super().__init__()
        self.additive, self.body = additive, body
        self.head = Head(body.width + additive.rank, inner, outputs)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Float32 [N, outputs] of int64 tokens [N, W]."""
        return self.told(tokens)[1]

    def told(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The body's vectors [N, D] beside the numbers [N, outputs]."""
        sums, total = self.additive(tokens)
        vectors = self.body(tokens)
        # the head bends sums too: many assays are a bent scale under which mutations add up
        return vectors, total + self.head(torch.cat([vectors, sums], 1))

    @torch.no_grad()
    def begin(self, tokens: torch.Tensor, goal: torch.Tensor, ridge: float) -> None:
        """Let the sum over mutations begin as what fits best.

        Args:
            tokens: [N, W] of candidates.
            goal: [N, K] of their first K outputs.
            ridge: weight of the squared effects.
        """
        self.head.line.bias[: goal.shape[1]] = self.additive.begin(tokens, goal, ridge)

    @torch.no_grad()
    def widen(self, by: torch.Tensor) -> None:
        """Add to the logarithms of the spreads.

        Args:
            by: [A].
        """
        self.head.line.bias[len(by) : 2 * len(by)] += by
