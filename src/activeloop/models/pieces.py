"""Features of many rows, a bounded piece at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from activeloop.backbones.base import Backbone
from activeloop.candidates import Pool

#: numbers in one piece: 2^23 float32 are 32 MiB
CELLS = 2**23


def in_pieces(
    backbone: Backbone, pool: Pool, rows: np.ndarray, model: Callable[[np.ndarray], np.ndarray], cells: int = CELLS
) -> np.ndarray:
    """Apply a model to the features of rows without holding them all.

    Args:
        backbone: from rows to features [n, D].
        pool: the pool.
        rows: [N] rows of it.
        model: features [n, D] to outputs [..., n]; each candidate's output must not depend on the others.
        cells: at most so many features at once.

    Returns:
        [..., N] outputs of all rows.
    """
    rows = np.asarray(rows, np.int64)
    if not len(rows):
        return model(backbone.features(pool, np.arange(1)))[..., :0]
    width = backbone.features(pool, rows[:1]).shape[1]
    size = max(1, cells // max(1, width))
    pieces = [model(backbone.features(pool, rows[i : i + size])) for i in range(0, len(rows), size)]
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=-1)
