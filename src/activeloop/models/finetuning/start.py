"""Where the head of a fine-tuned model begins."""

from __future__ import annotations

import numpy as np

#: penalties that are compared, times the number of columns
PENALTIES = np.geomspace(1e-3, 1e3, 13)


def ridge(features: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float]:
    """A weighted ridge regression whose penalty has the least leave-one-out error.

    Args:
        features: [N, P].
        targets: [N].
        weights: [N], at most 1.

    Returns:
        Coefficients [P] and intercept.

    >>> x = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> slope, intercept = ridge(x, 2 * x[:, 0] + 1, np.ones(4))
    >>> slope.round(1).tolist(), round(intercept, 1)
    ([2.0], 1.0)
    """
    share = weights / weights.sum()
    centre, middle = share @ features, float(share @ targets)
    root = np.sqrt(weights)
    x, y = root[:, None] * (features - centre), root * (targets - middle)
    left, singular, right = np.linalg.svd(x.astype(np.float64), full_matrices=False)
    along = left.T @ y
    best, coefficients = np.inf, np.zeros(features.shape[1])
    for penalty in PENALTIES * features.shape[1]:
        shrunk = singular**2 / (singular**2 + penalty)
        leverage = np.minimum((left**2) @ shrunk + share, 1 - 1e-9)
        error = float((((y - left @ (shrunk * along)) / (1 - leverage)) ** 2).sum())
        if error < best:
            best, coefficients = error, right.T @ (singular / (singular**2 + penalty) * along)
    return coefficients, middle - float(centre @ coefficients)
