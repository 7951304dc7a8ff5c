"""Greedy log-determinant: rows whose members tell most together."""

from __future__ import annotations

import numpy as np


def greedy_logdet(x: np.ndarray, noise: float, n: int, quality: np.ndarray | None = None) -> np.ndarray:
    """Indices that greedily maximise log det(I + X_b X_b' / noise) + sum of quality.

    The gain of a candidate is log(1 + its variance given the picks so far / noise). Each pick costs one matrix-vector
    product and one update of x.

    Args:
        x: [N, D] coordinates.
        noise: variance of the noise, above 0.
        n: how many, at most N.
        quality: [N] what each is worth by itself, in nats; None = 0.

    Returns:
        [n] different indices in the order in which they were taken.

    Source: Krause et al. 2008 (JMLR 9:235); Chen et al. 2018, arXiv:1709.05135, for the incremental form.

    >>> greedy_logdet(np.array([[2.0, 0.0], [1.9, 0.0], [0.0, 1.0]]), 0.1, 2).tolist()
    [0, 2]
    """
    x = np.array(x, np.float64)
    worth = np.zeros(len(x)) if quality is None else quality
    variance, free, picks = np.square(x).sum(1), np.ones(len(x), bool), np.zeros(n, np.int64)
    for k in range(n):
        gain = np.where(free, np.log1p(np.maximum(variance, 0.0) / noise) + worth, -np.inf)
        i = picks[k] = int(gain.argmax())
        free[i] = False
        own = x[i].copy()
        along = x @ own
        total = float(own @ own) + noise
        variance = variance - np.square(along) / total
        if total > noise:
            x -= np.outer(along, own * ((1 - np.sqrt(noise / total)) / (total - noise)))
    return picks
