"""What is added to a linear map so that the inputs that stay do the work of those that go."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from activeloop.adapters.pruning_layers import add_to_bias, add_to_weight, base_of

#: of what is added to a weight: most of what goes is predicted by so few directions
RANK = 16
#: of the least squares, times the mean square of an input
RIDGE = 1e-3


@dataclass(frozen=True)
class Repair:
    """A number for each output, and a weight of low rank from the inputs that stay.

    Args:
        shift: [out] added to the bias.
        out: [out, r], or r = 0.
        into: [r, k] from the k inputs that stay; the product of both is added to the weight.
    """

    shift: torch.Tensor
    out: torch.Tensor
    into: torch.Tensor

    @classmethod
    def of(cls, module: nn.Module, seen: torch.Tensor, kept: torch.Tensor) -> Repair:
        """The one after which the outputs are nearest, in least squares, to those of before.

        Channels of convolutions are pruned so (He et al. 2017, arXiv:1707.06168), here with a regression of reduced
        rank (Izenman 1975, J Multivar Anal 5:248). Variants of one protein are so alike that little is lost.

        Args:
            module: the map, with its adapter if it has one, before anything is cut.
            seen: [S, in] of its inputs.
            kept: bool [in] of those that stay.
        """
        weight, seen = base_of(module).weight.detach().double(), seen.double()
        usual = seen.sum(0) / max(len(seen), 1)
        changes = seen - usual
        out, into = reduced_rank(changes[:, kept], changes[:, ~kept] @ weight[:, ~kept].T, RANK)
        shift = weight[:, ~kept] @ usual[~kept] - out @ (into @ usual[kept])
        return cls(shift.float(), out.float(), into.float())

    def add_to(self, module: nn.Module) -> None:
        """Change a map from which all inputs that go were cut."""
        add_to_bias(module, self.shift)
        if self.out.shape[1]:
            add_to_weight(module, self.out @ self.into)


def reduced_rank(inputs: torch.Tensor, outputs: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Factors [D, r] and [r, K] of the linear map of at most that rank from inputs [S, K] to outputs [S, D].

    >>> x = torch.eye(3, dtype=torch.float64)
    >>> out, into = reduced_rank(x, 2.0 * x[:, :1], 1)
    >>> (out @ into).abs().round(decimals=1).tolist()
    [[2.0, 0.0, 0.0]]
    """
    products = inputs @ inputs.T
    ridge = RIDGE * inputs.square().mean() * len(inputs) + 1e-12
    duals = torch.linalg.solve(products + ridge * torch.eye(len(inputs)).to(products), outputs)
    directions = torch.linalg.svd(products @ duals, full_matrices=False).Vh[:rank]
    return directions.T, directions @ duals.T @ inputs
