"""From ten million candidates to the few thousand from which a batch is chosen, one piece at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from activeloop.acquisition.base import Score
from activeloop.acquisition.eligible import Eligible
from activeloop.acquisition.inquiry import Inquiry
from activeloop.acquisition.optimism import UpperConfidenceBound
from activeloop.acquisition.uncertainty import Entropy

Progress = Callable[[int, int], None]

#: up to this many candidates are scored with joint draws when the score reads them
DRAWN = 200_000
#: candidates in one piece when joint draws are computed
PIECE = 20_000


def shortlist(
    inquiry: Inquiry | None,
    score: Score,
    eligible: Eligible,
    keep: int,
    rng: np.random.Generator,
    chunk: int,
    progress: Progress | None,
) -> np.ndarray:
    """Rows of the `keep` best-scored candidates, ties at random, in the order of the pool.

    Args:
        inquiry: asks the model; None keeps rows at random, of more than 200,000 candidates without a look at each.
        score: what the batch will be chosen by. When it reads joint draws and the pool has more than 200,000
            candidates, the upper confidence bound (for classes the entropy) stands in for it.
        eligible: the candidates that may be chosen.
        keep: how many.
        rng: breaks ties.
        chunk: candidates in one piece.
        progress: called with (candidates looked at, candidates in the pool).
    """
    size = len(eligible)
    if inquiry is None and eligible.only is None and size > DRAWN and (rows := eligible.sample(keep, rng)) is not None:
        if progress is not None:
            progress(size, size)
        return rows
    drawn = score.needs_draws and size <= DRAWN
    if inquiry is None or size <= keep:
        marks = None
    else:
        marks = _Marks(inquiry, score, drawn, stand_in=score.needs_draws and not drawn)
    best = np.zeros((0, 3))
    for seen, rows in eligible.chunks(min(chunk, PIECE) if drawn else chunk):
        scores = np.zeros(len(rows)) if marks is None or not len(rows) else marks(rows)
        best = np.vstack([best, np.column_stack([rows, scores, rng.random(len(rows))])])
        if len(best) > keep:
            best = best[np.lexsort((best[:, 2], -best[:, 1]))[:keep]]
        if progress is not None:
            progress(seen, size)
    return np.sort(best[:, 0].astype(np.int64))


@dataclass
class _Marks:
    """Scores of one piece after the other; the situation is the same for all."""

    inquiry: Inquiry
    score: Score
    drawn: bool
    stand_in: bool
    _known: list = field(default_factory=list)

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        quick = not (self.drawn or self.stand_in or self.score.needs_spread)
        belief = self.inquiry.means(rows) if quick else self.inquiry.belief(rows, self.drawn)
        if not self._known:
            self._known.append(self.inquiry.situation(len(belief.noise), self.drawn))
        score = self.score
        if self.stand_in:
            score = Entropy() if belief.classes else UpperConfidenceBound()
        return self.inquiry.score(score, belief, self._known[0])
