"""Stopping: the gain of the last round, the expected gain of the next, the model's skill, and an advice."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from activeloop.acquisition.multiobjective import gain as added_volume
from activeloop.acquisition.multiobjective import hypervolume, pareto, reference_point
from activeloop.campaigns.front import MOST, Front, front_of, logarithmic, sought
from activeloop.campaigns.results import StoredResults
from activeloop.campaigns.state import CampaignState
from activeloop.campaigns.validation import ProspectiveValidation
from activeloop.candidates import Pool
from activeloop.measurements import Assay, Dataset
from activeloop.measurements.dataset import better_of_two, levels_of
from activeloop.metrics import spearman_interval, two_words
from activeloop.prediction import Predictor

DRAWS = 256
"""Joint draws for the expected gain: its Monte Carlo error is a sixteenth of the gain's standard deviation."""
SMALL = 0.05
"""Stop when the expected gain is below this share of the standard deviation of all results."""
SMALL_VOLUME = 0.01
"""Stop when the hypervolume below the front is expected to grow by less than this share of itself."""
SMALL_SKILL = 0.01
"""Of an accurate model: stop when two more versions did not raise the held-out correlation by this much each."""
LIKELY = 0.05
"""Stop when it is less probable than this that any candidate of the next round is good enough."""

Aim = Literal["best", "front", "enough", "fit"]


@dataclass(frozen=True)
class Gain:
    """The expected gain of the next round.

    Args:
        expected: mean over the model's joint draws: how far the best of the next picks beats the best so far, in the
            unit of its assay (`best`); the volume that they add below the front as a share of it (`front`); how many
            of them are good enough in every assay (`enough`), or of the class `fit` or have the better of two values
            (`fit`).
            On a logarithmic scale the mean is that of the factors (their geometric mean).
        chance: share of the draws in which there is any such gain.
        relative: of `best`, that mean on the scale of the model, in standard deviations of all results there.
        aim: which of these.
        extending: picks that would lie beyond the front, and the probability of it, the likeliest first (`front`).
    """

    expected: float
    chance: float
    relative: float = math.inf
    aim: Aim = "best"
    extending: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Skill:
    """How well the current version ranks candidates of one assay that it was not fitted to.

    Args:
        assay: its name.
        spearman: rank correlation of held-out predictions and values.
        values: how many.
        low, high: its 90 % interval.
        told: how well two values are told apart, in words; "" for other assays.
    """

    assay: str
    spearman: float
    values: int
    low: float
    high: float
    told: str = ""

    def __str__(self) -> str:
        if self.told:
            return f"held-out {self.told} on {self.values:,} values"
        interval = f"90 % interval {self.low:.2f} to {self.high:.2f}"
        return f"held-out Spearman {self.spearman:.2f} on {self.values:,} values, {interval}"


def skills(metrics: Mapping[str, float], assays: Sequence[Assay]) -> tuple[Skill, ...]:
    """The skill in each assay for which a version has held-out values.

    >>> [str(s) for s in skills({"held_out": 28.0, "held_out_spearman": 0.5}, [Assay("kcat")])]
    ['held-out Spearman 0.50 on 28 values, 90 % interval 0.20 to 0.72']
    """
    found = []
    for assay in assays:
        prefix = "" if len(assays) == 1 else f"{assay.name} "
        rank, count = metrics.get(f"{prefix}held_out_spearman"), metrics.get(f"{prefix}held_out")
        if rank is not None and count is not None:
            interval = spearman_interval(rank, round(count))
            found.append(Skill(assay.name, rank, round(count), *interval, two_words(metrics, prefix)))
    return tuple(found)


@dataclass(frozen=True)
class RoundReport:
    """The gain of the last round and the expected gain of the next.

    Args:
        round: proposals of which results came back, as in `Status.rounds`.
        measured: candidates measured so far.
        assay: that `best` is of: the first whose best is looked for and that has results, else the first.
        best_name, best: the best candidate so far and its mean, in the assay's unit; of candidates that are known to
            meet all thresholds. "" and NaN while there is none.
        gained: how much better that is than the best before the last round (NaN in the first); of an assay of two
            values alone the hits of the last round.
        met: candidates known to be good enough in every assay; None where no assay has a threshold. For an assay of
            classes alone those that are fit, for one of two values its hits.
        front: of several assays whose best is looked for, else None.
        gain: expected from the next round; None without a model or with nothing left.
        skills: of the current version in each assay that has held-out values.
        next_size: how many candidates the next round would test.
        validations: the last prospective validation of each assay that has one.
        wells: results so far, controls and replicates included.
        cost, next_cost: in the currency of the price; None without one.
        advice: `go on`, `stop` or `cannot say`.
        sentence: the advice and why, in words.
    """

    round: int
    measured: int
    assay: Assay
    best_name: str
    best: float
    gained: float
    met: int | None
    front: Front | None
    gain: Gain | None
    skills: tuple[Skill, ...]
    next_size: int
    validations: tuple[ProspectiveValidation, ...]
    wells: int
    cost: float | None
    next_cost: float | None
    advice: str
    sentence: str


def expected_gain(model: Predictor, pool: Pool, rows: np.ndarray, dataset: Dataset, seed: int) -> Gain | None:
    """The expected gain of measuring `rows`, from joint draws.

    Predicted values beyond the bounds of an assay count as the bound. Where assays have thresholds, a draw counts in
    which they are met.

    Args:
        model: the fitted model.
        pool: its pool.
        rows: [N] the next picks.
        dataset: what was measured (not oriented), in the assays that the model predicts.
        seed: of the draws.

    Returns:
        None when there are no picks or no values.
    """
    if not len(rows) or np.isnan(dataset.values).all():
        return None
    oriented, limits, columns = dataset.oriented(), dataset.oriented().limits, sought(dataset)
    enough = dataset.meets_all() == 1
    known = np.where(enough, oriented.values[:, columns[0]], np.nan) if len(columns) == 1 else np.full(1, np.nan)
    leader = dataset.rows[[int(np.nanargmax(known))]] if np.isfinite(known).any() else rows[:0]
    # together, since drawing functions costs more than evaluating them
    together = model.predict(pool, np.concatenate([rows, leader]), seed, DRAWS)
    prediction, seen = (together.take(part) for part in np.split(np.arange(len(together)), [len(rows)]))
    if prediction.classes or [a.goal for a in dataset.assays] == ["classify"]:
        return _of_chances(np.clip(prediction.mean[:, -1], 0, 1))
    if better_of_two(dataset) is not None:  # nothing is better than a hit: more of them are looked for
        low, high = levels_of(oriented) or (0.0, 1.0)
        return _of_chances(np.clip((prediction.mean[:, 0] - low) / (high - low), 0, 1))
    if not len(prediction.draws):
        return None
    draws = _within_bounds(prediction.draws, dataset.assays)
    met = np.all(np.isnan(limits) | (draws >= limits), axis=2)
    places = prediction.places(oriented.values)
    values = places[enough][:, columns]
    values = values[~np.isnan(values).any(1)]
    if not columns or not len(values):
        return Gain(float(met.sum(1).mean()), float(met.any(1).mean()), aim="enough")
    ahead = replace(prediction, draws=draws).on_scale
    if len(columns) > 1:
        names, reference = pool.names(rows), reference_point(places[:, columns])
        return _front_gain(ahead.draws[:, :, columns], met, values, reference, names) if len(columns) <= MOST else None
    column = columns[0]
    # The largest of many noisy results is too large: where the model predicts less, that is the best so far.
    so_far = replace(seen, draws=_within_bounds(seen.draws, dataset.assays)).on_scale
    places = places[:, column]
    best = np.minimum(np.nanmax(places[enough]), so_far.draws[:, 0, column])
    beyond = np.maximum(np.where(met, ahead.draws[:, :, column], -np.inf).max(1) - best, 0.0)
    spread = float(np.std(places[np.isfinite(places)]))
    expected = float(beyond.mean())
    relative = expected / spread if spread > 0 else math.inf
    if prediction.maps and prediction.maps[column].log:
        # in values from what was measured, where the model takes that for luck: no step is larger than what is left
        starts = np.array([np.median(best), np.nanmax(places[enough])])
        to, start = (prediction.maps[column].inverse(starts + step) for step in (expected, 0.0))
        expected = float((to - start).min())
    return Gain(expected, float((beyond > 0).mean()), relative)


def _of_chances(chances: np.ndarray) -> Gain:
    """Expected hits among picks with these probabilities [N]."""
    return Gain(float(chances.sum()), float(1 - np.prod(1 - chances)), aim="fit")


def _within_bounds(draws: np.ndarray, assays: Sequence[Assay]) -> np.ndarray:
    """Draws [S, N, A], larger being better, of which none is beyond what the assay can have."""
    ends = np.sort([[a.sign * end for end in a.ends] for a in assays], axis=1)
    return np.clip(draws, ends[:, 0], ends[:, 1])


def _front_gain(
    draws: np.ndarray, met: np.ndarray, values: np.ndarray, reference: np.ndarray, names: list[str]
) -> Gain:
    front = pareto(values)
    before = hypervolume(front, reference)
    after = np.array([hypervolume(np.vstack([front, one[ok]]), reference) for one, ok in zip(draws, met, strict=True)])
    size, count, assays = draws.shape
    added = added_volume(draws.reshape(-1, assays), front, reference).reshape(size, count)
    extends = (added > 0) & met
    chance = extends.mean(0)
    order = np.argsort(-chance, kind="stable")
    extending = tuple((names[i], float(chance[i])) for i in order[:5].tolist() if chance[i] > 0)
    grown = np.maximum(after - before, 0.0)
    share = float(grown.mean()) / before if before > 0 else math.inf
    return Gain(share, float(extends.any(1).mean()), aim="front", extending=extending)


def report(
    state: CampaignState,
    dataset: Dataset,
    validations: Sequence[ProspectiveValidation],
    gain: Gain | None,
    next_size: int,
    price: float | None,
    goal: Literal["find", "learn"] = "find",
    predicted: Sequence[Assay] = (),
    stale: bool = False,
) -> RoundReport:
    """The report of a campaign in which something was measured.

    Args:
        state: of the campaign.
        dataset: of that state (not oriented).
        validations: the last prospective validation of each assay that has one.
        gain: expected from the next round, or None.
        next_size: how many candidates it would test.
        price: of a well, or None.
        goal: of the campaign.
        predicted: assays of the current version, () without one.
        stale: whether results came in since.
    """
    column = (sought(dataset) or [0])[0]
    values = _counting(dataset, column)
    top = int(np.nanargmax(values)) if not np.isnan(values).all() else None
    before = values[dataset.rounds < state.rounds - 1]
    gained = np.nanmax(values) - np.nanmax(before) if np.isfinite(before).any() else float("nan")
    wells = _wells(state.stored)
    known = skills(state.current.metrics, predicted) if state.current else ()
    met = None if np.isnan(dataset.limits).all() else int((dataset.meets_all() == 1).sum())
    if len(dataset.assays) == 1 and dataset.assays[0].goal == "classify":
        met = int((dataset.values[:, 0] == 1).sum())
    if (better := better_of_two(dataset)) is not None:
        hits = dataset.values[:, 0] == better
        met, gained = int(hits.sum()), float(hits[dataset.rounds == state.rounds - 1].sum())
    front = front_of(dataset, state.rounds, logarithmic(dataset.assays, state.current))
    advice, sentence = _advise(state, dataset, validations, gain, known, goal, next_size, column)
    if stale and state.current is not None:
        sentence += f" Version {state.current.number} does not know the last results: `propose` or `fit` first."
    return RoundReport(
        round=state.rounds_measured,
        measured=len(dataset),
        assay=dataset.assays[column],
        best_name="" if top is None else dataset.pool.names(dataset.rows[[top]])[0],
        best=math.nan if top is None else float(dataset.values[top, column]),
        gained=float(gained),
        met=met,
        front=front,
        gain=gain,
        skills=known,
        next_size=next_size,
        validations=tuple(validations),
        wells=wells,
        cost=None if price is None else wells * price,
        next_cost=None if price is None else next_size * price,
        advice=advice,
        sentence=sentence,
    )


def _counting(dataset: Dataset, column: int) -> np.ndarray:
    """[N] oriented values of an assay that are reached, NaN where the candidate is not known to meet the thresholds."""
    return np.where(dataset.meets_all() == 1, dataset.reached[:, column], np.nan)


def _wells(stored: StoredResults) -> int:
    """How much was paid for: a well may carry several assays."""
    rows = stored.rows
    in_well = rows["well"] != stored.texts.words.find("")
    keys = (("plate", "well"), in_well), (("file", "row", "candidate", "replicate"), ~in_well)
    return sum(len(set(zip(*(rows[name][some].tolist() for name in names), strict=True))) for names, some in keys)


def _advise(
    state: CampaignState,
    dataset: Dataset,
    validations: Sequence[ProspectiveValidation],
    gain: Gain | None,
    known: Sequence[Skill],
    goal: str,
    next_size: int,
    column: int,
) -> tuple[str, str]:
    if state.current is None:
        return "cannot say", "No model was fitted to the results yet: `activeloop fit` does it, and `propose` too."
    proven = {v.assay for v in validations if spearman_interval(v.spearman, v.candidates)[0] > 0}
    blind = [s for s in known if s.low <= 0 and s.assay not in proven]
    if blind and len(blind) == len(known):
        skill = "; ".join(f"{s.assay}: {s}" if len(known) > 1 else str(s) for s in blind)
        return (
            "cannot say",
            f"The model predicts no better than chance here ({skill}), so what it expects of the next round means "
            "nothing: measure a plate spread over the pool, and look at replicates and controls of the assay.",
        )
    if goal == "learn":
        return _advise_learning(state, known)
    if gain is None:
        return "cannot say", "There is no model to predict another round, or nothing is left to test."
    doubt = " ".join(_doubts(validations, blind, len(dataset.assays) > 1))
    advice, sentence = _of_gain(dataset, gain, next_size, column)
    return advice, f"{sentence} {doubt}".rstrip()


def _doubts(validations: Sequence[ProspectiveValidation], blind: Sequence[Skill], several: bool) -> Iterator[str]:
    for v in validations:
        if v.hits == v.hits:
            if v.hits < v.expected - 2 * v.spread:
                yield (
                    f"Treat this with caution: on plate {v.proposal} {v.expected:.1f} hits{f' of {v.assay}' * several} "
                    f"were expected, and {v.hits:.0f} came."
                )
        elif v.spearman < 0.1 or v.coverage < 0.5:
            held = f", {v.coverage:.0%} of results in their 90 % interval" if v.coverage == v.coverage else ""
            of = f" of {v.assay}" if several else ""
            yield (
                f"Treat this with caution: on plate {v.proposal} predictions and results{of} agreed badly "
                f"(Spearman {v.spearman:.2f}{held})."
            )
    for skill in blind:
        yield f"Of {skill.assay} the model predicts no better than chance here ({skill})."


def _of_gain(dataset: Dataset, gain: Gain, next_size: int, column: int) -> tuple[str, str]:
    """The advice for a campaign that looks for the best."""
    conditions = " and ".join(a.condition for a in dataset.assays if a.condition) if len(dataset.assays) > 1 else ""
    if gain.aim == "fit":
        better = better_of_two(dataset)
        found, what = int((dataset.values[:, 0] == (1 if better is None else better)).sum()), "fit"
        if better is not None:
            what = f"hits ({dataset.assays[column].name} {better:g})"
        measured = f"; {found:,} of {len(dataset):,} measured are"
        promise = f"Of the next {next_size:,} candidates {gain.expected:.3g} are expected to be {what}{measured}"
        return ("go on", f"{promise}: go on.") if gain.expected >= 1 else ("stop", f"{promise}: stop here.")
    if gain.aim == "enough":
        found = int((dataset.meets_all() == 1).sum())
        conditions = " and ".join(a.condition for a in dataset.assays if a.condition)
        so_far = f"{found:,} measured candidates meet" if found else "No measured candidate meets"
        promise = (
            f"{so_far} {conditions}{'' if found else ' yet'}; of the next {next_size:,} candidates "
            f"{gain.expected:.3g} are expected to (chance of any {gain.chance:.0%})"
        )
        return ("go on", f"{promise}: go on.") if gain.chance >= LIKELY else ("stop", f"{promise}: stop here.")
    if gain.aim == "front":
        promise = (
            f"The next round is expected to raise the volume below the front by {gain.expected:.2%} of itself "
            f"(chance that it extends the front {gain.chance:.0%})"
            if math.isfinite(gain.expected)
            else f"The next round is expected to extend the front with a chance of {gain.chance:.0%}"
        )
        return ("go on", f"{promise}: go on.") if gain.expected >= SMALL_VOLUME else ("stop", f"{promise}: stop here.")
    assay = dataset.assays[column]
    unit = f" {assay.unit}" if assay.unit else ""
    which = "the best" if len(dataset.assays) == 1 else f"the best {assay.name}"
    within = f" with {conditions}" if conditions else ""
    promise = (
        f"The next round is expected to {'lower' if assay.sign < 0 else 'raise'} {which}{within} by "
        f"{gain.expected:.3g}{unit} (chance {gain.chance:.0%})"
    )
    if gain.relative < SMALL:
        share = f"{gain.relative:.1%} of the standard deviation of all results on the scale of the model"
        return "stop", f"{promise}, {share}: stop here."
    return "go on", f"{promise}: go on."


def _advise_learning(state: CampaignState, known: Sequence[Skill]) -> tuple[str, str]:
    """The advice for a campaign that wants an accurate model: whether more labels still help."""
    if not known:
        return "cannot say", "The model has too few held-out values to tell how accurate it is: measure another plate."
    keys = [f"{s.assay} held_out_spearman" if len(known) > 1 else "held_out_spearman" for s in known]
    several = [[v.metrics[k] for k in keys if k in v.metrics] for v in state.versions]
    course = [float(np.mean(one)) for one in several if len(one) == len(keys)]
    now = "; ".join(f"{s.assay}: {s}" if len(known) > 1 else str(s) for s in known)
    if len(course) < 3:
        return "go on", f"The model's {now}; two versions more show whether further plates still help: go on."
    steps = np.diff(course[-3:])
    words = f"The model's {now}; the last two versions changed it by {steps[0]:+.3f} and {steps[1]:+.3f}"
    if (steps < SMALL_SKILL).all():
        return "stop", f"{words}: further plates of this kind help little, stop here."
    return "go on", f"{words}: go on."


def best_by_round(state: CampaignState, dataset: Dataset) -> Iterable[float]:
    """The best value after each round, in the unit of the first assay whose best is looked for.

    Only candidates known to meet all thresholds count.
    """
    column = (sought(dataset) or [0])[0]
    oriented, sign = _counting(dataset, column), dataset.assays[column].sign
    best = np.full(state.rounds, np.nan)
    first, counts = dataset.rounds, np.isfinite(oriented) & (dataset.rounds < state.rounds)
    np.fmax.at(best, first[counts], oriented[counts])
    yield from (sign * np.fmax.accumulate(best)).tolist()
