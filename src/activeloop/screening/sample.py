"""The candidates that are drawn from those a student leaves out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.screening.estimate import MissEstimate, Stratum
from activeloop.screening.rescoring import Rescorer
from activeloop.screening.topk import Limits, TopKSample, lowest, shard_keys, strata_of


@dataclass(frozen=True)
class Group:
    """One stratum of what is left out.

    Args:
        name: which, in words.
        end: the last rank in it; 0 when its candidates are too low to be ranked.
        size: candidates in it.
        rows: [M] those drawn.
        scores: [M] what the student gave them.
    """

    name: str
    end: int
    size: int
    rows: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True)
class Sample:
    """All strata.

    Args:
        groups: just below what is kept by rank, each twice as large as the one before; then by score.
    """

    groups: tuple[Group, ...]

    @classmethod
    def of(cls, tally: TopKSample, order: np.ndarray, keep: int, each: int, limits: Limits) -> Sample:
        """What is drawn.

        Args:
            tally: of the whole pool.
            order: its best by rank.
            keep: how many are kept.
            each: how many are drawn from a stratum.
            limits: by which the tally was made.
        """
        return cls((*_by_rank(tally, order, keep, each, limits), *_by_score(tally, each, limits)))

    @property
    def rows(self) -> np.ndarray:
        """All that are drawn."""
        return np.concatenate([np.zeros(0, np.int64), *(g.rows for g in self.groups)])

    def beyond(self, kept: int) -> Sample:
        """Without the strata that are kept now."""
        return Sample(tuple(g for g in self.groups if not 0 < g.end <= kept))

    def missed(self, judge: Rescorer, kept: np.ndarray, top: int) -> MissEstimate:
        """What was missed, by the sample.

        Args:
            judge: has looked at the sample and at what is kept.
            kept: rows.
            top: the teacher's best so many are sought.
        """
        # The mark is set by what was kept alone: were it moved by the sample, the estimate would not be unbiased.
        worths = np.sort(judge.worths(kept))[::-1]
        mark = worths[top - 1] if len(worths) >= top else -np.inf
        return MissEstimate(top, tuple(_stratum(g, judge.worths(g.rows), mark) for g in self.groups))

    def agreement(self, judge: Rescorer) -> float:
        """Spearman of student and teacher on what was drawn; NaN when that is very little."""
        if len(self.rows) < 3:
            return float("nan")
        pairs = (np.concatenate([g.scores for g in self.groups]), judge.worths(self.rows))
        a, b = (np.unique(x, return_inverse=True)[1] for x in pairs)
        if a.max() == 0 or b.max() == 0:
            return float("nan")
        x, y = ((np.cumsum(np.bincount(x)) - (np.bincount(x) - 1) / 2)[x] for x in (a, b))
        return float(np.corrcoef(x, y)[0, 1])


def _stratum(group: Group, worths: np.ndarray, mark: float) -> Stratum:
    spread = float(worths.std()) if len(worths) else 0.0
    gap = (mark - float(worths.mean())) / spread if spread > 0 else np.inf
    return Stratum(group.name, group.size, len(worths), int((worths > mark).sum()), gap)


def _by_rank(tally: TopKSample, order: np.ndarray, keep: int, each: int, limits: Limits) -> list[Group]:
    groups = []
    while keep < len(order):
        some = order[keep : 2 * keep]
        end = keep + len(some)
        drawn = some[lowest(np.zeros(len(some), np.int64), shard_keys(tally.rows[some], limits.seed), each)]
        name = f"ranks {keep + 1:,} to {end:,}"
        groups.append(Group(name, end, len(some), tally.rows[drawn], tally.scores[drawn]))
        keep = end
    return groups


def _by_score(tally: TopKSample, each: int, limits: Limits) -> list[Group]:
    edges, many = limits.edges, len(limits.edges) + 1
    sizes = tally.counts - np.bincount(strata_of(tally.scores, edges), minlength=many)
    free = np.flatnonzero(~np.isin(tally.drawn, tally.rows))
    free = free[lowest(strata_of(tally.marks[free], edges), tally.numbers[free], each)]
    strata = strata_of(tally.marks[free], edges)
    groups = []
    for stratum in np.flatnonzero(sizes)[::-1].tolist():
        mine = free[strata == stratum]
        low = f"{edges[stratum - 1]:.3g}" if stratum else "the lowest"
        high = f"{edges[stratum]:.3g}" if stratum < len(edges) else "the ranked"
        groups.append(
            Group(f"scores from {low} to {high}", 0, int(sizes[stratum]), tally.drawn[mine], tally.marks[mine])
        )
    return groups
