"""What a screen that was killed on its way shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Killed:
    """The same screen twice: undisturbed, and killed on its way.

    Args:
        candidates: of the pool.
        done: how many had been scored when it was killed, by its journal.
        same: whether all that the teacher saw, what it said and all picks are the same bits.
    """

    candidates: int
    done: int
    same: bool
