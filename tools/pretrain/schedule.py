"""How long and how fast a model is trained."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """How it is trained: rates rise, stay, and fall at the end; the number of steps may change while it is under way.

    Args:
        steps: of the optimiser.
        rows: sequences packed into so many rows a step (over all processes).
        width: tokens a row.
        share: of the residues that are hidden.
        muon: learning rate of the matrices of the layers (Muon).
        adam: learning rate of everything else (AdamW).
        warm: steps of linear warming up.
        cooling: in which the rates fall to zero in a straight line, at the end: a share of the steps (up to 1), or so
            many steps (above 1).
    """

    steps: int
    rows: int = 32
    width: int = 256
    share: float = 0.2
    muon: float = 0.02
    adam: float = 3e-3
    warm: int = 100
    cooling: float = 0.3

    def factor(self, step: int) -> float:
        """By which both rates are multiplied at a step.

        >>> [round(Schedule(1000, warm=100).factor(step), 2) for step in (0, 49, 500, 850, 1000)]
        [0.01, 0.5, 1.0, 0.5, 0.0]
        >>> Schedule(1000, cooling=100).factor(950)
        0.5
        """
        cooling = self.cooling if self.cooling > 1 else self.cooling * self.steps
        return min(1.0, (step + 1) / self.warm, (self.steps - step) / max(1.0, cooling))

    @property
    def tokens(self) -> int:
        """Of a step."""
        return self.rows * self.width
