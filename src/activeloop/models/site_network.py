"""Networks on encoders that look at one site at a time: their first layer is a sum of tables of letters."""

from __future__ import annotations

import numpy as np

from activeloop.backbones.base import SiteWise, sites_of
from activeloop.candidates import Pool, Sites
from activeloop.models.network import Layers

#: more sites make tables that cost more than they save
MOST_SITES = 24
#: candidates whose halves are looked up together, and candidates that go through the layers together
PIECE, BLOCK = 32_768, 512


def outputs_by_letters(layers: Layers, backbone: SiteWise, pool: Pool, rows: np.ndarray) -> np.ndarray:
    """Outputs [M, N] of networks for rows of a pool, the same as `layers(backbone.features(pool, rows))`.

    In a library each half of the sites takes few values, so the first layer of a candidate is the sum of two rows of
    two small matrices; neither features nor a product with them is formed.
    """
    tables, start = _first_layer(layers, backbone, sites_of(pool, backbone.name))
    members, width = layers.biases[0].shape[0], layers.biases[0].shape[2]
    out = np.empty((members, len(rows)), np.float32)
    for i in range(0, len(rows), PIECE):
        codes = pool.codes(rows[i : i + PIECE])
        middle = (codes.shape[1] + 1) // 2
        left, in_left = _half(tables[:middle], codes[:, :middle])
        right, in_right = _half(tables[middle:], codes[:, middle:])
        left += start
        for j in range(0, len(codes), BLOCK):
            z = left[in_left[j : j + BLOCK]] + right[in_right[j : j + BLOCK]]
            z = z.reshape(len(z), members, width).swapaxes(0, 1)
            out[:, i + j : i + j + z.shape[1]] = layers.after_first(z)
    return out


def _first_layer(layers: Layers, backbone: SiteWise, sites: Sites) -> tuple[np.ndarray, np.ndarray]:
    """[L, K, M * H] what each letter at each site adds to the first layer, and [M * H] the layer without them."""
    width, letters = len(sites.labels), len(sites.alphabet)
    codes = np.zeros((width * letters + 1, width), np.uint8)
    codes[np.arange(width * letters), np.repeat(np.arange(width), letters)] = np.tile(np.arange(letters), width)
    x = backbone.encode(sites, codes)
    weights = layers.weights[0].swapaxes(0, 1).reshape(x.shape[1], -1)
    first = x @ weights
    return (first[:-1] - first[-1]).reshape(width, letters, -1), first[-1] + layers.biases[0].ravel()


def _half(tables: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[U, M * H] sums over some sites for each different combination, and [N] which of them each candidate has."""
    key = np.zeros(len(codes), np.int64)
    for column in codes.T:
        key = key * tables.shape[1] + column
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    total = np.zeros((len(first), tables.shape[2]), np.float32)
    for table, column in zip(tables, codes[first].T, strict=True):
        total += table[column]
    return total, inverse
