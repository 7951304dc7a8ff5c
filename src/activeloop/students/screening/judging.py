"""The teacher over what is left: each candidate once, and kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from activeloop.candidates import Pool
from activeloop.errors import ModelError
from activeloop.predictive import Predictive, Predictor
from activeloop.students.screening.journal import Journal
from activeloop.students.screening.scorer import Worth

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
