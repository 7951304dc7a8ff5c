"""Metrics of a campaign: what it found, and how well its model predicts what was not measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from activeloop import metrics
from activeloop.candidates import Pool, TreatmentPool

FOUND = (
    *("best_fraction", "optimum_found", "top1pct_found", "top2pct_found", "top10pct_found", "top100_recall"),
    *("hits_found", "enrichment"),
)
#: which say nothing of two values, where every hit is the best
OF_VALUES = FOUND[:6]
PREDICTED = ("spearman", "auroc", "accuracy", "auprc", "prevalence", "pearson_per_drug")
METRICS = FOUND + PREDICTED

LABELS = {
    "best_fraction": "best found / best there is",
    "optimum_found": "share of campaigns that found the optimum",
    "top1pct_found": "of the best 1 %, found",
    "top2pct_found": "of the best 2 %, found",
    "top10pct_found": "of the best 10 %, found",
    "top100_recall": "share of the best 100 found",
    "spearman": "rank correlation on what was not measured",
    "auroc": "area under the ROC curve (fit / unfit)",
    "hits_found": "hits found",
    "enrichment": "hits found / hits that as many random candidates hold",
    "accuracy": "share classified correctly (fit / unfit)",
    "auprc": "area under the precision-recall curve (hits)",
    "prevalence": "share of hits among what is predicted: the area of a random order",
    "pearson_per_drug": "correlation on what was not measured, mean of the drugs",
}

DEFINITIONS = {
    "best_fraction": "best measured / best of all where no value is negative (after turning `minimise`); else "
    "(best measured - worst of all) / (best of all - worst of all)",
    "optimum_found": "1 when a candidate as good as the best of all was measured; the mean is a probability",
    "top1pct_found": "how many of the best 1 % were measured (a count; of ties at the border, as many as have room)",
    "top2pct_found": "how many of the best 2 % were measured (a count)",
    "top10pct_found": "how many of the best 10 % were measured (a count)",
    "top100_recall": "share of the best 100 that was measured",
    "hits_found": "how many hits were measured (a count): what the source calls fit; where it does not, the better of "
    "two values, else values more than two standard deviations better than the mean, or where there are none the best "
    "2 %",
    "enrichment": "hits found, divided by those that a random choice of as many candidates holds on average",
    "spearman": "rank correlation of predicted and true values. Goal find: on all that is not measured yet (a fixed "
    "draw of 10,000 from larger pools). Goal learn: on the 20 % that are never proposed",
    "auroc": "probability that the model ranks a fit candidate above an unfit one, on the same candidates",
    "accuracy": "share of the same candidates classified correctly; fit is what the source calls fit, else the better "
    "half. Goal find: called fit when the predicted value reaches that of the worst fit candidate, of two values their "
    "middle",
    "auprc": "mean precision over all thresholds that add a hit, on the same candidates; a random order has the "
    "prevalence",
    "prevalence": "share of hits among the same candidates",
    "pearson_per_drug": "of treatments: Pearson correlation of predicted and true values of each drug on its own, on "
    "the same candidates, mean over drugs of at least five; pooled over drugs, the mean of each drug would look like a "
    "model",
}


@dataclass(frozen=True)
class Truth:
    """The true values of all candidates, larger is better, and what follows from them.

    Args:
        values: [N] oriented values.
        fit: [N] whether each counts as fit.
        hits: [N] whether each is a hit; None: none is known to be one.
    """

    values: np.ndarray
    fit: np.ndarray
    hits: np.ndarray | None = None

    @cached_property
    def _sorted(self) -> np.ndarray:
        return np.sort(self.values)[::-1]

    def found_among_best(self, measured: np.ndarray, k: int) -> int:
        """How many of the best k are among the measured rows.

        Where several candidates share the value of the last of the best k, as many of them count as have room.

        >>> Truth(np.array([3.0, 2.0, 2.0, 2.0, 1.0]), np.ones(5)).found_among_best(np.array([1, 2, 3]), k=2)
        1
        """
        border = self._sorted[k - 1]
        above = int((self._sorted > border).sum())
        values = self.values[measured]
        return int((values > border).sum()) + min(int((values == border).sum()), k - above)

    @cached_property
    def fit_from(self) -> float:
        """The value of the worst fit candidate, if all fit ones were better than all others; of two values the middle.

        >>> Truth(np.array([0.0, 1.0, 1.0]), np.array([0, 1, 1])).fit_from
        0.5
        """
        if len(two := np.unique(self.values)) == 2:
            return float(two.mean())  # a probability does not reach 1
        return float(self._sorted[max(int(self.fit.sum()), 1) - 1])

    def found(self, measured: np.ndarray) -> dict[str, float]:
        """The metrics `FOUND` of the measured rows.

        `best_fraction` is best measured / best of all where all values are 0 or more (as in the literature on GB1),
        else (best measured - worst of all) / (best of all - worst of all). `top1pct_found` and `top10pct_found` count
        candidates, `top100_recall` is a share.

        Args:
            measured: [n] rows, at least one.

        >>> truth = Truth(np.arange(200.0), np.arange(200) >= 100)
        >>> found = truth.found(np.array([0, 190, 199]))
        >>> found["best_fraction"], found["optimum_found"], found["top1pct_found"], found["top10pct_found"]
        (1.0, 1.0, 1.0, 2.0)
        >>> Truth(np.array([-4.0, 0.0, 4.0]), np.array([0, 0, 1])).found(np.array([0, 1]))["best_fraction"]
        0.5
        """
        hits = np.zeros(len(self.values), bool) if self.hits is None else self.hits.astype(bool)
        expected = hits.mean() * len(measured)
        best, top, worst = self.values[measured].max(), self._sorted[0], self._sorted[-1]
        floor, n = 0.0 if worst >= 0 else worst, len(self.values)
        return {
            "best_fraction": float((best - floor) / (top - floor)) if top > floor else 1.0,
            "optimum_found": float(best >= top),
            "top1pct_found": float(self.found_among_best(measured, -(-n // 100))),
            "top2pct_found": float(self.found_among_best(measured, -(-n // 50))),
            "top10pct_found": float(self.found_among_best(measured, -(-n // 10))),
            "top100_recall": self.found_among_best(measured, min(100, n)) / min(100, n),
            "hits_found": float(hits[measured].sum()) if hits.any() else float("nan"),
            "enrichment": float(hits[measured].sum() / expected) if expected else float("nan"),
        }


#: candidates of a drug from which its correlation counts
FEWEST = 5


def per_drug(predicted: np.ndarray, true: np.ndarray, pool: Pool, rows: np.ndarray) -> float:
    """Mean over drugs of the Pearson correlation [n] of each; NaN for candidates that are no treatments.

    >>> from activeloop.candidates import TreatmentPool
    >>> pool, true = TreatmentPool([f"line {i}" for i in range(5)], ["a", "b"]), np.array([0.0, 9] * 5)
    >>> true += np.arange(10)
    >>> round(per_drug(true, true, pool, np.arange(10)), 6), per_drug(np.zeros(10), true, pool, np.arange(10))
    (1.0, 0.0)
    """
    if not isinstance(pool, TreatmentPool):
        return math.nan
    drugs = np.unique(pool.part_rows(rows)[:, 1 : 1 + pool.combined], axis=0, return_inverse=True)[1].ravel()
    several = np.flatnonzero(np.bincount(drugs) >= FEWEST)
    found = [metrics.pearson(predicted[drugs == k], true[drugs == k]) for k in several]
    return float(np.mean(np.nan_to_num(found))) if found else math.nan


def spearman(predicted: np.ndarray, true: np.ndarray) -> float:
    """Rank correlation of two [n] arrays; ties share their mean rank.

    A constant prediction orders nothing and gets 0; constant true values have no order, which gives NaN.

    >>> spearman(np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0, 15.0]))
    0.5
    """
    constant = len(predicted) > 0 and np.ptp(predicted) == 0 and np.ptp(true) > 0
    return 0.0 if constant else metrics.spearman(predicted, true)


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """Mean over seeds and its standard error (NaN for one seed), both without the seeds that have no value.

    >>> mean_and_error(np.array([1.0, 3.0]))
    (2.0, 1.0)
    """
    values = np.asarray(values, float)
    values = values[~np.isnan(values)]
    if not len(values):
        return float("nan"), float("nan")
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
    return float(values.mean()), float(error)
