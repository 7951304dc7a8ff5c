"""Prospective validation: predictions compared with later measurements, for the model and its student."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from activeloop.campaigns.events import StudentRecord, Version
from activeloop.campaigns.state import CampaignState
from activeloop.measurements import Assay, Dataset
from activeloop.metrics import inside, rounding_tied, spearman
from activeloop.plates import Proposal
from activeloop.prediction import PredictionTable, Predictor, mean_of

ENOUGH = 5
"""A rank correlation of fewer candidates says nothing."""


@dataclass(frozen=True)
class ProspectiveValidation:
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


def judge(state: CampaignState, dataset: Dataset) -> ProspectiveValidation | None:
    """The last proposal with at least five predicted and measured picks, in the first assay; None when none has."""
    values = dict(zip(dataset.pool.names(dataset.rows), dataset.values[:, 0], strict=True))
    for proposal in reversed(state.proposals):
        if validation := _judge_one(proposal, values):
            # A class, 0 or 1, cannot lie in an interval of a probability.
            classes = dataset.assays[0].goal == "classify"
            return replace(validation, coverage=float("nan")) if classes else validation
    return None


def _judge_one(proposal: Proposal, values: dict[str, float]) -> ProspectiveValidation | None:
    pairs = [(p.mean, p.low, p.high, values[p.name]) for p in proposal.picks if p.name in values]
    table = np.array(pairs, np.float64).reshape(-1, 4)
    table = table[~np.isnan(table).any(1)]
    if len(table) < ENOUGH:
        return None
    mean, low, high, value = table.T
    correlation, covered = spearman(rounding_tied(mean), rounding_tied(value)), float(inside(value, low, high).mean())
    return ProspectiveValidation(proposal.number, proposal.version, len(table), correlation, covered)


HANDFUL = 20
"""Of fewer results nothing is concluded."""
CLEARLY = 2.0
"""How many standard errors a student must be behind its teacher before that is said."""
BOUND = 0.9
"""A student that agrees less with the current version (Spearman) is warned of."""
SAMPLE = 500
"""Candidates on which student and current version are compared."""
LEVEL = 0.9
"""Of the intervals."""
RESAMPLES = 200
"""To find a standard error."""


@dataclass(frozen=True)
class ProspectivePerformance:
    """How well something predicted results that it had not seen.

    Args:
        spearman: rank correlation of predicted and measured values, NaN when it cannot be said.
        coverage: share of measured values in their 90 % interval; NaN for classes.
    """

    spearman: float = math.nan
    coverage: float = math.nan


@dataclass(frozen=True)
class Drift:
    """How far a student has fallen behind; figures are those of the first assay.

    Args:
        student: its number.
        version: number of the version that taught it.
        current: number of the current version.
        results: candidates measured since that version was fitted, which neither of the two had seen.
        own: how well the student foresaw them.
        teacher: how well its teacher did; NaN when that cannot be had any more.
        behind: standard error of the difference of the two rank correlations.
        uncovered: standard error of the difference of the two coverages.
        agreement: Spearman's correlation of the student's means with those of the current version.
        compared: on how many candidates of the pool.
        bound: below which agreement is warned of.
    """

    student: int
    version: int
    current: int
    results: int
    own: ProspectivePerformance
    teacher: ProspectivePerformance
    behind: float
    uncovered: float
    agreement: float
    compared: int
    bound: float = BOUND

    @property
    def stale(self) -> bool:
        """Whether a later version than its teacher is current."""
        return self.version < self.current

    @property
    def warnings(self) -> tuple[str, ...]:
        """What speaks against using it, in words; nothing is concluded from a handful of results.

        >>> good, poor = ProspectivePerformance(0.8, 0.9), ProspectivePerformance(0.5, 0.88)
        >>> Drift(1, 1, 1, 96, poor, good, 0.05, 0.03, 0.97, 1000).warnings
        ('it foresaw 96 new results less well than its teacher (Spearman 0.50 against 0.80)',)
        >>> Drift(1, 1, 1, 8, poor, good, 0.05, 0.03, 0.97, 1000).warnings
        ()
        """
        return (*self._of_foresight(), *self._of_agreement())

    def _of_foresight(self) -> Iterator[str]:
        if self.results < HANDFUL:
            return
        own, teacher, count = self.own, self.teacher, f"{self.results:,} new results"
        if teacher.spearman - own.spearman > CLEARLY * self.behind:
            ranks = f"Spearman {own.spearman:.2f} against {teacher.spearman:.2f}"
            yield f"it foresaw {count} less well than its teacher ({ranks})"
        # Intervals that are wider than they say are no merit of the teacher.
        if min(teacher.coverage, LEVEL) - own.coverage > CLEARLY * self.uncovered:
            yield f"its 90 % intervals held {own.coverage:.0%} of {count}, its teacher's {teacher.coverage:.0%}"

    def _of_agreement(self) -> Iterator[str]:
        if self.compared >= HANDFUL and self.agreement < self.bound:
            low = f"Spearman {self.agreement:.2f}, below {self.bound:g}"
            yield f"it agrees with version {self.current} too little ({low})"


def drift_of(
    record: StudentRecord,
    version: Version,
    student: Predictor,
    teacher: Predictor | None,
    current: Predictor,
    fresh: Dataset,
    assays: tuple[Assay, ...],
    seed: int,
) -> Drift:
    """Judge a student.

    Args:
        record: which student.
        version: which version is current.
        student: its model.
        teacher: that of its teacher, None when it cannot be had any more.
        current: that of the current version.
        fresh: what neither student nor teacher had seen, of the first assay.
        assays: of the campaign.
        seed: of the sample of candidates and of what is drawn anew.
    """
    own, theirs = (_Told.by(m, fresh, assays, seed) if m and len(fresh) else None for m in (student, teacher))
    rows = _sampled(len(fresh.pool), seed)
    column = -1 if assays[0].goal == "classify" else 0
    one, other = (mean_of(model, fresh.pool, rows)[:, column] for model in (student, current))
    return Drift(
        student=record.number,
        version=record.version,
        current=version.number,
        results=len(fresh),
        own=own.foresight if own else ProspectivePerformance(),
        teacher=theirs.foresight if theirs else ProspectivePerformance(),
        behind=_error_of_ranks(own, theirs, seed) if own and theirs else math.nan,
        uncovered=_error_of_coverage(own, theirs) if own and theirs else math.nan,
        agreement=spearman(rounding_tied(one), rounding_tied(other)),
        compared=len(rows),
    )


def unseen(now: Dataset, then: Dataset) -> Dataset:
    """What is measured in the first assay now and was not then."""
    fresh = now.column(0)
    return fresh.take(~np.isin(fresh.rows, then.rows))


@dataclass(frozen=True)
class _Told:
    """What a model said of N candidates, beside what was measured; all [N], in the unit of the assay."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    value: np.ndarray
    classes: bool

    @classmethod
    def by(cls, model: Predictor, fresh: Dataset, assays: tuple[Assay, ...], seed: int) -> _Told:
        prediction = model.predict(fresh.pool, fresh.rows, seed, draws=0)
        said = PredictionTable.of(prediction, fresh.pool.names(fresh.rows), assays, 0)
        return cls(said.mean[:, 0], said.low[:, 0], said.high[:, 0], fresh.values[:, 0], bool(prediction.classes))

    @property
    def inside(self) -> np.ndarray:
        """Whether each value lies in its 90 % interval; NaN for classes: 0 or 1 lies in no interval of a chance."""
        within = inside(self.value, self.low, self.high)
        return np.where(self.classes, math.nan, within.astype(np.float64))

    @property
    def foresight(self) -> ProspectivePerformance:
        return ProspectivePerformance(
            spearman(rounding_tied(self.mean), rounding_tied(self.value)), float(self.inside.mean())
        )


def _error_of_ranks(student: _Told, teacher: _Told, seed: int) -> float:
    """Standard error of the difference of the rank correlations; candidates are drawn anew, in pairs."""
    random, count = np.random.default_rng(seed), len(student.value)
    picks = random.integers(0, count, (RESAMPLES, count))
    theirs, own = (
        [spearman(rounding_tied(t.mean[p]), rounding_tied(t.value[p])) for p in picks] for t in (teacher, student)
    )
    differences = np.subtract(theirs, own)
    differences = differences[np.isfinite(differences)]
    return float(differences.std(ddof=1)) if len(differences) > 1 else math.nan


def _error_of_coverage(student: _Told, teacher: _Told) -> float:
    """Standard error of the difference of the coverages, in pairs."""
    differences = teacher.inside - student.inside
    return float(differences.std(ddof=1) / math.sqrt(len(differences))) if len(differences) > 1 else math.nan


def _sampled(size: int, seed: int) -> np.ndarray:
    """Rows of a pool, all of a small one: int64, sorted."""
    if size <= SAMPLE:
        return np.arange(size)
    return np.sort(np.random.default_rng(seed).choice(size, SAMPLE, replace=False))
