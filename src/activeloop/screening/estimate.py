"""The result of a screen: the picks, and an estimate of what the student missed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from activeloop.acquisition import Choice

#: of a 95 % interval
Z95 = 1.959963984540054


@dataclass(frozen=True)
class Stratum:
    """Candidates that were left out, with scores of the student in one range.

    Args:
        name: which, in words.
        size: how many there are.
        sampled: how many of them, drawn at random, the teacher looked at.
        above: how many of those it puts above its own mark.
        gap: how far the mark lies above the mean of those that were sampled, in their standard deviations.
    """

    name: str
    size: int
    sampled: int
    above: int
    gap: float = np.inf


@dataclass(frozen=True)
class MissEstimate:
    """Candidates that nobody but the student looked at, and that the teacher would put among its best.

    Args:
        top: how many of the teacher's best are meant.
        strata: of what was left out.

    >>> missed = MissEstimate(100, (Stratum("just below", 1000, 100, 1), Stratum("far below", 9000, 900, 0)))
    >>> round(missed.estimate, 1), round(missed.share, 2), [round(x, 1) for x in missed.interval]
    (9.0, 0.09, [1.7, 57.1])
    """

    top: int
    strata: tuple[Stratum, ...]

    @property
    def estimate(self) -> float:
        """Of their number, without bias: those that the sample itself met were looked at and are not missed."""
        return sum((s.size - s.sampled) * _share(s) for s in self.strata)

    @property
    def share(self) -> float:
        """Of the teacher's best."""
        return self.estimate / self.top

    @property
    def modelled(self) -> float:
        """Their number if what the teacher says were normally distributed in each stratum: a second opinion.

        It says more than the interval where nothing was met in very many; it is wrong where the student is blind.
        """
        return sum((s.size - s.sampled) * 0.5 * math.erfc(s.gap / math.sqrt(2)) for s in self.strata)

    @property
    def interval(self) -> tuple[float, float]:
        """In which their number lies with 95 % confidence.

        The Wilson intervals of the strata, with the correction for finite populations, are joined by their distances
        from the estimate. A random sample of m can never exclude that about 4 / m of a stratum was missed.

        Source: Zou and Donner 2008, doi:10.1002/sim.3095.
        """
        below = above = 0.0
        for s in self.strata:
            low, high = _wilson(s)
            below += ((s.size - s.sampled) * (_share(s) - low)) ** 2
            above += ((s.size - s.sampled) * (high - _share(s))) ** 2
        return max(0.0, self.estimate - below**0.5), self.estimate + above**0.5

    def __str__(self) -> str:
        low, high = self.interval
        left, seen = sum(s.size for s in self.strata), sum(s.sampled for s in self.strata)
        if left == seen:
            return "nothing was left out: the teacher has looked at every candidate"
        return (
            f"{_round(self.estimate)} of the teacher's best {self.top:,} are estimated to be missed, by {seen:,} drawn "
            f"from the {left:,} left out (95 %: {_round(low)} to {_round(high)}; {_round(self.modelled)} if the "
            "teacher's predictions are spread normally)"
        )


def _share(s: Stratum) -> float:
    return s.above / s.sampled if s.sampled else 0.0


def _wilson(s: Stratum) -> tuple[float, float]:
    if s.sampled >= s.size:
        return _share(s), _share(s)
    if not s.sampled:
        return 0.0, 1.0
    m, p = s.sampled * (s.size - 1) / (s.size - s.sampled), _share(s)
    middle, spread = p + Z95**2 / (2 * m), Z95 * np.sqrt(p * (1 - p) / m + Z95**2 / (4 * m * m))
    low, high = (middle - spread) / (1 + Z95**2 / m), (middle + spread) / (1 + Z95**2 / m)
    return max(0.0, float(low)), min(1.0, float(high))


def _round(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 or number < 0.05 else f"{number:.1f}"


@dataclass(frozen=True)
class ScreenResult:
    """The picks, and how far one can trust that nothing better was left out.

    Args:
        picks: chosen by the teacher's prediction, best first.
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
    missed: MissEstimate
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
