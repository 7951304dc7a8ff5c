"""What happened in a fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.models.finetuning.cost import Cost


@dataclass(frozen=True)
class Trace:
    """Of one run of the fit loop.

    Args:
        losses: [T] of the minibatch of each step.
        checked: [V] steps done before each validation (0: before the first one).
        validation: [V] Spearman correlation of the validation candidates' scores with their values.
        scores: [V, n] the validation candidates' scores at each of them.
        best: steps done when the state that was kept was reached.
        together: candidates that went through the model at once at the end (fewer than asked: memory ran out).
        cost: of all of it, interruptions left out.
    """

    losses: np.ndarray
    checked: np.ndarray
    validation: np.ndarray
    scores: np.ndarray
    best: int
    together: int
    cost: Cost

    @property
    def steps(self) -> int:
        """How many were done."""
        return len(self.losses)
