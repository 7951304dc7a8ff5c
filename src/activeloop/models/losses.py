"""What a network is trained for: the value itself, or the order of any two values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

#: (outputs [M, B], targets [B], weights [M, B]) -> gradient of the loss in the outputs [M, B]
Gradient = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def squared(outputs: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Gradient of the weighted mean squared error.

    >>> squared(np.array([[1.0, 0.0]]), np.array([0.0, 0.0]), np.ones((1, 2))).tolist()
    [[1.0, 0.0]]
    """
    return 2 * weights * (outputs - targets) / np.maximum(weights.sum(1, keepdims=True), 1e-12)


def ranking(outputs: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Gradient of the Bradley-Terry loss: -log of the probability that the better of two candidates is ranked above.

    All pairs of the minibatch count, weighted by the product of their weights; ties say nothing.

    Source: Bradley and Terry 1952, Biometrika 39:324; for proteins Hawkins-Hooker et al. 2024, bioRxiv.

    >>> ranking(np.array([[0.0, 0.0]]), np.array([1.0, 0.0]), np.ones((1, 2))).tolist()
    [[-0.5, 0.5]]
    """
    better = (targets[:, None] > targets[None, :]) * (weights[:, :, None] * weights[:, None, :])
    margin = np.clip(outputs[:, :, None] - outputs[:, None, :], -30, 30)
    push = better / (1 + np.exp(margin))
    return (push.sum(1) - push.sum(2)) / np.maximum(better.sum((1, 2)), 1e-12)[:, None]


LOSSES: dict[str, Gradient] = {"squared": squared, "ranking": ranking}
