"""Prospective validation: predictions compared with later measurements, for the model and its student."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from activeloop.campaigns.events import StudentRecord, Version
from activeloop.campaigns.state import CampaignState
from activeloop.fidelity import best_fidelity, fidelity, values_problem
from activeloop.measurements import Assay, Dataset
from activeloop.metrics import auroc, average_precision, inside, rounding_tied, spearman
from activeloop.plates import Pick
from activeloop.prediction import Prediction, PredictionTable, Predictor

MIN_PICKS = 5
"""Fewer candidates give no rank correlation."""
MIN_RESULTS = 20
"""Fewer results give no warning."""
STANDARD_ERRORS = 2.0
"""Warn when a student is this many standard errors behind its teacher."""
MIN_FIDELITY = 0.9
"""Warn when a student's Spearman with the current version is lower."""
SAMPLE = 500
"""Candidates on which student and current version are compared."""
LEVEL = 0.9
"""Of the intervals."""
FIRST = np.zeros(1, np.int64)
"""The first column of a prediction."""
BEST = 50
"""Best candidates over which values are compared."""
RESAMPLES = 200
"""Of the bootstrap."""


@dataclass(frozen=True)
class ProspectiveValidation:
    """Predictions of one proposal, compared with its results.

    Args:
        proposal: its number.
        version: which version predicted (0 = the prior).
        candidates: picks with a prediction and a result.
        spearman: rank correlation of predicted and measured values, NaN when all are equal.
        coverage: share of measured values in their 90 % interval; NaN for classes, and for the scores of a prior.
        assay: which was predicted.
        auroc, auprc: of an assay of two values, how well hits were told from others; NaN where there is one kind.
        hits, expected: of such an assay, hits that came and the sum of their probabilities; NaN for others.
        spread: standard deviation of that sum if the probabilities are right.
    """

    proposal: int
    version: int
    candidates: int
    spearman: float
    coverage: float
    assay: str = ""
    auroc: float = math.nan
    auprc: float = math.nan
    hits: float = math.nan
    expected: float = math.nan
    spread: float = math.nan


def validate_each(state: CampaignState, dataset: Dataset) -> tuple[ProspectiveValidation, ...]:
    """`validate` of every assay for which there is a result."""
    found = (validate(state, dataset, column) for column in range(len(dataset.assays)))
    return tuple(one for one in found if one is not None)


def _predicted(pick: Pick, column: int, assays: Sequence[Assay]) -> tuple[float, float, float]:
    """Mean and both ends of the interval of one assay; before any result the prior's score, in its direction."""
    name = assays[column].name
    for p in pick.predictions:
        if p.assay == name:
            return p.mean, p.low, p.high
    if pick.predictions:
        return math.nan, math.nan, math.nan
    turn = assays[0].sign * assays[column].sign
    low, high = sorted((turn * pick.low, turn * pick.high))
    return turn * pick.mean, low, high


@dataclass(frozen=True)
class PredictedPlate:
    """What was predicted of the picks of one proposal in one assay, and what came back.

    Args:
        proposal: its number.
        version: which version predicted; 0 = the prior, whose scores have no unit.
        assay: which was predicted.
        names: [N] of the picks with a prediction and a result.
        mean, low, high: [N] predicted, with the 90 % interval of one measurement (of classes of the probability).
        value: [N] measured.
    """

    proposal: int
    version: int
    assay: Assay
    names: tuple[str, ...]
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    value: np.ndarray

    @property
    def validation(self) -> ProspectiveValidation:
        """Its figures."""
        compared = _Compared(self.mean, self.low, self.high, self.value, classes=self.assay.is_two)
        found = compared.performance
        coverage = found.coverage if self.version else math.nan  # a prior's score has no unit
        count, name = len(self.names), self.assay.name
        plain = ProspectiveValidation(self.proposal, self.version, count, found.spearman, coverage, name)
        return plain if not self.assay.is_two else replace(plain, **self._of_two())

    def _of_two(self) -> dict[str, float]:
        """How hits were told from others, and how many were expected."""
        sign = self.assay.sign
        hit = self.value > 0.5 if sign > 0 else self.value < 0.5
        found = {"hits": float(hit.sum())}
        if 0 < hit.sum() < len(hit):
            score = rounding_tied(sign * self.mean)
            found |= {"auroc": float(auroc(score, hit)), "auprc": float(average_precision(score, hit))}
        if self.version:
            chance = np.clip(self.mean if sign > 0 else 1 - self.mean, 0, 1)
            found |= {"expected": float(chance.sum()), "spread": float(np.sqrt((chance * (1 - chance)).sum()))}
        return found


def predicted_plates(state: CampaignState, dataset: Dataset, column: int = 0) -> Iterator[PredictedPlate]:
    """The proposals with at least five predicted and measured picks in one assay, the last first."""
    if not state.proposals:
        return
    order = np.argsort(dataset.rows, kind="stable")
    known_rows = dataset.rows[order]
    for proposal in reversed(state.proposals):
        if column and proposal.version and not any(p.predictions for p in proposal.picks):
            continue  # of a former release: predictions of the first assay alone
        rows = dataset.pool.rows_of(p.name for p in proposal.picks)
        places = np.minimum(np.searchsorted(known_rows, rows), len(order) - 1)
        measured = np.flatnonzero((rows >= 0) & (known_rows[places] == rows)) if len(order) else order
        picks = [proposal.picks[i] for i in measured.tolist()]
        values = dataset.values[order[places[measured]], column] if len(order) else np.zeros(0)
        pairs = [(*_predicted(p, column, dataset.assays), v) for p, v in zip(picks, values.tolist(), strict=True)]
        table = np.array(pairs, np.float64).reshape(-1, 4)
        known = np.flatnonzero(~np.isnan(table).any(1))
        if len(known) >= MIN_PICKS:
            kept = tuple(picks[i].name for i in known)
            yield PredictedPlate(proposal.number, proposal.version, dataset.assays[column], kept, *table[known].T)


def validate(state: CampaignState, dataset: Dataset, column: int = 0) -> ProspectiveValidation | None:
    """The last proposal with at least five predicted and measured picks in one assay; None when none has."""
    last = next(predicted_plates(state, dataset, column), None)
    return None if last is None else last.validation


@dataclass(frozen=True)
class ProspectivePerformance:
    """Accuracy on results that a model had not seen.

    Args:
        spearman: rank correlation of predicted and measured values, NaN when not known.
        coverage: share of measured values in their 90 % interval; NaN for classes.
    """

    spearman: float = math.nan
    coverage: float = math.nan


@dataclass(frozen=True)
class Drift:
    """A student compared with its teacher and the current version, in the first assay.

    Args:
        student: its number.
        version: number of its teacher.
        current: number of the current version.
        results: candidates measured since the teacher was fitted, which neither of the two had seen.
        own: performance of the student on them.
        teacher: that of its teacher; NaN when the teacher is not available any more.
        spearman_error: standard error of the difference of the two rank correlations.
        coverage_error: standard error of the difference of the two coverages.
        fidelity: Spearman of the student's means against those of the current version.
        compared: on this many candidates of the pool.
        bound: of `fidelity`, below which there is a warning.
        values: figures of the student's values against the current version's, on these candidates and over the best of
            them, see `activeloop.fidelity`; {} where none were compared.
    """

    student: int
    version: int
    current: int
    results: int
    own: ProspectivePerformance
    teacher: ProspectivePerformance
    spearman_error: float
    coverage_error: float
    fidelity: float
    compared: int
    bound: float = MIN_FIDELITY
    values: dict[str, float] = field(default_factory=dict)

    @property
    def stale(self) -> bool:
        """Whether another version than its teacher is current."""
        return self.version != self.current

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings against its use; none below 20 new results.

        >>> good, poor = ProspectivePerformance(0.8, 0.9), ProspectivePerformance(0.5, 0.88)
        >>> Drift(1, 1, 1, 96, poor, good, 0.05, 0.03, 0.97, 1000).warnings
        ('it predicted 96 new results less well than its teacher (Spearman 0.50 against 0.80)',)
        >>> Drift(1, 1, 1, 8, poor, good, 0.05, 0.03, 0.97, 1000).warnings
        ()
        """
        return (*self._warnings_of_results(), *self._warnings_of_fidelity())

    def _warnings_of_results(self) -> Iterator[str]:
        if self.results < MIN_RESULTS:
            return
        own, teacher, count = self.own, self.teacher, f"{self.results:,} new results"
        if teacher.spearman - own.spearman > STANDARD_ERRORS * self.spearman_error:
            ranks = f"Spearman {own.spearman:.2f} against {teacher.spearman:.2f}"
            yield f"it predicted {count} less well than its teacher ({ranks})"
        # Intervals that are too wide are no merit of the teacher.
        if min(teacher.coverage, LEVEL) - own.coverage > STANDARD_ERRORS * self.coverage_error:
            yield f"its 90 % intervals held {own.coverage:.0%} of {count}, its teacher's {teacher.coverage:.0%}"

    def _warnings_of_fidelity(self) -> Iterator[str]:
        if self.compared >= MIN_RESULTS and self.fidelity < self.bound:
            low = f"Spearman {self.fidelity:.2f}, below {self.bound:g}"
            yield f"it agrees with version {self.current} too little ({low})"
        elif self.compared >= MIN_RESULTS and (problem := values_problem(self.values)):
            yield f"use its ranks only, do not read its values: against version {self.current} {problem}"


def drift_of(
    record: StudentRecord,
    version: Version,
    student: Predictor,
    teacher: Predictor | None,
    current: Predictor,
    fresh: Dataset,
    assays: tuple[Assay, ...],
    seed: int,
    place: int = 0,
) -> Drift:
    """Compare a student with its teacher and with the current version.

    Args:
        record: which student.
        version: the current version.
        student: the student's model.
        teacher: its teacher's, None when not available any more.
        current: that of the current version.
        fresh: results that neither student nor teacher had seen, of the first assay.
        assays: that the student predicts.
        seed: of the sample of candidates and of the bootstrap.
        place: of the first of these among the columns of the current version.
    """
    own, theirs = (_Compared.of(m, fresh, assays, seed) if m and len(fresh) else None for m in (student, teacher))
    rows = _sampled(len(fresh.pool), seed)
    both = [model.predict(fresh.pool, rows, seed, draws=0) for model in (student, current)]
    columns = (-1, -1) if [a.goal for a in assays] == ["classify"] else (0, place)
    means = [rounding_tied(one.mean[:, column]) for one, column in zip(both, columns, strict=True)]
    return Drift(
        student=record.number,
        version=record.version,
        current=version.number,
        results=len(fresh),
        own=own.performance if own else ProspectivePerformance(),
        teacher=theirs.performance if theirs else ProspectivePerformance(),
        spearman_error=_spearman_error(own, theirs, seed) if own and theirs else math.nan,
        coverage_error=_coverage_error(own, theirs) if own and theirs else math.nan,
        fidelity=spearman(*means),
        compared=len(rows),
        values={} if both[0].classes else _values(both[1].columns(np.array([place])), both[0].columns(FIRST)),
    )


def _values(current: Prediction, student: Prediction) -> dict[str, float]:
    """Figures of one assay on all candidates, and over the best of them by the current version."""
    best = np.argsort(-current.mean[:, 0], kind="stable")[: min(BEST, (len(current) + 1) // 2)]
    unit = (current.on_scale if current.shares_scale(student) else current).mean.std(0)
    return fidelity(current, student) | best_fidelity(current.take(best), student.take(best), unit)


def measured_since(now: Dataset, then: Dataset) -> Dataset:
    """What was measured in the first assay between two data sets."""
    fresh = now.column(0)
    return fresh.take(~np.isin(fresh.rows, then.column(0).rows))


@dataclass(frozen=True)
class _Compared:
    """Predictions of one model and the values measured later; all [N], in the unit of the assay."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    value: np.ndarray
    classes: bool

    @classmethod
    def of(cls, model: Predictor, fresh: Dataset, assays: tuple[Assay, ...], seed: int) -> _Compared:
        prediction = model.predict(fresh.pool, fresh.rows, seed, draws=0)
        table = PredictionTable.of(prediction, fresh.pool.names(fresh.rows), assays, 0)
        first = (array[:, 0] for array in (table.mean, table.low, table.high, fresh.values))
        return cls(*first, classes=bool(prediction.classes))

    @property
    def covered(self) -> np.ndarray:
        """Whether each value lies in its 90 % interval; NaN for classes, whose intervals are of a probability."""
        covered = inside(self.value, self.low, self.high)
        return np.where(self.classes, math.nan, covered.astype(np.float64))

    def spearman(self, picks: np.ndarray | slice = slice(None)) -> float:
        return spearman(rounding_tied(self.mean[picks]), rounding_tied(self.value[picks]))

    @property
    def performance(self) -> ProspectivePerformance:
        return ProspectivePerformance(self.spearman(), float(self.covered.mean()))


def _spearman_error(student: _Compared, teacher: _Compared, seed: int) -> float:
    """Standard error of the difference of the rank correlations, by a paired bootstrap."""
    rng, count = np.random.default_rng(seed), len(student.value)
    picks = rng.integers(0, count, (RESAMPLES, count))
    differences = np.array([teacher.spearman(p) - student.spearman(p) for p in picks])
    differences = differences[np.isfinite(differences)]
    return float(differences.std(ddof=1)) if len(differences) > 1 else math.nan


def _coverage_error(student: _Compared, teacher: _Compared) -> float:
    """Standard error of the difference of the coverages, in pairs."""
    differences = teacher.covered - student.covered
    return float(differences.std(ddof=1) / math.sqrt(len(differences))) if len(differences) > 1 else math.nan


def _sampled(size: int, seed: int) -> np.ndarray:
    """Rows of a pool, all of a small one: int64, sorted."""
    if size <= SAMPLE:
        return np.arange(size)
    return np.sort(np.random.default_rng(seed).choice(size, SAMPLE, replace=False))
