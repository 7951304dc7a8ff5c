"""Whether a model kept its word: what it predicted for a plate beside what the plate said."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from activeloop.campaigns.state import CampaignState
from activeloop.measurements import Dataset
from activeloop.plates import Proposal
from activeloop.ranks import spearman

ENOUGH = 5
"""A rank correlation of fewer candidates says nothing."""
SPREAD, SIZE = 1e-9, 1e-13
"""Shares of the spread of numbers, and of their size, below which a difference is rounding."""


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
    inside = float(((low <= value) & (value <= high)).mean())
    return Honesty(proposal.number, proposal.version, len(table), rank_correlation(mean, value), inside)


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's correlation of two [N] arrays, ties at their mean rank; NaN when one of them is constant.

    Numbers that differ by rounding alone are ties: else two models that say the same would be ranked differently.

    >>> rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([1.0, 4.0, 9.0]))
    1.0
    >>> rank_correlation(np.array([0.1 + 0.2, 0.3, 0.5]), np.array([1.0, 1.0, 2.0]))
    1.0
    >>> rank_correlation(np.array([0.1 + 0.2, 0.3]), np.array([1.0, 2.0]))
    nan
    """
    return spearman(_rounded(a), _rounded(b))


def _rounded(values: np.ndarray) -> np.ndarray:
    """In steps within which numbers differ by rounding alone."""
    step = max(SPREAD * np.ptp(values), SIZE * np.abs(values).max()) if len(values) else 0.0
    if 0 < step < np.inf:
        return np.round((values - values.min()) / step)
    return values
