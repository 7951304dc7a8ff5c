"""What a model says about candidates, in the units of the assays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from activeloop.measurements import Assay
from activeloop.metrics import Z90
from activeloop.predictive import Predictive


@dataclass(frozen=True)
class Forecast:
    """Predictions of N candidates in A assays, in the units of the assays.

    Args:
        names: N of them.
        assays: A of them.
        mean: [N, A].
        sd: [N, A] what the model does not know.
        low, high: [N, A] 90 % interval of one measurement, its noise included; for classes of the probability.
        version: number of the model version (0 = its prior).
    """

    names: tuple[str, ...]
    assays: tuple[str, ...]
    mean: np.ndarray
    sd: np.ndarray
    low: np.ndarray
    high: np.ndarray
    version: int

    @classmethod
    def of(cls, belief: Predictive, names: Sequence[str], assays: Sequence[Assay], version: int) -> Forecast:
        """A belief, in which larger is better, turned back into the units of the assays."""
        if belief.classes:
            # Of two classes the forecast is the probability of the second, `fit`.
            mean, sd = belief.mean[:, [-1]], belief.sd[:, [-1]]
            low, high = np.clip(mean - Z90 * sd, 0, 1), np.clip(mean + Z90 * sd, 0, 1)
        else:
            signs = np.array([a.sign for a in assays])
            mean, sd = belief.mean * signs, belief.sd
            low, high = np.sort(np.stack(belief.interval(0.9)) * signs, axis=0)
        return cls(tuple(names), tuple(a.name for a in assays), mean, sd, low, high, version)

    def __len__(self) -> int:
        return len(self.names)
