"""Losses of fine-tuning: values, an order, or classes. torch is loaded only when one is computed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from activeloop.errors import ModelError
from activeloop.models.transforms import Scale, standard

if TYPE_CHECKING:
    import torch


class Loss(ABC):
    """The loss by which a linear head on the features, and the adapter, are trained. A frozen dataclass of settings.

    Attributes:
        name: in configs and reports.
        dropout: share of the features dropped during training, sampled for each candidate.
    """

    name: str
    dropout: float

    def check(self, values: np.ndarray) -> None:
        """Check that values [N] suit the loss.

        Raises:
            ModelError: they do not.
        """
        del values

    def scale(self, values: np.ndarray) -> Scale:
        """From values to targets."""
        return standard(values)

    def bounded(self, values: np.ndarray) -> np.ndarray:
        """Predicted values, clipped to their range."""
        return values

    @abstractmethod
    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Mean over a minibatch: outputs, targets and weights [n]."""


@dataclass(frozen=True)
class Regression(Loss):
    """Values with Gaussian errors: the weighted mean squared error.

    Args:
        dropout: share of the features dropped during training.
    """

    name = "regression"

    dropout: float = 0.0

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Weighted mean squared error."""
        return (weights * (outputs - targets) ** 2).sum() / weights.sum()


@dataclass(frozen=True)
class Ranking(Loss):
    """The order alone, for values whose differences mean little.

    Args:
        by: `pairs` (Bradley-Terry, see `pair_loss`) or `list` (ListMLE, see `list_loss`).
        dropout: share of the features dropped during training.
    """

    by: Literal["pairs", "list"] = "pairs"
    dropout: float = 0.0

    @property
    def name(self) -> str:
        """`ranking-` and `by`."""
        return f"ranking-{self.by}"

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Negative mean log-likelihood of the measured order."""
        return RANKING_LOSSES[self.by](outputs, targets, weights)


@dataclass(frozen=True)
class Classification(Loss):
    """Two classes, measured as 0 (unfit) and 1 (fit), or the share of replicates that were fit: cross-entropy.

    Args:
        dropout: share of the features dropped during training.
    """

    name = "classification"

    dropout: float = 0.0

    def check(self, values: np.ndarray) -> None:
        """Values must be 0 to 1."""
        if not ((values >= 0) & (values <= 1)).all():
            raise ModelError("a classification head learns values of 0 (unfit) and 1 (fit). Nothing was fitted.")

    def scale(self, values: np.ndarray) -> Scale:
        """Targets are the values."""
        del values
        return Scale(0.0, 1.0)

    def bounded(self, values: np.ndarray) -> np.ndarray:
        """Clipped to 0 to 1."""
        return np.clip(values, 0.0, 1.0)

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Weighted cross-entropy; outputs are log-odds, targets 0 to 1."""
        from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

        return cross_entropy(outputs, targets, weights, reduction="sum") / weights.sum()


def pair_loss(outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Negative mean log-likelihood that the better of two candidates is ranked above; ties count for nothing.

    Args:
        outputs: [n] scores.
        targets: [n] values.
        weights: [n]; a pair has the product.

    Source: Bradley and Terry 1952, Biometrika 39:324.

    >>> import torch
    >>> round(float(pair_loss(torch.tensor([0.0, 0.0]), torch.tensor([1.0, 0.0]), torch.ones(2))), 4)
    0.6931
    """
    from torch.nn.functional import softplus

    better = (targets[:, None] > targets[None]) * (weights[:, None] * weights[None])
    losses = better * softplus(outputs[None] - outputs[:, None])
    return losses.sum() / better.sum().clamp(min=1e-12)


def list_loss(outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Negative log-likelihood of the whole order per candidate: the best is chosen first, then the next best.

    Args:
        outputs: [n] scores.
        targets: [n] values; equal ones stay in the order given.
        weights: [n] of each candidate's choice.

    Source: Xia et al. 2008, ICML (ListMLE).

    >>> import torch
    >>> round(float(list_loss(torch.tensor([0.0, 0.0]), torch.tensor([1.0, 0.0]), torch.ones(2))), 4)
    0.3466
    """
    order = targets.argsort(descending=True, stable=True)
    scores, shares = outputs[order], weights[order]
    # the denominator of each choice: all candidates that are not better
    remaining = scores.flip(0).logcumsumexp(0).flip(0)
    return (shares * (remaining - scores)).sum() / shares.sum()


RANKING_LOSSES = {"pairs": pair_loss, "list": list_loss}
