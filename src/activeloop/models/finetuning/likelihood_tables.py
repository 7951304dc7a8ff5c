"""What members of a likelihood ranker say: a table of mutations each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.candidates import Pool
from activeloop.models.evidence import HeldOut
from activeloop.models.mutations import Mutations
from activeloop.predictive import Predictive, Predictor, QuickMean

#: before any measurement a table is believed to explain this share of the values' spread, as firmly as this many values
TRUST, FIRMNESS = 0.3, 5.0


@dataclass(frozen=True)
class LikelihoodPredictor(Predictor, HeldOut, QuickMean):
    """Sums over the mutations of a candidate; no network is needed any more.

    Args:
        tables: [M, L * K] of each member: a score for each letter at each site, 0 for the parent's own.
        lines: [M, 2] shift and factor from each member's sums to the assay's unit.
        unseen: [N] what the member that did not see a candidate says of it, for each of the N it was trained on (NaN
            where all have seen it); N = 0: as pretrained.
        model: name of the foundation model.
    """

    tables: np.ndarray
    lines: np.ndarray
    unseen: np.ndarray
    model: str

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Predictive:
        """Mean and spread of the members; a draw is their mean and a random weight times how each departs from it."""
        every = self._members(pool, rows)
        mean = every.mean(0)
        weights = np.random.default_rng(seed).standard_normal((draws, len(every))) / np.sqrt(len(every))
        joint = mean + weights @ (every - mean)
        return Predictive(joint.astype(np.float32)[:, :, None], mean[:, None], every.std(0)[:, None], np.zeros(1))

    def mean(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[N, 1] mean of the members."""
        return self._members(pool, rows).mean(0)[:, None]

    def _members(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[M, n] in the assay's unit."""
        sums = Mutations.of(pool, np.asarray(rows, np.int64)).sums(self.tables.T.astype(np.float64)).T
        return self.lines[:, :1] + self.lines[:, 1:] * sums

    def held_out(self) -> np.ndarray:
        """[N] what the member that did not see a candidate says of it."""
        return self.unseen

    def explain(self) -> str:
        """How many members on how many candidates."""
        if not len(self.unseen):
            return f"What {self.model} thinks of mutations as pretrained."
        return (
            f"{len(self.tables)} copies of {self.model}, fine-tuned so that their own likelihoods rank "
            f"{len(self.unseen)} candidates."
        )

    def state(self) -> dict[str, np.ndarray]:
        """Tables, lines, and what was said of unseen candidates."""
        return {"tables": self.tables, "lines": self.lines, "unseen": self.unseen}


def careful_line(sums: np.ndarray, targets: np.ndarray, weights: np.ndarray, spread: float) -> np.ndarray:
    """[2] shift and factor (not below 0) from a member's sums to targets; with few values near what is usual.

    Args:
        sums: [n] of the candidates it has seen.
        targets: [n] of mean 0 and spread 1.
        weights: [n].
        spread: of the sums in the pool at large.

    >>> careful_line(np.array([1.0]), np.array([0.0]), np.ones(1), 1.0).round(3).tolist()
    [-0.3, 0.3]
    """
    share = weights / weights.sum()
    x, y = sums / spread, targets
    from_mean = x - share @ x
    slope = (weights @ (from_mean * (y - share @ y)) + FIRMNESS * TRUST) / (weights @ from_mean**2 + FIRMNESS)
    slope = max(slope, 0.0)
    return np.array([share @ y - slope * (share @ x), slope / spread])
