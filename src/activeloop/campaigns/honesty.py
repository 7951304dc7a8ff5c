"""Whether a model kept its word: what it predicted for a plate beside what the plate said."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from activeloop.campaigns.state import CampaignState
from activeloop.measurements import Dataset
from activeloop.metrics import inside, rounding_tied, spearman
from activeloop.plates import Proposal

ENOUGH = 5
"""A rank correlation of fewer candidates says nothing."""


@dataclass(frozen=True)
class Honesty:
    """Predictions of one proposal and what came back.

    Args:
        proposal: its number.
        version: which version predicted (0 = the prior).
        candidates: how many of its picks have a prediction and a result.
        spearman: rank correlation of predicted and measured values, NaN when all are equal.
        coverage: share of measured values inside their 90 % interval; NaN for classes.
    """

    proposal: int
    version: int
    candidates: int
    spearman: float
    coverage: float


def judge(state: CampaignState, dataset: Dataset) -> Honesty | None:
    """The last proposal with at least five predicted and measured picks, in the first assay; None when none has."""
    values = dict(zip(dataset.pool.names(dataset.rows), dataset.values[:, 0], strict=True))
    for proposal in reversed(state.proposals):
        if honesty := _judge_one(proposal, values):
            # A class, 0 or 1, cannot lie in an interval of a probability.
            classes = dataset.assays[0].goal == "classify"
            return replace(honesty, coverage=float("nan")) if classes else honesty
    return None


def _judge_one(proposal: Proposal, values: dict[str, float]) -> Honesty | None:
    pairs = [(p.mean, p.low, p.high, values[p.name]) for p in proposal.picks if p.name in values]
    table = np.array(pairs, np.float64).reshape(-1, 4)
    table = table[~np.isnan(table).any(1)]
    if len(table) < ENOUGH:
        return None
    mean, low, high, value = table.T
    correlation, covered = spearman(rounding_tied(mean), rounding_tied(value)), float(inside(value, low, high).mean())
    return Honesty(proposal.number, proposal.version, len(table), correlation, covered)
