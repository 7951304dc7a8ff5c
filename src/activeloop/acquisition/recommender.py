"""From a model and a pool to the next candidates: an acquisition function and a batch strategy."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from activeloop.acquisition.base import AcquisitionContext, AcquisitionFunction, BatchStrategy
from activeloop.acquisition.batch import Portfolio, TopK
from activeloop.acquisition.batch_joint import LCMD, Coordinates, Promising, VarianceReduction, letters
from activeloop.acquisition.evaluate import AcquisitionEvaluation, CandidateFilter, Progress, shortlist
from activeloop.acquisition.finding import Greedy, UpperConfidenceBound
from activeloop.acquisition.learning import Entropy, Variance
from activeloop.acquisition.multiobjective import Hypervolume, Scalarised
from activeloop.candidates import Pool, is_scan
from activeloop.errors import StateError
from activeloop.measurements import Assay, Dataset
from activeloop.prediction import Prediction, Predictor


@dataclass(frozen=True)
class Recommender:
    """A score and how a batch is chosen by it.

    Args:
        score: what a candidate is worth.
        batch: which to take together.
        first: the same for the first plate, when all that is known is a prior; `batch` when None.

    >>> Recommender(Greedy()).name
    'greedy, top'
    """

    score: AcquisitionFunction
    batch: BatchStrategy = field(default_factory=TopK)
    first: BatchStrategy | None = None

    @property
    def name(self) -> str:
        """Names of the score and of the choice."""
        first = f" ({self.first.name} at first)" if self.first else ""
        return f"{self.score.name}, {self.batch.name}{first}"

    def at_start(self) -> Recommender:
        """How the first plate is chosen."""
        return self if self.first is None else replace(self, batch=self.first, first=None)

    @property
    def needs_draws(self) -> bool:
        """Whether joint draws are read at all."""
        return self.score.needs_draws or self.batch.needs_draws

    @property
    def draws(self) -> int:
        """How many joint draws are wanted."""
        return self.batch.draws

    def reason(self, prediction: Prediction, i: int) -> str:
        """Why candidate i was chosen, in words."""
        reason = self.score.reason(prediction, i)
        return f"{reason}; {self.batch.phrase}" if self.batch.phrase else reason


def default_recommender(goal: Literal["find", "learn"], assays: Sequence[Assay], pool: Pool) -> Recommender:
    """What is used when the user states only a goal.

    To find, by what is tested (figures in `docs/results`):

    - scans: the highest predictions, since with a learned prior optimism and chance cost more than they bring; the
      first plate is the part of the prior's best tenth that tells most about the rest of it;
    - combinatorial libraries, which are rugged: half of each plate by the highest predictions, half by single draws;
    - compounds and guides: an upper confidence bound.

    Two or three assays: the expected gain of the front; more: their sum on a common scale.

    To learn classes: a batch that covers what the model does not know. To learn values: the batch that lowers the
    variance over the pool most; this last choice rests on few replays.

    >>> default_recommender("find", [Assay("kcat")], Pool.single_mutants("MKTAYIAKQR")).name
    'greedy, top (promising at first)'
    >>> default_recommender("find", [Assay("kcat")], Pool.combinatorial("MKTAYIAKQR", [1, 2, 3])).name
    'greedy, portfolio'
    """
    if goal == "learn":
        classes = all(a.goal == "classify" for a in assays)
        return Recommender(Variance() if len(assays) == 1 else Entropy(), LCMD() if classes else VarianceReduction())
    if len(assays) == 1:
        if pool.kind == "variants":
            return Recommender(Greedy(), TopK(), Promising()) if is_scan(pool) else Recommender(Greedy(), Portfolio())
        return Recommender(UpperConfidenceBound(2.0 if pool.kind == "compounds" else 1.0))
    return Recommender(Hypervolume() if len(assays) <= 3 else Scalarised(score=Greedy()))


#: how many candidates reach the choice of the batch
SHORTLIST = 4096


@dataclass(frozen=True)
class Choice:
    """One chosen candidate.

    Args:
        row: its row in the pool.
        score: what acquisition gave it; NaN without a model.
        mean, sd: prediction of the first assay and what the model does not know about it, as the model sees it
            (larger is better); for classes of the probability of the last class. NaN without a model.
        low, high: 90 % interval of one measurement, noise included; for classes of the probability.
        reason: why it was chosen, in words.
    """

    row: int
    score: float
    mean: float
    sd: float
    low: float
    high: float
    reason: str


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
    coordinates: Coordinates = letters,
    signs: Sequence[float] = (),
    progress: Progress | None = None,
) -> list[Choice]:
    """The next n candidates of a pool, best first; fewer only when fewer are left.

    The pool is scored in pieces and only a short list is kept, so ten million candidates need no more memory than one
    piece.

    Args:
        predictor: the model, or None when nothing is believed yet: then the choice is random, or spread over
            `coordinates` when the choice of the batch can do that.
        pool: what may be tested; rows which `pool.allowed` refuses are left out.
        n: how many.
        select: score and choice of the batch.
        seed: of draws, random choices and ties; the same seed gives the same choice.
        excluded: rows that must not be chosen: measured, on a plate, vetoed. Wins over `pinned`.
        pinned: rows that come first, in the order given.
        only: the rows to choose from, as when a screen has left few of a huge pool; None for the whole pool.
        dataset: what was measured (oriented: larger is better); gives the best value so far.
        threshold: [A] from which value a candidate is a hit.
        draws: S, joint draws for scores and choices that read them; None = as many as `select` wants.
        chunk: candidates in one piece.
        keep: how many candidates reach the choice of the batch; never fewer than 4 n.
        coordinates: features in which distance means difference.
        signs: [A] -1 for assays whose values were turned because less is better: reasons name them as they were; all
            1 when empty.
        progress: called with (candidates looked at, candidates in the pool).

    Raises:
        StateError: nothing is left to choose.
        ModelError: the model's prediction or a score is not finite, or the score does not fit the model.
    """
    if n < 1:
        raise StateError(f"{n} candidates were asked for; ask for at least one. Nothing was chosen.")
    if dataset is None or not len(dataset):
        select = select.at_start()
    eligible = CandidateFilter.of(pool, excluded, only)
    pins = eligible.among(pinned)[:n]
    evaluation = (
        None
        if predictor is None
        else AcquisitionEvaluation(predictor, pool, seed, draws or select.draws, dataset, threshold)
    )
    missing = n - len(pins)
    rows = np.zeros(0, np.int64)
    if missing:
        tie = np.random.default_rng([seed, 3])
        rows = shortlist(evaluation, select.score, eligible.without(pins), max(keep, 4 * missing), tie, chunk, progress)
    if not len(pins) and not len(rows):
        raise StateError(
            f"Nothing is left to propose: all {len(pool):,} candidates are measured, on a plate, vetoed or not "
            "allowed. Widen the pool or lift a veto."
        )
    missing = min(missing, len(rows))
    features = coordinates(pool, rows) if missing else np.zeros((0, 1), np.float32)
    rng = np.random.default_rng([seed, 4])
    if evaluation is None:
        return _pinned_blind(pins) + _blind(rows, missing, select, features, rng)
    return _pinned(evaluation, pins, select) + _seen(
        evaluation, rows, missing, select, features, rng, np.array(signs or 1.0)
    )


def _seen(
    evaluation: AcquisitionEvaluation,
    rows: np.ndarray,
    n: int,
    select: Recommender,
    features: np.ndarray,
    rng: np.random.Generator,
    signs: np.ndarray,
) -> list[Choice]:
    if not n:
        return []
    prediction = evaluation.prediction(rows, select.needs_draws)
    context = evaluation.context(len(prediction.noise), select.needs_draws)
    scores = evaluation.score(select.score, prediction, context)
    chosen = select.batch(prediction, scores, n, replace(context, rng=rng), features)
    told = (
        prediction
        if prediction.classes
        else replace(prediction, mean=prediction.mean * signs, draws=prediction.draws * signs)
    )
    return [_choice(rows, prediction, scores, int(i), select.reason(told, int(i))) for i in chosen]


def _pinned(evaluation: AcquisitionEvaluation, pins: np.ndarray, select: Recommender) -> list[Choice]:
    if not len(pins):
        return []
    prediction = evaluation.prediction(pins, select.score.needs_draws)
    scores = evaluation.score(
        select.score, prediction, evaluation.context(len(prediction.noise), select.score.needs_draws)
    )
    return [_choice(pins, prediction, scores, i, "pinned by you") for i in range(len(pins))]


def _blind(
    rows: np.ndarray, n: int, select: Recommender, features: np.ndarray, rng: np.random.Generator
) -> list[Choice]:
    if not n:
        return []
    nothing = Prediction(np.zeros((0, len(rows), 1)), np.zeros((len(rows), 1)), np.ones((len(rows), 1)), np.zeros(1))
    if not select.batch.spreads:
        chosen, reason = rng.permutation(len(rows))[:n], "drawn at random: nothing is known yet"
    else:
        chosen = select.batch(nothing, np.zeros(len(rows)), n, AcquisitionContext.blank(rng), features)
        reason = "nothing is known yet: spread over the pool"
    return [_unknown(int(rows[i]), reason) for i in chosen]


def _pinned_blind(pins: np.ndarray) -> list[Choice]:
    return [_unknown(int(row), "pinned by you") for row in pins]


def _unknown(row: int, reason: str) -> Choice:
    nan = float("nan")
    return Choice(row, nan, nan, nan, nan, nan, reason)


def _choice(rows: np.ndarray, prediction: Prediction, scores: np.ndarray, i: int, reason: str) -> Choice:
    mean, sd, low, high = (float(x[0, 0]) for x in prediction.take(np.array([i])).marginals())
    return Choice(int(rows[i]), float(scores[i]), mean, sd, low, high, reason)
