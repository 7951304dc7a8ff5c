"""The mean of a process over sites for very many candidates: by tables of letters, not by distances to each label."""

from __future__ import annotations

import numpy as np

from activeloop.models.site_kernel import SiteKernel

#: candidates whose products are formed at once when halves do not repeat
PIECE = 8192


def kernel_times(kernel: SiteKernel, x: np.ndarray, labels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """k(x, labels) @ alpha without forming k.

    Single sites and pairs become tables of letters. The product over all sites is one of two halves of the sites; in a
    library each half takes few values, so the product of two small matrices holds every combination.

    Args:
        kernel: the kernel.
        x: [N, L] letters.
        labels: [n, L] letters of the labels.
        alpha: [n] their weights.

    Returns:
        [N] float64.
    """
    sites = x.shape[1]
    one, pair, whole = kernel.variances
    total = np.zeros(len(x))
    of_labels = [table[:, labels[:, s]] for s, table in enumerate(kernel.tables)]
    for s, k in enumerate(of_labels):
        total += (one / sites * (k @ alpha))[x[:, s]]
        for t in range(s):
            both = 2 * pair / (sites * (sites - 1)) * ((k * alpha) @ of_labels[t].T)
            total += both[x[:, s], x[:, t]]
    return total + whole * _products(of_labels, x, alpha)


def _products(of_labels: list[np.ndarray], x: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """[N] sum over labels of alpha times the product over sites."""
    middle = (x.shape[1] + 1) // 2
    left, in_left = _half(of_labels[:middle], x[:, :middle])
    if middle == x.shape[1]:
        return (left @ alpha)[in_left]
    right, in_right = _half(of_labels[middle:], x[:, middle:])
    weighted = left * alpha
    if len(left) * len(right) <= 4 * len(x):
        return (weighted @ right.T)[in_left, in_right]
    total = np.empty(len(x))
    for start in range(0, len(x), PIECE):
        piece = slice(start, start + PIECE)
        total[piece] = np.einsum("ij,ij->i", weighted[in_left[piece]], right[in_right[piece]])
    return total


def _half(of_labels: list[np.ndarray], x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[U, n] product over some sites for each different combination, and [N] which of them each candidate has."""
    letters = of_labels[0].shape[0]
    key = np.zeros(len(x), np.int64)
    if letters ** x.shape[1] < 2**62:
        for column in x.T:
            key = key * letters + column
        _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    else:
        _, first, inverse = np.unique(x, axis=0, return_index=True, return_inverse=True)
    product = np.ones((len(first), of_labels[0].shape[1]))
    for k, column in zip(of_labels, x[first].T, strict=True):
        product *= k[column]
    return product, inverse.ravel()
