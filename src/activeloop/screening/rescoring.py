"""The teacher over the shortlist: each candidate once, kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

import numpy as np

from activeloop.acquisition import Entropy, Score, Selection, Situation, UpperConfidenceBound
from activeloop.candidates import Pool
from activeloop.errors import ModelError
from activeloop.prediction import Predictive, Predictor
from activeloop.screening.checkpoint import Journal
from activeloop.screening.scorer import Worth


def stand_in(select: Selection, classes: int, assays: int) -> Score:
    """The selection's own score, or what orders candidates alike without joint draws.

    Args:
        select: how the plate is chosen.
        classes: how many there are, 0 for values.
        assays: how many are predicted.

    >>> from activeloop.acquisition import DiverseTop, Selection, Greedy, Thompson
    >>> stand_in(Selection(Greedy(), DiverseTop()), 0, 1).name, stand_in(Selection(Thompson()), 0, 1).name
    ('greedy', 'ucb')
    """
    if not select.score.needs_draws:
        return select.score
    if classes:
        return Entropy()
    return UpperConfidenceBound() if assays == 1 else Together()


@final
@dataclass(frozen=True)
class Together(Score):
    """Several assays: the sum of their optimistic values, each in units of the spread of what was measured.

    Args:
        beta: standard deviations that are added.
    """

    beta: float = 1.0

    @property
    def name(self) -> str:
        """`together`."""
        return "together"

    def __call__(self, belief: Predictive, situation: Situation) -> np.ndarray:
        """[N] sums."""
        spread = np.ones(belief.mean.shape[1])
        if situation.values is not None:
            known = ~np.isnan(situation.values)
            there = [x[k].std() if k.sum() > 1 else 0.0 for x, k in zip(situation.values.T, known.T, strict=True)]
            spread = np.where(np.array(there) > 0, there, 1.0)
        return ((belief.mean + self.beta * belief.sd) / spread).sum(1)

    def reason(self, belief: Predictive, i: int) -> str:
        """That it is good in all."""
        return "good in all assays together"


#: candidates that the teacher is asked for at once; what it said of them is then kept
LOT = 1024


@dataclass
class Judge:
    """Asks the teacher, and remembers.

    Args:
        teacher: the model.
        pool: of the candidates.
        worth: by what the teacher's beliefs are compared.
        journal: where they are kept.
        seed: of the teacher.
    """

    teacher: Predictor
    pool: Pool
    worth: Worth
    journal: Journal
    seed: int
    _rows: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    _worths: np.ndarray = field(default_factory=lambda: np.zeros(0))
    _lots: int = 0

    def look(self, rows: np.ndarray, told: Callable[[int, int], None]) -> None:
        """Ask for those of some rows that it was not asked for yet, in increasing order."""
        fresh = np.setdiff1d(rows, self._rows)
        for start in range(0, len(fresh), LOT):
            lot = fresh[start : start + LOT]
            worths = self.worth(self._belief(lot))
            self._rows, self._worths = np.append(self._rows, lot), np.append(self._worths, worths)
            self._lots += 1
            told(start + len(lot), len(fresh))

    @property
    def seen(self) -> np.ndarray:
        """All rows that were looked at, increasing."""
        return np.sort(self._rows)

    def worths(self, rows: np.ndarray) -> np.ndarray:
        """[N] what rows that were looked at are worth."""
        order = np.argsort(self._rows)
        return self._worths[order][np.searchsorted(self._rows[order], rows)]

    def _belief(self, rows: np.ndarray) -> Predictive:
        said = self.journal.said(self._lots)
        if said is None or not np.array_equal(said["rows"], rows):
            belief = self.teacher.predict(self.pool, rows, self.seed, 0)
            if not all(np.isfinite(a).all() for a in (belief.mean, belief.sd)):
                problem = "The teacher's prediction is not finite for some candidates. Nothing was chosen"
                raise ModelError(f"{problem}; what was screened is kept.")
            said = {"rows": rows, "mean": belief.mean, "sd": belief.sd, "noise": belief.noise}
            said["classes"] = np.array(belief.classes, np.str_)
            self.journal.write(self._lots, said)
        nothing = np.zeros((0, *said["mean"].shape))
        return Predictive(nothing, said["mean"], said["sd"], said["noise"], tuple(said["classes"].tolist()))
