"""What the model asks the laboratory to test."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pick:
    """One proposed candidate.

    Args:
        candidate_id: id of the candidate.
        name: its standard notation.
        rank: from 1, best first.
        score: what acquisition gave it (larger is better).
        mean: predicted value in the assay's unit (NaN in a first round without a prior).
        low, high: 90 % interval of that prediction.
        reason: why it was chosen, in words.
    """

    candidate_id: str
    name: str
    rank: int
    score: float
    mean: float
    low: float
    high: float
    reason: str


@dataclass(frozen=True)
class Proposal:
    """The picks of one round.

    Args:
        number: counted from 1.
        picks: best first.
        version: number of the model version that chose (0 = before any fit).
        seed: with pool, measurements and recipe it determines the picks.
        policy: what chose them, in one sentence.
    """

    number: int
    picks: tuple[Pick, ...]
    version: int
    seed: int
    policy: str
