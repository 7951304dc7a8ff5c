"""What is asked of a model while one proposal is made: beliefs, the situation, and scores that are checked."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from activeloop.acquisition.base import Score, Situation
from activeloop.candidates import Pool
from activeloop.errors import ModelError
from activeloop.measurements import Dataset
from activeloop.predictive import Predictive, Predictor, QuickMean

#: how many candidates stand for the pool, and how many of the best measured stand for the measured ones
TARGETS, MEASURED = 256, 512


@dataclass(frozen=True)
class Inquiry:
    """One model, one pool, one seed.

    Args:
        predictor: the model.
        pool: what may be tested.
        seed: of draws and of every random choice; the draws are the same functions in every piece.
        draws: S, when joint draws are read.
        dataset: what was measured (oriented), or None.
        threshold: [A] from which value a candidate is a hit, or None.
    """

    predictor: Predictor
    pool: Pool
    seed: int
    draws: int
    dataset: Dataset | None
    threshold: np.ndarray | None

    def means(self, rows: np.ndarray) -> Predictive:
        """The mean alone, where the model can tell it for less; the spread is not known and given as 0."""
        if not isinstance(self.predictor, QuickMean):
            return self.belief(rows, False)
        mean = self.predictor.mean(self.pool, rows)
        nothing = np.zeros((0, *mean.shape))
        return Predictive(nothing, mean, np.zeros_like(mean), np.zeros(mean.shape[1]))

    def belief(self, rows: np.ndarray, drawn: bool, pool: Pool | None = None) -> Predictive:
        """What the model believes about some rows, of another pool if one is named.

        Raises:
            ModelError: when that is not finite.
        """
        belief = self.predictor.predict(
            self.pool if pool is None else pool, rows, self.seed, self.draws if drawn else 0
        )
        if not all(np.isfinite(a).all() for a in (belief.mean, belief.sd, belief.draws)):
            raise ModelError("The model's prediction is not finite for some candidates. Nothing was chosen.")
        return belief

    def situation(self, assays: int, drawn: bool) -> Situation:
        """What was measured; with `drawn` also what the same draws say about the measured ones and about the pool."""
        situation = Situation.blank(self.generator(1), assays)
        if self.threshold is not None:
            situation = replace(situation, threshold=np.asarray(self.threshold, np.float64))
        if self.dataset is not None and len(self.dataset):
            values = self.dataset.values
            best = np.where(np.isnan(values), -np.inf, values).max(0)
            situation = replace(situation, values=values, best=np.where(np.isinf(best), np.nan, best))
        if not drawn:
            return situation
        target = self.generator(2).choice(len(self.pool), min(TARGETS, len(self.pool)), replace=False)
        target = np.sort(target)[self.pool.readable(np.sort(target))]
        return replace(situation, measured=self._measured(), target=self.belief(target, True))

    def score(self, score: Score, belief: Predictive, situation: Situation) -> np.ndarray:
        """[N] scores, all finite; the generator starts in the same state for every piece.

        Raises:
            ModelError: when one is not finite.
        """
        scores = score(belief, replace(situation, rng=self.generator(1)))
        if not np.isfinite(scores).all():
            raise ModelError(f'The score "{score.name}" is not finite for some candidates. Nothing was chosen.')
        return scores

    def generator(self, stream: int) -> np.random.Generator:
        """A generator of its own for each use."""
        return np.random.default_rng([self.seed, stream])

    def _measured(self) -> Predictive | None:
        if self.dataset is None or not len(self.dataset):
            return None
        first = np.nan_to_num(self.dataset.values[:, 0], nan=-np.inf)
        rows = self.dataset.rows[np.argsort(-first, kind="stable")[:MEASURED]]
        return self.belief(rows, True, self.dataset.pool)
