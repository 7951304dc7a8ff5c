"""Losses that look at an order alone."""

from __future__ import annotations

import torch
from torch.nn.functional import softplus


def pairs(outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Minus the mean log probability that the better of two candidates is ranked above; ties say nothing.

    Args:
        outputs: [n] scores.
        targets: [n] values.
        weights: [n]; a pair weighs the product.

    Source: Bradley and Terry 1952, Biometrika 39:324.

    >>> one = torch.ones(2)
    >>> round(float(pairs(torch.tensor([0.0, 0.0]), torch.tensor([1.0, 0.0]), one)), 4)
    0.6931
    """
    better = (targets[:, None] > targets[None]) * (weights[:, None] * weights[None])
    losses = better * softplus(outputs[None] - outputs[:, None])
    return losses.sum() / better.sum().clamp(min=1e-12)


def whole_list(outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Minus the log probability of the measured order, for each candidate: the best is drawn first, then the next.

    Args:
        outputs: [n] scores.
        targets: [n] values; equal ones stay in the order given.
        weights: [n] of each candidate's turn.

    Source: Xia et al. 2008, ICML (ListMLE).

    >>> one = torch.ones(2)
    >>> round(float(whole_list(torch.tensor([0.0, 0.0]), torch.tensor([1.0, 0.0]), one)), 4)
    0.3466
    """
    order = torch.argsort(targets, descending=True, stable=True)
    scores, shares = outputs[order], weights[order]
    # the probability that a candidate is drawn before all that are worse
    worse = torch.logcumsumexp(scores.flip(0), 0).flip(0)
    return (shares * (worse - scores)).sum() / shares.sum()
