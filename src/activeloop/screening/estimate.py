"""The result of a screen: the picks, and the estimated miss rate of the student."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from activeloop.acquisition import Choice

#: half the width of a 95 % interval of a normal distribution, in standard deviations
Z95 = 1.959963984540054


@dataclass(frozen=True)
class Stratum:
    """Candidates that were left out, with scores of the student in one range.

    Args:
        name: which, in words.
        size: how many there are.
        sampled: how many of them, drawn at random, the teacher rescored.
        above: how many of those have an acquisition value above the mark, that of the last of the teacher's best.
        gap: how far the mark is above the mean of those that were sampled, in their standard deviations.
    """

    name: str
    size: int
    sampled: int
    above: int
    gap: float = np.inf

    @property
    def rate(self) -> float:
        """Share of the sampled ones above the mark."""
        return self.above / self.sampled if self.sampled else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share above the mark (Wilson, with the correction for finite populations)."""
        if self.sampled >= self.size:
            return self.rate, self.rate
        if not self.sampled:
            return 0.0, 1.0
        m, p = self.sampled * (self.size - 1) / (self.size - self.sampled), self.rate
        middle, half = p + Z95**2 / (2 * m), Z95 * np.sqrt(p * (1 - p) / m + Z95**2 / (4 * m * m))
        low, high = (middle - half) / (1 + Z95**2 / m), (middle + half) / (1 + Z95**2 / m)
        return max(0.0, float(low)), min(1.0, float(high))


@dataclass(frozen=True)
class MissEstimate:
    """How many candidates that the teacher never rescored would be among its best.

    Args:
        top: how many of the teacher's best are sought.
        strata: of what was left out.

    >>> misses = MissEstimate(100, (Stratum("just below", 1000, 100, 1), Stratum("far below", 9000, 900, 0)))
    >>> round(misses.estimate, 1), round(misses.rate, 2), [round(x, 1) for x in misses.interval]
    (9.0, 0.09, [1.7, 57.1])
    """

    top: int
    strata: tuple[Stratum, ...]

    @property
    def estimate(self) -> float:
        """Their number, unbiased: those in the sample itself were rescored and are not missed."""
        return sum((s.size - s.sampled) * s.rate for s in self.strata)

    @property
    def rate(self) -> float:
        """The estimated miss rate: their share of the teacher's best."""
        return self.estimate / self.top

    @property
    def normal_estimate(self) -> float:
        """Their number if the teacher's values were normally distributed in each stratum: a second opinion.

        It is more precise than the interval where very many were sampled and none is above the mark; it is wrong where
        the student is blind.
        """
        return sum((s.size - s.sampled) * 0.5 * math.erfc(s.gap / math.sqrt(2)) for s in self.strata)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of their number.

        The intervals of the strata are joined by their distances from the estimate. A random sample of m can never
        exclude that about 4 / m of a stratum was missed.

        Source: Zou and Donner 2008, doi:10.1002/sim.3095.
        """
        below = above = 0.0
        for s in self.strata:
            low, high = s.interval
            below += ((s.size - s.sampled) * (s.rate - low)) ** 2
            above += ((s.size - s.sampled) * (high - s.rate)) ** 2
        return max(0.0, self.estimate - below**0.5), self.estimate + above**0.5

    def __str__(self) -> str:
        low, high = self.interval
        left, sampled = sum(s.size for s in self.strata), sum(s.sampled for s in self.strata)
        if left == sampled:
            return "nothing was left out: the teacher has rescored every candidate"
        return (
            f"{_round(self.estimate)} of the teacher's best {self.top:,} are estimated to be missed, by {sampled:,} "
            f"drawn from the {left:,} left out (95 %: {_round(low)} to {_round(high)}; "
            f"{_round(self.normal_estimate)} if the teacher's predictions are normally distributed)"
        )


def _round(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 or number < 0.05 else f"{number:.1f}"


@dataclass(frozen=True)
class ScreenResult:
    """The picks, and the estimated miss rate.

    Args:
        picks: chosen by the teacher's prediction, best first.
        names: of the picks.
        visited: rows of the pool that were visited.
        scored: of them, those that the student scored; the others are measured, vetoed or not allowed.
        shortlist: how many of the student's best the teacher rescored.
        growths: how often that number was doubled because too many were missed.
        misses: of what the teacher did not rescore.
        tolerance: share of the teacher's best that may be missed.
        fidelity: Spearman of student and teacher over the sample of what was left out.
        rescored: all rows that the teacher rescored, increasing.
        values: their acquisition values by the teacher.
        seconds: that the student took; interruptions are not counted.
    """

    picks: tuple[Choice, ...]
    names: tuple[str, ...]
    visited: int
    scored: int
    shortlist: int
    growths: int
    misses: MissEstimate
    tolerance: float
    fidelity: float
    rescored: np.ndarray
    values: np.ndarray
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether the estimated miss rate is tolerated."""
        return self.misses.rate <= self.tolerance

    @property
    def speed(self) -> float:
        """Candidates that the student scored in a second."""
        return self.scored / self.seconds if self.seconds else 0.0

    def recall(self, best: np.ndarray) -> float:
        """Share of some rows, such as the teacher's true best, that the teacher rescored."""
        return float(np.isin(best, self.rescored).mean())

    def __str__(self) -> str:
        """The screen in a few sentences."""
        again = f", after widening {self.growths} times" if self.growths else ""
        rest = ", and a sample of the rest" if self.misses.strata else ""
        sentences = [
            f"{self.scored:,} candidates scored by the student; the teacher rescored {len(self.rescored):,}: the best "
            f"{self.shortlist:,}{again}{rest}.",
            f"{str(self.misses)[0].upper()}{str(self.misses)[1:]}.",
        ]
        if not self.holds:
            sentences.append(
                f"That is more than the {self.tolerance:.0%} tolerated. Train the student more, make the shortlist "
                "longer, or let it grow further."
            )
        return " ".join(sentences)
