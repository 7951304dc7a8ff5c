"""A student's network with the scale of its assays, as it is exported."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

#: deviations that are hardly any have no direction
HARDLY = 1e-6


def parted(numbers: torch.Tensor, outputs: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Location [N, A] and deviations [N, S, A] of a network's numbers.

    How wide a candidate's deviations are is one number, and what hangs together is in their directions: a few
    deviations hold what candidates share, but not all that a teacher does not know of each.

    Args:
        numbers: [N, (2 + S) * A]: the location, the logarithm of the spread, then S directions of any length.
        outputs: A.

    >>> location, deviations = parted(torch.tensor([[5.0, 0.0, 3.0, -3.0]]), 1)
    >>> location.tolist(), deviations.flatten().round(decimals=3).tolist()
    ([[5.0]], [1.0, -1.0])
    """
    location, spread, rest = numbers[:, :outputs], numbers[:, outputs : 2 * outputs], numbers[:, 2 * outputs :]
    directions = rest.unflatten(1, (-1, outputs))
    length = (directions.square().mean(1) + HARDLY**2).sqrt()
    return location, directions * (spread.exp() / length).unsqueeze(1)


class Scaled(nn.Module):
    """From tokens to what stands in the exported file.

    Args:
        network: int64 tokens [N, W] -> standardised numbers [N, (2 + S) * A], see `parted`.
        shift: [A] mean of the assays, larger is better (for classes [C] of the logits).
        factor: [A] standard deviation of the assays.
        deviations: S, how many joint deviations there are.
        classes: whether the outputs are logits of classes.
    """

    shift: torch.Tensor
    factor: torch.Tensor

    def __init__(self, network: nn.Module, shift: np.ndarray, factor: np.ndarray, deviations: int, classes: bool):
        super().__init__()
        self.network, self.outputs, self.deviations, self.classes = network, len(shift), deviations, classes
        self.register_buffer("shift", torch.tensor(shift, dtype=torch.float32))
        self.register_buffer("factor", torch.tensor(factor, dtype=torch.float32))

    def split(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Standardised location [N, A] and deviations [N, S, A], as they are taught."""
        return parted(self.network(tokens.long()), self.outputs)

    def forward(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Mean [N, A], standard deviation [N, A], location [N, A] and deviations [N, S, A] of tokens [N, W]."""
        location, deviations = self.split(tokens)
        location, deviations = location * self.factor + self.shift, deviations * self.factor
        mean, sd = _chances(location, deviations) if self.classes else (location, deviations.square().mean(1).sqrt())
        return mean, sd, location, deviations


def _chances(location: torch.Tensor, deviations: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation [N, C] of the probabilities of the draws, without drawing.

    The logits of the draws are normally distributed with the S deviations, divided by sqrt(S), as columns of a root of
    their covariance, so the third-degree cubature takes the 2 S points `location +- deviation`, all of one weight.

    Source: Arasaratnam and Haykin 2009, Cubature Kalman filters, doi 10.1109/TAC.2009.2019800.
    """
    centre = location.unsqueeze(1)
    points = torch.cat([(centre + deviations).softmax(2), (centre - deviations).softmax(2)], 1)
    mean = points.mean(1)
    return mean, (points - mean.unsqueeze(1)).square().mean(1).sqrt()
