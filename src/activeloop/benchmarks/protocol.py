"""The rules of a replay: how many candidates are measured when, and what counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from activeloop.errors import RecipeError
from activeloop.measurements import Assay

ReplayGoal = Literal["find", "learn"]
First = Literal["random", "own"]

HELD_OUT = 0.2
"""Share of the pool that is never proposed when the goal is `learn`; accuracy is judged on it."""

WHOLE = 3000
"""Most candidates that a model of "all" data is fitted to."""


@dataclass(frozen=True)
class Protocol:
    """How a campaign is replayed.

    Args:
        goal: `find` the best, or `learn` which are fit.
        start: candidates on the first plate.
        batch: candidates on each later plate.
        rounds: later plates.
        first: `random` gives every policy the same first plate (one a seed); `own` lets a policy that believes
            something before any measurement choose its own.

    >>> Protocol().labels
    (96, 192, 288, 384, 480)
    """

    goal: ReplayGoal = "find"
    start: int = 96
    batch: int = 96
    rounds: int = 4
    first: First = "random"

    def __post_init__(self) -> None:
        for name, value, least in (("start", self.start, 1), ("batch", self.batch, 1), ("rounds", self.rounds, 0)):
            if value < least:
                raise RecipeError(f"--{name} {value}: must be at least {least}. Nothing was replayed.")
        if self.goal not in ("find", "learn"):
            raise RecipeError(f'--goal "{self.goal}": is find or learn. Nothing was replayed.')
        if self.first not in ("random", "own"):
            raise RecipeError(f'--first "{self.first}": is random or own. Nothing was replayed.')

    @property
    def labels(self) -> tuple[int, ...]:
        """How many candidates are measured after each plate."""
        return tuple(self.start + i * self.batch for i in range(self.rounds + 1))

    def measures(self, assay: Assay) -> Assay:
        """What a plate brings: values of the assay, or whether candidates are fit when the goal is `learn`."""
        return assay if self.goal == "find" else Assay("fit", goal="classify")

    def check_fits(self, candidates: int) -> None:
        """Whether a pool is large enough.

        Raises:
            RecipeError: when the campaign would ask for more candidates than may be proposed.
        """
        available = candidates - self.held_out(candidates)
        if self.labels[-1] > available:
            raise RecipeError(
                f"The campaign would measure {self.labels[-1]} candidates, but only {available} of {candidates} may be "
                "proposed. Lower --start, --batch or --rounds. Nothing was replayed."
            )

    def whole(self, candidates: int) -> Protocol:
        """The same, with a single plate of everything that may be proposed, at most `WHOLE` candidates."""
        return replace(self, start=min(WHOLE, candidates - self.held_out(candidates)), rounds=0, first="random")

    def held_out(self, candidates: int) -> int:
        """How many candidates are kept for judging and never proposed."""
        return int(HELD_OUT * candidates) if self.goal == "learn" else 0
