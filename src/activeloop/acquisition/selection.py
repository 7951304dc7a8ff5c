"""How a campaign selects: a score and the choice of a batch; the default follows the stated goal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from activeloop.acquisition.base import BatchChoice, Score
from activeloop.acquisition.hypervolume import Hypervolume
from activeloop.acquisition.lcmd import LCMD
from activeloop.acquisition.optimism import Greedy, UpperConfidenceBound
from activeloop.acquisition.portfolio import Portfolio
from activeloop.acquisition.promising import Promising
from activeloop.acquisition.reduction import VarianceReduction
from activeloop.acquisition.scalarised import Scalarised
from activeloop.acquisition.topk import TopK
from activeloop.acquisition.uncertainty import Entropy, Variance
from activeloop.candidates import Pool, is_scan
from activeloop.measurements import Assay
from activeloop.predictive import Predictive


@dataclass(frozen=True)
class Selection:
    """A score and how a batch is chosen by it.

    Args:
        score: what a candidate is worth.
        batch: which to take together.
        first: the same for the first plate, when all that is known is a prior; `batch` when None.

    >>> Selection(Greedy()).name
    'greedy, top'
    """

    score: Score
    batch: BatchChoice = field(default_factory=TopK)
    first: BatchChoice | None = None

    @property
    def name(self) -> str:
        """Names of the score and of the choice."""
        first = f" ({self.first.name} at first)" if self.first else ""
        return f"{self.score.name}, {self.batch.name}{first}"

    def at_start(self) -> Selection:
        """How the first plate is chosen."""
        return self if self.first is None else replace(self, batch=self.first, first=None)

    @property
    def needs_draws(self) -> bool:
        """Whether joint draws are read at all."""
        return self.score.needs_draws or self.batch.needs_draws

    @property
    def draws(self) -> int:
        """How many joint draws are wanted."""
        return self.batch.draws

    def reason(self, belief: Predictive, i: int) -> str:
        """Why candidate i was chosen, in words."""
        reason = self.score.reason(belief, i)
        return f"{reason}; {self.batch.phrase}" if self.batch.phrase else reason


def default_selection(goal: Literal["find", "learn"], assays: Sequence[Assay], pool: Pool) -> Selection:
    """What is used when the user states only a goal.

    To find, by what is tested (figures in `docs/results`):

    - scans: the highest predictions, since with a learned prior optimism and chance cost more than they bring; the
      first plate is the part of the prior's best tenth that tells most about the rest of it;
    - combinatorial libraries, which are rugged: half of each plate by the highest predictions, half by single draws;
    - compounds and guides: an upper confidence bound.

    Two or three assays: the expected gain of the front; more: their sum on a common scale.

    To learn classes: a batch that covers what the model does not know. To learn values: the batch that lowers the
    variance over the pool most; this last choice rests on few replays.

    >>> default_selection("find", [Assay("kcat")], Pool.single_mutants("MKTAYIAKQR")).name
    'greedy, top (promising at first)'
    >>> default_selection("find", [Assay("kcat")], Pool.combinatorial("MKTAYIAKQR", [1, 2, 3])).name
    'greedy, portfolio'
    """
    if goal == "learn":
        classes = all(a.goal == "classify" for a in assays)
        return Selection(Variance() if len(assays) == 1 else Entropy(), LCMD() if classes else VarianceReduction())
    if len(assays) == 1:
        if pool.kind == "variants":
            return Selection(Greedy(), TopK(), Promising()) if is_scan(pool) else Selection(Greedy(), Portfolio())
        return Selection(UpperConfidenceBound(2.0 if pool.kind == "compounds" else 1.0))
    return Selection(Hypervolume() if len(assays) <= 3 else Scalarised(score=Greedy()))
