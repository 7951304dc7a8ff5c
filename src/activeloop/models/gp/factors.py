"""Low-rank factors of a table of sisters x places with gaps: probabilistic principal components by EM."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: steps of EM, and the pull of loadings towards 0 as so many values of the noise's variance
STEPS, PULL = 15, 0.5


@dataclass(frozen=True)
class Factors:
    """A table is mean + loadings @ scores + noise.

    Args:
        mean: [C] of each place.
        loadings: [C, Q] of each place.
        scores: [D, Q] of each sister.
        noise: variance of what is left.
    """

    mean: np.ndarray
    loadings: np.ndarray
    scores: np.ndarray
    noise: float

    @property
    def profiles(self) -> np.ndarray:
        """[C, D] each sister at every place, without noise."""
        return self.mean[:, None] + self.loadings @ self.scores.T

    @classmethod
    def of(cls, table: np.ndarray, rank: int) -> Factors:
        """From a table [D, C], NaN where nothing was measured.

        Costs D C Q^2 a step: 10^6 values and 30 factors take seconds.

        Source: Tipping and Bishop 1999, J. R. Stat. Soc. B 61:611; Ilin and Raiko 2010, JMLR 11:1957 (gaps).

        >>> table = np.outer([1.0, -1.0, 2.0, -2.0], [1.0, 2.0, 3.0])
        >>> table[0, 0] = np.nan
        >>> np.abs(Factors.of(table, 1).profiles.T - np.outer([1, -1, 2, -2], [1, 2, 3])).max() < 0.5
        np.True_
        """
        known = ~np.isnan(table)
        seen = known.astype(np.float64)
        # a place that few sisters know is pulled to the mean of all
        mean = np.where(known, table, 0).sum(0) / (seen.sum(0) + PULL)
        rest = np.where(known, table - mean, 0.0)
        rank = max(1, min(rank, len(table) - 1, table.shape[1]))
        _, values, vectors = np.linalg.svd(rest, full_matrices=False)
        loadings = vectors[:rank].T * values[:rank] / np.sqrt(len(table))
        noise = max(0.5 * float((rest**2).sum() / max(1.0, seen.sum())), 1e-9)
        unit, scores = np.eye(rank), np.zeros((len(table), rank))
        for _ in range(STEPS):
            outer = (loadings[:, :, None] * loadings[:, None, :]).reshape(len(loadings), -1)
            precision = unit + (seen @ outer).reshape(-1, rank, rank) / noise
            spread = np.linalg.inv(precision)
            scores = np.einsum("dqr,dr->dq", spread, rest @ loadings) / noise
            second = (scores[:, :, None] * scores[:, None, :] + spread).reshape(len(table), -1)
            left = (seen.T @ second).reshape(-1, rank, rank) + PULL * rank * noise * unit
            loadings = np.linalg.solve(left, (rest.T @ scores)[:, :, None])[:, :, 0]
            outer = (loadings[:, :, None] * loadings[:, None, :]).reshape(len(loadings), -1)
            unsure = float(np.sum((seen @ outer) * spread.reshape(len(table), -1)))
            noise = (float((seen * (rest - scores @ loadings.T) ** 2).sum()) + unsure) / max(1.0, seen.sum())
            noise = max(noise, 1e-9)
        return cls(mean, loadings, scores, noise)
