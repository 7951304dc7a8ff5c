"""Stopping: the gain of the last round, the expected gain of the next, and an advice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from activeloop.campaigns.state import CampaignState
from activeloop.campaigns.validation import ProspectiveValidation
from activeloop.candidates import Pool
from activeloop.measurements import Assay, Dataset, Measurement
from activeloop.prediction import Predictor

DRAWS = 256
"""Joint draws for the expected gain: its Monte Carlo error is a sixteenth of the gain's standard deviation."""
SMALL = 0.05
"""Stop when the expected gain is below this share of the standard deviation of all results."""


@dataclass(frozen=True)
class Gain:
    """The expected gain of the next round, in the unit of the first assay.

    Args:
        expected: mean over the model's joint draws of how far the best of the next picks beats the best so far.
            On a logarithmic scale the mean is that of the factors (their geometric mean).
        chance: share of the draws in which it beats it at all.
        relative: that mean on the scale of the model, in standard deviations of all results there.
    """

    expected: float
    chance: float
    relative: float = float("inf")


@dataclass(frozen=True)
class RoundReport:
    """The gain of the last round and the expected gain of the next, for the first assay.

    Args:
        round: rounds measured so far.
        measured: candidates measured so far.
        best_name, best: the best candidate so far and its mean, in the assay's unit.
        gained: how much better that is than the best before the last round (NaN in the first).
        gain: expected from the next round; None without a model or with nothing left.
        next_size: how many candidates the next round would test.
        validation: the last prospective validation, or None.
        wells: results so far, controls and replicates included.
        cost, next_cost: in the currency of the price; None without one.
        advice: `go on`, `stop` or `cannot say`.
        sentence: the advice and why, in words.
    """

    round: int
    measured: int
    best_name: str
    best: float
    gained: float
    gain: Gain | None
    next_size: int
    validation: ProspectiveValidation | None
    wells: int
    cost: float | None
    next_cost: float | None
    advice: str
    sentence: str


def expected_gain(model: Predictor, pool: Pool, rows: np.ndarray, dataset: Dataset, seed: int) -> Gain | None:
    """The expected gain of measuring `rows`, from joint draws.

    Args:
        model: the fitted model.
        pool: its pool.
        rows: [N] the next picks.
        dataset: what was measured (not oriented).
        seed: of the draws.

    Returns:
        None when there are no picks, no values, or the model predicts classes.
    """
    values = dataset.oriented().values[:, 0]
    if not len(rows) or np.isnan(values).all():
        return None
    prediction = model.predict(pool, rows, seed, DRAWS)
    if prediction.classes or not len(prediction.draws):
        return None
    # The largest of many noisy results is too large: where the model predicts less, that is the best so far.
    top = int(np.nanargmax(values))
    seen = model.predict(pool, dataset.rows[[top]], seed, DRAWS)
    if not prediction.maps:
        return _gain(prediction.draws[:, :, 0], seen.draws[:, 0, 0], values)
    places = prediction.maps[0].place(values)
    found = _gain(prediction.on_scale.draws[:, :, 0], seen.on_scale.draws[:, 0, 0], places)
    if not prediction.maps[0].log:
        return found
    start = np.median(np.minimum(places[top], seen.on_scale.draws[:, 0, 0]))
    ends = prediction.maps[0].inverse(np.array([start, start + found.expected]))
    return replace(found, expected=float(ends[1] - ends[0]))


def _gain(draws: np.ndarray, seen: np.ndarray, values: np.ndarray) -> Gain:
    """By joint draws [S, N] of the next picks and [S] of the best so far, beside values [M] (NaN: not measured)."""
    best = np.minimum(np.nanmax(values), seen)
    beyond = np.maximum(draws.max(1) - best, 0.0)
    spread = float(np.nanstd(values))
    expected = float(beyond.mean())
    return Gain(expected, float((beyond > 0).mean()), expected / spread if spread > 0 else float("inf"))


def report(
    state: CampaignState,
    dataset: Dataset,
    validation: ProspectiveValidation | None,
    gain: Gain | None,
    next_size: int,
    price: float | None,
) -> RoundReport:
    """The report of a campaign in which something was measured."""
    values = dataset.oriented().values[:, 0]
    top = int(np.nanargmax(values)) if not np.isnan(values).all() else 0
    before = values[dataset.rounds < state.rounds - 1]
    gained = values[top] - np.nanmax(before) if np.isfinite(before).any() else float("nan")
    wells = len({_well(r.measurement) for r in state.results})
    advice, sentence = _advise(gain, validation, values, dataset.assays[0])
    return RoundReport(
        round=state.rounds,
        measured=len(dataset),
        best_name=dataset.pool.names(dataset.rows[[top]])[0],
        best=float(dataset.values[top, 0]),
        gained=float(gained),
        gain=gain,
        next_size=next_size,
        validation=validation,
        wells=wells,
        cost=None if price is None else wells * price,
        next_cost=None if price is None else next_size * price,
        advice=advice,
        sentence=sentence,
    )


def _well(m: Measurement) -> tuple[str | int, ...]:
    """The key of what is paid for once: a well may carry several assays."""
    return (m.plate, m.well) if m.well else (m.file, m.row, m.candidate, m.replicate)


def _advise(
    gain: Gain | None, validation: ProspectiveValidation | None, values: np.ndarray, assay: Assay
) -> tuple[str, str]:
    if assay.goal == "classify":
        return (
            "cannot say",
            "Classes have no best value: look at the prospective validation of the last plate.",
        )
    if gain is None:
        return "cannot say", "There is no model to predict another round, or nothing is left to test."
    unit = assay.unit
    spread, unit = float(np.nanstd(values)), f" {unit}" if unit else ""
    promise = f"The next round is expected to raise the best by {gain.expected:.3g}{unit} (chance {gain.chance:.0%})"
    doubt = ""
    if validation and (validation.spearman < 0.1 or validation.coverage < 0.5):
        doubt = (
            f" Treat this with caution: on plate {validation.proposal} predictions and results agreed badly "
            f"(Spearman {validation.spearman:.2f}, {validation.coverage:.0%} of results in their 90 % interval)."
        )
    if gain.relative < SMALL:
        return (
            "stop",
            f"{promise}, little against the standard deviation of {spread:.3g}{unit} of all results: stop here.{doubt}",
        )
    return "go on", f"{promise}: go on.{doubt}"


def best_by_round(state: CampaignState, dataset: Dataset) -> Iterable[float]:
    """The best value (first assay, in its unit) after each round."""
    oriented, sign = dataset.oriented().values[:, 0], dataset.assays[0].sign
    for number in range(state.rounds):
        seen = oriented[dataset.rounds <= number]
        yield float(sign * np.nanmax(seen)) if np.isfinite(seen).any() else float("nan")
