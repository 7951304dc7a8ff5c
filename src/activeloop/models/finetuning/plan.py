"""How long and how fast something is fine-tuned."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """Settings of the fit loop.

    Args:
        epochs: passes through the training candidates, at most.
        minibatch: candidates of one step; fewer when memory runs out, the step stays the same.
        rate: highest learning rate (AdamW); None: what suits that which learns, see `Adapter.rate`.
        decay: weight decay per unit of learning rate.
        warm: share of the steps in which the rate rises from 0 in a straight line.
        cooling: share of the steps, at the end, in which it falls to 0 in a straight line.
        clip: longest gradient, as a Euclidean norm (0: as long as it is).
        patience: with validation candidates, epochs without a better validation after which it stops (0: never). The
            best state is the one that is kept.
        every: epochs between two validations.
        seconds: between two checkpoints.

    >>> plan = Plan(epochs=2, minibatch=10, warm=0.5, cooling=0.5)
    >>> plan.steps(25), [round(plan.pace(step, 6), 2) for step in range(6)]
    (6, [0.33, 0.67, 1.0, 1.0, 0.67, 0.33])
    """

    epochs: int = 10
    minibatch: int = 16
    rate: float | None = None
    decay: float = 0.01
    warm: float = 0.1
    cooling: float = 0.5
    clip: float = 1.0
    patience: int = 0
    every: int = 2
    seconds: float = 5.0

    def steps_of_epoch(self, candidates: int) -> int:
        """Minibatches of one pass through so many candidates."""
        return max(1, -(-candidates // self.minibatch))

    def steps(self, candidates: int) -> int:
        """At most, for so many training candidates."""
        return self.epochs * self.steps_of_epoch(candidates)

    def pace(self, step: int, steps: int) -> float:
        """Share of the highest learning rate that a step has, counted from 0."""
        rising = (step + 1) / max(1.0, self.warm * steps)
        falling = (steps - step) / max(1.0, self.cooling * steps)
        return min(1.0, rising, falling)
