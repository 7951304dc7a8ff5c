"""The teacher over the shortlist: each candidate once, kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

import numpy as np

from activeloop.acquisition import AcquisitionContext, AcquisitionFunction, Entropy, Recommender, UpperConfidenceBound
from activeloop.candidates import Pool
from activeloop.errors import ModelError
from activeloop.prediction import Prediction, Predictor
from activeloop.screening.checkpoint import ScreenCheckpoint
from activeloop.screening.scorer import ScreenObjective


def stand_in(select: Recommender, classes: int, assays: int) -> AcquisitionFunction:
    """The selection's own score, or what orders candidates alike without joint draws.

    Args:
        select: how the plate is chosen.
        classes: how many there are, 0 for values.
        assays: how many are predicted.

    >>> from activeloop.acquisition import DiverseTop, Recommender, Greedy, Thompson
    >>> stand_in(Recommender(Greedy(), DiverseTop()), 0, 1).name, stand_in(Recommender(Thompson()), 0, 1).name
    ('greedy', 'ucb')
    """
    if not select.score.needs_draws:
        return select.score
    if classes:
        return Entropy()
    return UpperConfidenceBound() if assays == 1 else MarginalScore()


@final
@dataclass(frozen=True)
class MarginalScore(AcquisitionFunction):
    """Several assays: the sum of their optimistic values, each in units of the spread of what was measured.

    Args:
        beta: standard deviations that are added.
    """

    beta: float = 1.0

    @property
    def name(self) -> str:
        """`together`."""
        return "together"

    def __call__(self, prediction: Prediction, context: AcquisitionContext) -> np.ndarray:
        """[N] sums."""
        spread = np.ones(prediction.mean.shape[1])
        if context.values is not None:
            known = ~np.isnan(context.values)
            there = [x[k].std() if k.sum() > 1 else 0.0 for x, k in zip(context.values.T, known.T, strict=True)]
            spread = np.where(np.array(there) > 0, there, 1.0)
        return ((prediction.mean + self.beta * prediction.sd) / spread).sum(1)

    def reason(self, prediction: Prediction, i: int) -> str:
        """That it is good in all."""
        return "good in all assays together"


#: candidates that the teacher is asked for at once; what it said of them is then kept
LOT = 1024


@dataclass
class Rescorer:
    """Asks the teacher, and remembers.

    Args:
        teacher: the model.
        pool: of the candidates.
        worth: by what the teacher's predictions are compared.
        journal: where they are kept.
        seed: of the teacher.
    """

    teacher: Predictor
    pool: Pool
    worth: ScreenObjective
    journal: ScreenCheckpoint
    seed: int
    _rows: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    _worths: np.ndarray = field(default_factory=lambda: np.zeros(0))
    _shard_keys: int = 0

    def look(self, rows: np.ndarray, told: Callable[[int, int], None]) -> None:
        """Ask for those of some rows that it was not asked for yet, in increasing order."""
        fresh = np.setdiff1d(rows, self._rows)
        for start in range(0, len(fresh), LOT):
            lot = fresh[start : start + LOT]
            worths = self.worth(self._prediction(lot))
            self._rows, self._worths = np.append(self._rows, lot), np.append(self._worths, worths)
            self._shard_keys += 1
            told(start + len(lot), len(fresh))

    @property
    def seen(self) -> np.ndarray:
        """All rows that were looked at, increasing."""
        return np.sort(self._rows)

    def worths(self, rows: np.ndarray) -> np.ndarray:
        """[N] what rows that were looked at are worth."""
        order = np.argsort(self._rows)
        return self._worths[order][np.searchsorted(self._rows[order], rows)]

    def _prediction(self, rows: np.ndarray) -> Prediction:
        said = self.journal.said(self._shard_keys)
        if said is None or not np.array_equal(said["rows"], rows):
            prediction = self.teacher.predict(self.pool, rows, self.seed, 0)
            if not all(np.isfinite(a).all() for a in (prediction.mean, prediction.sd)):
                problem = "The teacher's prediction is not finite for some candidates. Nothing was chosen"
                raise ModelError(f"{problem}; what was screened is kept.")
            said = {"rows": rows, "mean": prediction.mean, "sd": prediction.sd, "noise": prediction.noise}
            said["classes"] = np.array(prediction.classes, np.str_)
            self.journal.write(self._shard_keys, said)
        nothing = np.zeros((0, *said["mean"].shape))
        return Prediction(nothing, said["mean"], said["sd"], said["noise"], tuple(said["classes"].tolist()))
