"""How many labels a policy needs to reach a share of what all data would give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from activeloop.replay.campaign import Turn
from activeloop.replay.metrics import mean_and_error

FULL = "full"
SHARE = 0.9


@dataclass(frozen=True)
class Need:
    """Labels that a policy needs, over seeds.

    Args:
        policy, metric: of what.
        labels, se: mean and standard error; a campaign that never reached the mark counts with its last label.
        reached: share of the campaigns that reached it.
        saved, saved_se: share of the twin's labels that is saved: by the ratio of the two means, with the jackknife
            error over seeds (single ratios would be ruled by seeds in which the twin was lucky at once).
    """

    policy: str
    metric: str
    labels: float
    se: float
    reached: float
    saved: float
    saved_se: float


def labels_needed(turns: Mapping[tuple[str, int], Sequence[Turn]], metric: str) -> list[Need]:
    """Labels until a metric first reaches 90 % of what the model of all data reaches, for every policy but `full`.

    Between plates the metric is taken as a straight line. The mark of a seed is that of its own `full` campaign.

    Args:
        turns: of every campaign, by (policy, seed); with the policies `full` and `random`.
        metric: `accuracy` or `auroc`.
    """
    policies = [p for p in dict.fromkeys(policy for policy, _ in turns) if p != FULL]
    full = sorted(seed for policy, seed in turns if policy == FULL)
    # a campaign that could not be finished leaves its seed out for all, so that policies stay paired
    seeds = [seed for seed in full if all((policy, seed) in turns for policy in policies)]
    marks = {seed: SHARE * turns[FULL, seed][-1].metrics[metric] for seed in seeds}
    crossings = {
        policy: np.array([first_crossing(turns[policy, seed], metric, marks[seed]) for seed in seeds])
        for policy in policies
    }
    needs = []
    for policy, found in crossings.items():
        labels, error = mean_and_error(found[:, 0])
        saved, saved_error = saved_share(found[:, 0], crossings["random"][:, 0])
        needs.append(Need(policy, metric, labels, error, float(found[:, 1].mean()), saved, saved_error))
    return needs


def saved_share(labels: np.ndarray, baseline: np.ndarray) -> tuple[float, float]:
    """Share of the twin's labels that is saved, and its standard error.

    Args:
        labels: [S] labels needed, by seed.
        baseline: [S] labels that the twin needed under the same seeds.

    >>> saved_share(np.array([50.0, 50.0, 50.0]), np.array([100.0, 100.0, 100.0]))
    (0.5, 0.0)
    """
    without = 1 - (labels.sum() - labels) / (baseline.sum() - baseline) if len(labels) > 1 else np.full(1, np.nan)
    error = np.sqrt((len(labels) - 1) * without.var())
    return float(1 - labels.mean() / baseline.mean()), float(error)


def first_crossing(campaign: Sequence[Turn], metric: str, mark: float) -> tuple[float, bool]:
    """Labels at which the metric first reaches the mark, and whether it does; else the last label.

    >>> campaign = [Turn(0, 10, (), {"auroc": 0.5}, 0.0), Turn(1, 20, (), {"auroc": 0.7}, 0.0)]
    >>> first_crossing(campaign, "auroc", 0.6), first_crossing(campaign, "auroc", 0.9)
    ((15.0, True), (20.0, False))
    """
    before: Turn | None = None
    for turn in campaign:
        value = turn.metrics[metric]
        if value >= mark:
            if before is None:
                return float(turn.labels), True
            low = before.metrics[metric]
            return before.labels + (turn.labels - before.labels) * (mark - low) / (value - low), True
        before = turn
    return float(campaign[-1].labels), False
