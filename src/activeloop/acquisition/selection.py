"""How a campaign selects: a score and the choice of a batch; the default follows the stated goal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from activeloop.acquisition.base import BatchChoice, Score
from activeloop.acquisition.optimism import UpperConfidenceBound
from activeloop.acquisition.topk import TopK
from activeloop.measurements import Assay
from activeloop.predictive import Predictive


@dataclass(frozen=True)
class Selection:
    """A score and how a batch is chosen by it.

    Args:
        score: what a candidate is worth.
        batch: which candidates go together.
        first: the same for the first plate, when all that is known is a prior; `batch` when None.

    >>> Selection(UpperConfidenceBound(2.0)).name
    'ucb, top'
    """

    score: Score
    batch: BatchChoice = field(default_factory=TopK)
    first: BatchChoice | None = None

    def at_start(self) -> Selection:
        """How the first plate is chosen."""
        return self if self.first is None else replace(self, batch=self.first)

    @property
    def name(self) -> str:
        """Both names."""
        return f"{self.score.name}, {self.batch.name}"

    @property
    def needs_draws(self) -> bool:
        """Whether joint draws are read at all."""
        return self.score.needs_draws or self.batch.needs_draws

    def reason(self, belief: Predictive, i: int) -> str:
        """Why candidate i was chosen, in words."""
        reason = self.score.reason(belief, i)
        return f"{reason}; {self.batch.phrase}" if self.batch.phrase else reason


def default_selection(goal: Literal["find", "learn"], assays: Sequence[Assay]) -> Selection:
    """What is used when the user states only a goal."""
    return Selection(UpperConfidenceBound())
