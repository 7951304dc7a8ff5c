"""From a model and a pool to the next candidates: an acquisition function and a batch strategy."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from activeloop.acquisition.base import AcquisitionContext, AcquisitionFunction, BatchStrategy, CombiningFunction
from activeloop.acquisition.batch import Portfolio, TopK, TopPerPosition
from activeloop.acquisition.batch_joint import LCMD, Coordinates, Promising, VarianceReduction, site_features
from activeloop.acquisition.combining import shared_mutations, within_share
from activeloop.acquisition.evaluate import AcquisitionEvaluation, CandidateFilter, Progress, shortlist
from activeloop.acquisition.finding import Greedy, UpperConfidenceBound
from activeloop.acquisition.learning import Entropy, Variance
from activeloop.acquisition.multiobjective import Constrained, Hypervolume, Scalarised
from activeloop.candidates import Pool, is_scan, position_of_single
from activeloop.errors import StateError
from activeloop.measurements import Assay, Dataset, limits_of
from activeloop.prediction import Prediction, Predictor
from activeloop.words import shown_number


@dataclass(frozen=True)
class Recommender:
    """An acquisition function and a batch strategy.

    Args:
        score: the acquisition function.
        batch: the batch strategy.
        first: the batch strategy of the first plate, when only a prior is known; `batch` when None.

    >>> Recommender(Greedy()).name
    'greedy, top'
    """

    score: AcquisitionFunction
    batch: BatchStrategy = field(default_factory=TopK)
    first: BatchStrategy | None = None

    @property
    def name(self) -> str:
        """Names of both, such as `greedy, top`."""
        first = f" ({self.first.name} at first)" if self.first else ""
        return f"{self.score.name}, {self.batch.name}{first}"

    def at_start(self) -> Recommender:
        """That of the first plate: a prior gives one score, in which several assays are not told apart."""
        score = Greedy() if isinstance(self.score, CombiningFunction) else self.score
        return replace(self, score=score, batch=self.first or self.batch, first=None)

    @property
    def needs_draws(self) -> bool:
        """Whether joint draws are used."""
        return self.score.needs_draws or self.batch.needs_draws

    @property
    def draws(self) -> int:
        """Joint draws that are needed."""
        return self.batch.draws

    def reason(self, prediction: Prediction, i: int, context: AcquisitionContext, assays: Sequence[Assay]) -> str:
        """Why candidate i was chosen, for the plate list.

        Args:
            prediction: larger is better.
            i: index into it.
            context: what was measured.
            assays: as they are measured, of each output; () before any result.
        """
        if not assays and context.values is None and not prediction.classes:
            reason = f"promising by the prior alone: score {shown_number(prediction.mean[i, 0])}"
        elif isinstance(self.score, CombiningFunction) and assays:
            reason = self.score.reason_of(prediction, i, context, assays)
        else:
            turn = np.array([a.sign for a in assays] or 1.0)
            if not prediction.classes:  # in the direction of the assays
                prediction = replace(prediction, mean=prediction.mean * turn, draws=prediction.draws * turn)
            reason = self.score.reason(prediction, i)
        return f"{reason}; {self.batch.phrase}" if self.batch.phrase else reason


def default_recommender(goal: Literal["find", "learn"], assays: Sequence[Assay], pool: Pool) -> Recommender:
    """The recommender of a goal (figures in `docs/results`).

    To find the best of one assay:

    - scans: the highest predictions, of single mutants at most half at one position; with a good prior, exploration
      costs more than it gains. The first plate is a diverse, informative batch from the top 10 % of the prior;
    - combinatorial libraries, which are rugged: half of each plate greedily, half by Thompson sampling;
    - compounds and guides: an upper confidence bound. Nothing is known before the first plate: that of compounds is
      spread over their fingerprints, that of guides is drawn at random;
    - treatments: the highest predictions, from the first plate on where a history of sisters is known.

    Several assays have the batch strategy of one, but expected hypervolume improvement (two or three) or their sum on a
    common scale (more). Where some have only to reach a threshold, the score of the others counts, from the median
    within the thresholds on, times the probability that all are met. Before any result the prior's score chooses.

    To learn classes: largest-cluster maximum-distance; values: the largest variance reduction over the pool (this
    choice rests on few replays).

    >>> default_recommender("find", [Assay("kcat")], Pool.single_mutants("MKTAYIAKQR")).name
    'greedy, top-per-position (promising at first)'
    >>> default_recommender("find", [Assay("kcat")], Pool.combinatorial("MKTAYIAKQR", [1, 2, 3])).name
    'greedy, portfolio'
    """
    if goal == "learn":
        classes = all(a.goal == "classify" for a in assays)
        return Recommender(Variance() if len(assays) == 1 else Entropy(), LCMD() if classes else VarianceReduction())
    if pool.kind == "variants":
        scan = Recommender(Greedy(), TopPerPosition(), Promising())
        one = scan if is_scan(pool) else Recommender(Greedy(), Portfolio())
    else:
        compounds = pool.kind == "compounds"
        greedy = Greedy() if pool.kind == "treatments" else None
        one = Recommender(
            greedy or UpperConfidenceBound(2.0 if compounds else 1.0), first=LCMD("features") if compounds else None
        )
    free = int(np.isnan(limits_of(assays)).sum())
    score = one.score if free <= 1 else Hypervolume() if free <= 3 else Scalarised(score=Greedy())
    return replace(one, score=score if free == len(assays) else Constrained(score))


#: candidates from which the batch is chosen, and from which one without sites is spread before there is a model
SHORTLIST, SPREAD_OVER = 4096, 1024


@dataclass(frozen=True)
class Choice:
    """One chosen candidate.

    Args:
        row: its row in the pool.
        score: its acquisition value; NaN without a model.
        mean, sd: posterior of the first assay (larger is better); for classes of the probability of the last class.
            NaN without a model.
        low, high: 90 % interval of one measurement, noise included; for classes of the probability.
        reason: why it was chosen, for the plate list.
        each: (mean, sd, low, high) of each assay; () without a model.
    """

    row: int
    score: float
    mean: float
    sd: float
    low: float
    high: float
    reason: str
    each: tuple[tuple[float, float, float, float], ...] = ()


def choose(
    predictor: Predictor | None,
    pool: Pool,
    *,
    n: int,
    select: Recommender,
    seed: int,
    excluded: Collection[int] = (),
    pinned: Collection[int] = (),
    only: np.ndarray | None = None,
    dataset: Dataset | None = None,
    threshold: np.ndarray | None = None,
    draws: int | None = None,
    chunk: int = 100_000,
    keep: int = SHORTLIST,
    coordinates: Coordinates = site_features,
    progress: Progress | None = None,
) -> list[Choice]:
    """The next n candidates of a pool, best first; fewer only when fewer are left.

    The pool is evaluated in pieces and only a shortlist is kept: memory does not grow with the pool.

    Args:
        predictor: the model; None before there is one: the choice is then random, or spread over the features where
            the batch strategy can do that.
        pool: what may be tested; rows that `pool.allowed` refuses are left out.
        n: how many.
        select: acquisition function and batch strategy.
        seed: of draws, random choices and ties; the same seed gives the same choice.
        excluded: rows that must not be chosen: measured, on a plate, vetoed. Wins over `pinned`.
        pinned: rows that come first, in the order given.
        only: the rows to choose from, such as the shortlist of a screen; None for the whole pool.
        dataset: what was measured (oriented: larger is better).
        threshold: [A] value from which a candidate is a hit.
        draws: S, joint draws where they are used; None = as many as `select` needs.
        chunk: candidates in one piece.
        keep: candidates from which the batch is chosen; never fewer than 4 n.
        coordinates: features in which distance means difference of design.
        progress: called with (candidates gone through, candidates in the pool).

    Raises:
        StateError: nothing is left to choose.
        ModelError: a prediction or an acquisition value is not finite, or the function does not fit the model.
    """
    if n < 1:
        raise StateError(f"{n} candidates: give at least 1. Nothing was chosen.")
    if dataset is None or not len(dataset):
        select = select.at_start()
    evaluation = None
    if predictor is not None:
        evaluation = AcquisitionEvaluation(predictor, pool, seed, draws or select.draws, dataset, threshold)
    allowed = CandidateFilter.of(pool, excluded, only)
    pins = allowed.among(pinned)[:n]
    missing, rows = n - len(pins), np.zeros(0, np.int64)
    if missing:
        ties = np.random.default_rng([seed, 3])
        spread = evaluation is None and select.batch.spreads and pool.sites is None
        size = max(min(keep, SPREAD_OVER) if spread else keep, 4 * missing)
        rows = shortlist(evaluation, select.score, allowed.without(pins), size, ties, chunk, progress)
    if not len(pins) and not len(rows):
        raise StateError(
            f"Nothing is left to propose: each candidate of the pool ({len(pool):,}) is measured, on a plate, vetoed "
            "or not allowed. Widen the pool or lift a veto."
        )
    missing = min(missing, len(rows))
    spreads = evaluation is not None or select.batch.spreads
    features = coordinates(pool, rows) if missing and spreads else np.zeros((len(rows), 1), np.float32)
    rng = np.random.default_rng([seed, 4])
    if evaluation is None:
        first = [_unpredicted(row, "pinned by you") for row in pins]
        return first + (_without_model(rows, missing, select.batch, features, rng) if missing else [])
    first = _pinned(evaluation, pins, select.score) if len(pins) else []
    return first + (_batch(evaluation, rows, missing, select, features, rng) if missing else [])


def _batch(
    evaluation: AcquisitionEvaluation,
    rows: np.ndarray,
    n: int,
    select: Recommender,
    features: np.ndarray,
    rng: np.random.Generator,
) -> list[Choice]:
    """N of the shortlisted rows, by the model."""
    prediction = evaluation.prediction(rows, select.needs_draws)
    context = evaluation.context(prediction, select.needs_draws)
    scores = evaluation.score(select.score, prediction, context)
    spread = prediction.on_scale
    if isinstance(select.score, CombiningFunction):
        spread = select.score.utility(spread, context)
    position = position_of_single(evaluation.pool, rows) if select.batch.by_position else None

    def best(left: np.ndarray) -> np.ndarray:
        few, few_scores = (spread, scores) if len(left) == len(rows) else (spread.take(left), scores[left])
        known = replace(context, rng=rng, position=None if position is None else position[left])
        return select.batch(few, few_scores, n, known, features[left])

    if evaluation.pool.added:  # combinations of a few good mutations would share them all
        chosen = within_share(best, shared_mutations(evaluation.pool, rows), n)
    else:
        chosen = best(np.arange(len(rows)))
    known = evaluation.dataset
    assays = known.assays if known is not None and len(known) else ()
    # reasons are in the units of the assays
    beside = evaluation.context(replace(prediction, maps=()), False) if prediction.maps else context
    reasons = [select.reason(prediction, int(i), beside, assays) for i in chosen]
    return [_choice(rows, prediction, scores, int(i), reason) for i, reason in zip(chosen, reasons, strict=True)]


def _pinned(evaluation: AcquisitionEvaluation, pins: np.ndarray, function: AcquisitionFunction) -> list[Choice]:
    prediction = evaluation.prediction(pins, function.needs_draws)
    context = evaluation.context(prediction, function.needs_draws)
    scores = evaluation.score(function, prediction, context)
    return [_choice(pins, prediction, scores, i, "pinned by you") for i in range(len(pins))]


def _without_model(
    rows: np.ndarray, n: int, batch: BatchStrategy, features: np.ndarray, rng: np.random.Generator
) -> list[Choice]:
    if not batch.spreads or not np.ptp(features, axis=0).any():
        return [_unpredicted(rows[i], "drawn at random: nothing is known yet") for i in rng.permutation(len(rows))[:n]]
    nothing = Prediction(np.zeros((0, len(rows), 1)), np.zeros((len(rows), 1)), np.ones((len(rows), 1)), np.zeros(1))
    chosen = batch(nothing, np.zeros(len(rows)), n, AcquisitionContext.blank(rng), features)
    return [_unpredicted(rows[i], "nothing is known yet: spread over the pool") for i in chosen]


def _unpredicted(row: Any, reason: str) -> Choice:
    nan = float("nan")
    return Choice(int(row), nan, nan, nan, nan, nan, reason)


def _choice(rows: np.ndarray, prediction: Prediction, scores: np.ndarray, i: int, reason: str) -> Choice:
    table = np.stack(prediction.take(np.array([i])).marginals())[:, 0].T.tolist()  # an assay a row
    mean, sd, low, high = table[0]
    return Choice(int(rows[i]), float(scores[i]), mean, sd, low, high, reason, tuple(map(tuple, table)))
