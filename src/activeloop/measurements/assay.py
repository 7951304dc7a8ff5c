"""What is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Goal = Literal["maximise", "minimise", "classify"]


@dataclass(frozen=True)
class Assay:
    """One thing that is measured of each candidate.

    Args:
        name: its name in tables, unique in a campaign.
        unit: its unit, "" when it has none. Results in another unit are refused.
        goal: `maximise`, `minimise`, or `classify` (values are 0 = unfit, 1 = fit).
        lower, upper: detection limits in `unit`; None when there is none.

    >>> Assay("kcat", unit="1/s").sign, Assay("KD", unit="nM", goal="minimise").sign
    (1, -1)
    """

    name: str
    unit: str = ""
    goal: Goal = "maximise"
    lower: float | None = None
    upper: float | None = None

    @property
    def sign(self) -> int:
        """+1 when more is better, -1 when less is."""
        return -1 if self.goal == "minimise" else 1
