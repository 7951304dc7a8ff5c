"""What came of a screen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.acquisition import Choice
from activeloop.students.screening.missed import Missed


@dataclass(frozen=True)
class Screened:
    """The picks, and how far one can trust that nothing better was left out.

    Args:
        picks: chosen by the teacher's belief, best first.
        names: of the picks.
        looked: rows of the pool that were looked at.
        scored: of them, those that the student scored; the others are measured, vetoed or not allowed.
        kept: how many of the student's best the teacher looked at.
        widened: how often that number was doubled because too many were missed.
        missed: what the teacher was not shown.
        tolerance: share of the teacher's best that may be missed.
        agreement: Spearman of student and teacher over the candidates that were drawn from those left out.
        seen: all rows that the teacher looked at, increasing.
        worths: what they are worth by the teacher.
        seconds: that the student took; interruptions are not counted.
    """

    picks: tuple[Choice, ...]
    names: tuple[str, ...]
    looked: int
    scored: int
    kept: int
    widened: int
    missed: Missed
    tolerance: float
    agreement: float
    seen: np.ndarray
    worths: np.ndarray
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether no more of the teacher's best are missed than is tolerated, by the estimate."""
        return self.missed.share <= self.tolerance

    @property
    def speed(self) -> float:
        """Candidates that the student scored in a second."""
        return self.scored / self.seconds if self.seconds else 0.0

    def recall(self, best: np.ndarray) -> float:
        """Share of some rows that the teacher was shown.

        Args:
            best: such as the teacher's true best, where all candidates can be predicted.
        """
        return float(np.isin(best, self.seen).mean())

    def __str__(self) -> str:
        """The screen in a few sentences."""
        again = f", after widening {self.widened} times" if self.widened else ""
        rest = ", and a sample of the rest" if self.missed.strata else ""
        told = [
            f"{self.scored:,} candidates scored by the student; the teacher looked at {len(self.seen):,}: the best "
            f"{self.kept:,}{again}{rest}.",
            f"{str(self.missed)[0].upper()}{str(self.missed)[1:]}.",
        ]
        if not self.holds:
            told.append(
                f"That is more than the {self.tolerance:.0%} tolerated. Teach the student more, keep more, or let the "
                "screen widen further."
            )
        return " ".join(told)
