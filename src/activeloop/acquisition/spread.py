"""The coordinates in which a batch is spread: the model's own, or those of the candidates."""

from __future__ import annotations

from typing import Literal

import numpy as np

from activeloop.predictive import Predictive

Space = Literal["draws", "features"]


def coordinates(belief: Predictive, features: np.ndarray, space: Space) -> np.ndarray:
    """[N, D] float32 rows; their inner products are covariances (`draws`) or likenesses (`features`).

    With fewer than two draws, as before the first model, the features are taken in any case. For classes the draws
    are probabilities. With several assays each is brought to the same mean variance.
    """
    if space == "features" or len(belief.draws) < 2:
        return np.asarray(features, np.float32)
    deviation = (belief.draws - belief.draws.mean(0)) / np.sqrt(len(belief.draws) - 1)
    if not belief.classes:
        deviation /= np.sqrt(np.square(deviation).sum(0).mean(0)) + 1e-12
    return np.ascontiguousarray(np.moveaxis(deviation, 0, 1).reshape(len(belief), -1), np.float32)
