"""The best of very many, some at a time."""

from __future__ import annotations

import numpy as np


def best(rows: np.ndarray, scores: np.ndarray, most: int) -> np.ndarray:
    """Indices of the `most` highest scores, in no order; of exact ties the lowest rows.

    Which rows are chosen does not depend on the order in which they come, so a pool may be looked at in any pieces.

    Args:
        rows: [N] each once.
        scores: [N] finite.
        most: how many; all when there are fewer.

    >>> best(np.array([7, 3, 5, 1]), np.array([2.0, 1.0, 1.0, 0.0]), 2).tolist()
    [0, 1]
    """
    if len(rows) <= most:
        return np.arange(len(rows))
    cut = np.partition(scores, len(rows) - most)[len(rows) - most]
    above, ties = np.flatnonzero(scores > cut), np.flatnonzero(scores == cut)
    room = most - len(above)
    if room < len(ties):
        ties = ties[np.argpartition(rows[ties], room)[:room]]
    return np.concatenate([above, ties])


def ranked(rows: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Indices from the highest score to the lowest, ties by row."""
    return np.lexsort((rows, -scores))
