"""What a fine-tuned model is trained to predict: values, an order, or classes."""

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
    """A linear map of the features to one number, and the loss by which it and the adapter learn.

    A frozen dataclass of settings; importing it costs no torch.

    Attributes:
        dropout: share of the features that is dropped while training, anew for each candidate.
    """

    dropout: float

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name in configs and reports."""

    def check(self, values: np.ndarray) -> None:
        """Refuse values [N] that it cannot learn.

        Raises:
            ModelError: says what it needs.
        """
        del values

    def scale(self, values: np.ndarray) -> Scale:
        """From values to the targets of its loss."""
        return standard(values)

    def bounded(self, values: np.ndarray) -> np.ndarray:
        """Predicted values, brought to where values can be."""
        return values

    @abstractmethod
    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Mean over a minibatch: outputs, targets and weights [n]."""


@dataclass(frozen=True)
class Regression(Loss):
    """Values with Gaussian errors: the weighted mean squared error.

    Args:
        dropout: share of the features that is dropped while training.
    """

    dropout: float = 0.0

    @property
    def name(self) -> str:
        """`regression`."""
        return "regression"

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Weighted mean squared error."""
        return (weights * (outputs - targets) ** 2).sum() / weights.sum()


@dataclass(frozen=True)
class Ranking(Loss):
    """The order alone, for values whose distances mean little.

    Args:
        by: `pairs`: the better of two is ranked above (Bradley and Terry 1952); `list`: the whole order of a minibatch
            (ListMLE, Xia et al. 2008, ICML).
        dropout: share of the features that is dropped while training.
    """

    by: Literal["pairs", "list"] = "pairs"
    dropout: float = 0.0

    @property
    def name(self) -> str:
        """`ranking` and by what."""
        return f"ranking-{self.by}"

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Minus the mean log probability of the order, as it was measured."""
        from activeloop.models.finetuning import ranking as orders

        return {"pairs": orders.pairs, "list": orders.whole_list}[self.by](outputs, targets, weights)


@dataclass(frozen=True)
class Classification(Loss):
    """Two classes, measured as 0 (unfit) and 1 (fit), or the share of replicates that were fit: cross-entropy.

    Args:
        dropout: share of the features that is dropped while training.
    """

    dropout: float = 0.0

    @property
    def name(self) -> str:
        """`classification`."""
        return "classification"

    def check(self, values: np.ndarray) -> None:
        """Values are 0 to 1."""
        if not ((values >= 0) & (values <= 1)).all():
            raise ModelError("a classification head learns values of 0 (unfit) and 1 (fit). Nothing was fitted.")

    def scale(self, values: np.ndarray) -> Scale:
        """Targets are the values."""
        del values
        return Scale(0.0, 1.0)

    def bounded(self, values: np.ndarray) -> np.ndarray:
        """Shares are 0 to 1."""
        return np.clip(values, 0.0, 1.0)

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Weighted cross-entropy; outputs are log-odds, targets 0 to 1."""
        from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

        return cross_entropy(outputs, targets, weights, reduction="sum") / weights.sum()
