"""Assays, and single measured values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Goal = Literal["maximise", "minimise", "classify"]


@dataclass(frozen=True)
class Assay:
    """A property that is measured of each candidate.

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


Qualifier = Literal["=", "<", ">"]


@dataclass(frozen=True)
class Measurement:
    """One measured value of one candidate, never averaged, never changed; a wrong one is voided, not deleted.

    Args:
        candidate: the candidate's name in standard notation (`Candidate.name`).
        assay: the assay's name.
        value: in the assay's unit; for a censored value the limit that was not crossed.
        qualifier: `=` measured, `<` below `value`, `>` above `value`.
        replicate: counted from 1.
        plate: plate id, "" when unknown.
        well: such as "A1", "" when unknown.
        measured_at: ISO 8601 date or date and time, "" when unknown.
        file: the file it was read from; `row` its row there as a spreadsheet counts it.
        control: whether the well held a control.
    """

    candidate: str
    assay: str
    value: float
    qualifier: Qualifier = "="
    replicate: int = 1
    plate: str = ""
    well: str = ""
    measured_at: str = ""
    file: str = ""
    row: int = 0
    control: bool = False
