"""One value as it came back from the laboratory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
