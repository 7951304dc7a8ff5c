"""One number a candidate: what the scores for *finding* maximise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.errors import ModelError
from activeloop.predictive import Predictive


@dataclass(frozen=True)
class Outcome:
    """The value of the only assay, or the probability of the last class (`fit`).

    Args:
        draws: [S, N] joint draws.
        mean: [N].
        sd: [N] of what the model does not know.
        noise: standard deviation of the noise of one measurement, 0 when it is not known.
        word: what the number is, in words.
    """

    draws: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    noise: float
    word: str


def outcome(belief: Predictive) -> Outcome:
    """The one number of each candidate.

    Raises:
        ModelError: when several assays are predicted; they must be combined first.

    >>> outcome(Predictive.of_draws(np.array([[[0.2, 0.8]]]), classes=("unfit", "fit"))).mean.tolist()
    [0.8]
    """
    outputs = belief.mean.shape[1]
    if belief.classes:
        word, noise = f"probability of being {belief.classes[-1]}", 0.0
    elif outputs == 1:
        word, noise = "value", float(belief.noise[0])
    else:
        problem = f"This score needs one assay and the model predicts {outputs}. Combine them with Scalarised(...) or"
        raise ModelError(f"{problem} use Hypervolume(). Nothing was chosen.")
    draws = belief.draws[:, :, -1] if len(belief.draws) else np.zeros((0, len(belief)))
    return Outcome(draws, belief.mean[:, -1], belief.sd[:, -1], noise, word)


def require_draws(belief: Predictive, what: str) -> np.ndarray:
    """The draws [S, N, A]; S is at least 2.

    Raises:
        ModelError: when only marginals were predicted.
    """
    if len(belief.draws) < 2:
        raise ModelError(f"{what} needs at least two joint draws; ask the model for draws=64. Nothing was chosen.")
    return belief.draws
