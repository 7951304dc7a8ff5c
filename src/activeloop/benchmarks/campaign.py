"""One replayed campaign: a policy, a seed, and a landscape that answers at once."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from activeloop.benchmarks.landscape import Landscape
from activeloop.benchmarks.metrics import PREDICTED, Truth, spearman
from activeloop.benchmarks.policies import Policy
from activeloop.benchmarks.protocol import Protocol
from activeloop.measurements import Dataset
from activeloop.metrics import auroc
from activeloop.predictive import Predictor, mean_of

JUDGED = 10_000
"""Predictions are judged on at most this many candidates, drawn once a seed."""


@dataclass(frozen=True)
class Turn:
    """What one plate brought.

    Args:
        round: 0 is the first plate.
        labels: measured so far, this plate included.
        picks: names of the candidates on this plate, best first.
        metrics: name -> value; NaN when it was not judged.
        seconds: CPU seconds of fitting, scoring and choosing this plate (judging is not counted).
    """

    round: int
    labels: int
    picks: tuple[str, ...]
    metrics: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class Shared:
    """What all policies share under one seed: the first plate, and the candidates on which predictions are judged.

    Args:
        first_plate: [start] rows.
        held_out: rows that are never proposed (goal `learn`), else empty.
        judged: at most `JUDGED` rows; those that are measured in the end do not count.
    """

    first_plate: np.ndarray
    held_out: np.ndarray
    judged: np.ndarray

    @classmethod
    def of(cls, candidates: int, protocol: Protocol, seed: int) -> Shared:
        """Drawn from the seed alone.

        >>> Shared.of(50, Protocol(start=3), seed=7).first_plate.tolist()
        [10, 45, 24]
        """
        order = np.random.default_rng([seed, 0]).permutation(candidates)
        held_out, rest = np.split(order, [protocol.held_out(candidates)])
        judged = held_out if len(held_out) else np.random.default_rng([seed, 1]).permutation(candidates)
        return cls(rest[: protocol.start], held_out, judged[:JUDGED])


def replay_campaign(landscape: Landscape, policy: Policy, protocol: Protocol, seed: int) -> list[Turn]:
    """One whole campaign.

    Args:
        landscape: what answers.
        policy: what asks.
        protocol: the rules.
        seed: of the first plate and of every later choice.

    Returns:
        One turn a plate, the first plate first.

    Raises:
        ModelError: when a learner cannot be fitted; the campaign is abandoned.
    """
    shared = Shared.of(len(landscape), protocol, seed)
    truth = Truth(landscape.oriented, landscape.fit)
    dataset = unmeasured(landscape, protocol)
    turns: list[Turn] = []
    predictor, fit_seconds = None, 0.0
    for number in range(protocol.rounds + 1):
        clock = time.process_time()
        picks = _choose(dataset, predictor, policy, protocol, shared, seed, number)
        seconds = time.process_time() - clock + fit_seconds
        dataset = measured(dataset, picks, landscape, number)
        metrics = truth.found(dataset.rows)

        clock = time.process_time()
        last = number == protocol.rounds
        predictor = policy.fit(dataset, derived_seed(seed, number, 1)) if policy.needs_model(protocol, last) else None
        fit_seconds = time.process_time() - clock if policy.uses_model else 0.0

        metrics |= judge(predictor, dataset, truth, shared, protocol)
        names = tuple(landscape.pool.names(picks))
        turns.append(Turn(number, len(dataset), names, metrics, seconds))
    return turns


def unmeasured(landscape: Landscape, protocol: Protocol) -> Dataset:
    """The data set before the first plate."""
    return Dataset.of(landscape.pool, np.empty(0, np.int64), np.empty(0), protocol.measures(landscape.assay))


def measured(dataset: Dataset, picks: np.ndarray, landscape: Landscape, number: int) -> Dataset:
    """The data set with the answers to one more plate."""
    classify = dataset.assays[0].goal == "classify"
    answers = landscape.fit if classify else landscape.values
    new = Dataset.of(dataset.pool, picks, answers[picks].astype(np.float64), dataset.assays[0])
    return replace(
        dataset,
        rows=np.concatenate([dataset.rows, new.rows]),
        values=np.concatenate([dataset.values, new.values]),
        errors=np.concatenate([dataset.errors, new.errors]),
        rounds=np.concatenate([dataset.rounds, np.full(len(picks), number)]),
        censored=np.concatenate([dataset.censored, new.censored]),
    )


def judge(
    predictor: Predictor | None, dataset: Dataset, truth: Truth, shared: Shared, protocol: Protocol
) -> dict[str, float]:
    """How well a model predicts candidates that were not measured.

    Goal `learn`: the 20 % that are never proposed. Goal `find`: what is not measured yet (a fixed draw of 10,000 from
    larger pools); there, a candidate is called fit when its predicted value reaches that of the worst fit one.
    """
    rows = np.setdiff1d(shared.judged, dataset.rows)
    if predictor is None or not len(rows):
        return dict.fromkeys(PREDICTED, float("nan"))
    score = mean_of(predictor, dataset.pool, rows)[:, -1]
    border = truth.fit_from if protocol.goal == "find" else 0.5
    return {
        "spearman": spearman(score, truth.values[rows]),
        "auroc": auroc(score, truth.fit[rows]),
        "accuracy": float(np.mean((score >= border) == truth.fit[rows])),
    }


def derived_seed(*parts: int) -> int:
    """One seed from several, without overlap between rounds or uses."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def _choose(
    dataset: Dataset,
    predictor: Predictor | None,
    policy: Policy,
    protocol: Protocol,
    shared: Shared,
    seed: int,
    number: int,
) -> np.ndarray:
    """Rows of the next plate."""
    free = np.setdiff1d(np.arange(len(dataset.pool)), np.concatenate([dataset.rows, shared.held_out]))
    choice_seed = derived_seed(seed, number, 2)
    if number > 0:
        return policy.choose(dataset, predictor, free, protocol.batch, choice_seed)
    prior = policy.prior(dataset.pool) if protocol.first == "own" else None
    if prior is None:
        return shared.first_plate
    return policy.choose(dataset, prior, free, protocol.start, choice_seed)
