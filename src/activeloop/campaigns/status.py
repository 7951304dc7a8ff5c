"""The status of a campaign, and what to do next in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from activeloop.acquisition.combining import ENOUGH, measured_counts
from activeloop.campaigns.events import StudentRecord, Version
from activeloop.campaigns.front import Front, front_of, logarithmic
from activeloop.campaigns.results import StoredResults
from activeloop.campaigns.state import CampaignState
from activeloop.campaigns.stopping import best_by_round
from activeloop.campaigns.validation import ProspectiveValidation, validate_each
from activeloop.candidates import is_scan
from activeloop.measurements import Dataset
from activeloop.measurements.arrays import numbers_in
from activeloop.measurements.dataset import better_of_two, resolved


@dataclass(frozen=True)
class Leader:
    """The best candidate in one assay.

    Args:
        assay: the assay's name.
        unit: its unit.
        name: the candidate's standard notation.
        value, error: its mean and that mean's standard error (0 = not known), in the unit, corrected for plates.
        measured: the mean as it was measured.
        side: `<` or `>` where the value is a limit, else "".
    """

    assay: str
    unit: str
    name: str
    value: float
    error: float
    measured: float
    side: str = ""


@dataclass(frozen=True)
class Status:
    """The status of a campaign.

    Args:
        pool: its origin in one sentence.
        size: candidates in it.
        rounds: proposals of which results came back.
        proposals: made so far.
        earlier: results that count and came before the first proposal.
        measured: candidates with a result that counts, controls left out.
        results: rows that count; `voided` those that do not any more.
        control_results: rows of controls that count; `controls` their names.
        awaiting: names of candidates on a plate without any result.
        missing: those of them whose plate already came back.
        pinned, vetoed: names.
        leaders: the best candidate of each assay that has results and whose best is looked for, of candidates that are
            known to meet all thresholds.
        conditions: (what is good enough, candidates known to meet it, candidates of which that is known) of each assay
            with a threshold, and of all together where there are several.
        hits: candidates that reach the stated value of a hit in each assay that has one and meet all thresholds; where
            none is stated, those with the better value of an assay of two values; None for all others.
        hits_by_round: how many of them came with each round; () where `hits` is None.
        front: of several assays whose best is looked for, else None.
        best_by_round: best value of the first of these assays after each round, from the first with a value that
            counts.
        versions: all fitted versions.
        current: the one that predicts and proposes, or None.
        held_back: why the last version is not current, in words; "" when it is, or when an earlier one was promoted.
        validations: the last prospective validation of each assay that has one.
        stale: results came in since the last fit.
        files: (event, source) of each stored file.
        unused: whether all results were voided, so that no version is used any more.
        next_step: what to do now, in words.
        student: the last one of the latest version that has one, or None.
        learned: candidates with a value that a learner sees: those measured, and controls that are in the pool.
        binary: names of the assays that have 0 and 1 alone, stated or seen.
    """

    pool: str
    size: int
    rounds: int
    proposals: int
    earlier: int
    measured: int
    results: int
    voided: int
    controls: tuple[str, ...]
    control_results: int
    awaiting: tuple[str, ...]
    missing: tuple[str, ...]
    pinned: tuple[str, ...]
    vetoed: tuple[str, ...]
    leaders: tuple[Leader, ...]
    conditions: tuple[tuple[str, int, int], ...]
    hits: int | None
    front: Front | None
    best_by_round: tuple[float, ...]
    versions: tuple[Version, ...]
    current: Version | None
    held_back: str
    validations: tuple[ProspectiveValidation, ...]
    stale: bool
    unused: bool
    next_step: str
    student: StudentRecord | None = None
    hits_by_round: tuple[int, ...] = ()
    learned: int = 0
    binary: tuple[str, ...] = ()

    @property
    def student_stale(self) -> bool:
        """Whether another version than the student's teacher is current; it can still be used."""
        return self.student is not None and self.current is not None and self.student.version != self.current.number


def status_of(state: CampaignState, dataset: Dataset, stale: bool, hit: Sequence[float] | None) -> Status:
    """The status that follows from a state and its data set."""
    dataset = resolved(dataset)
    first = state.proposal_events[0] if state.proposals else state.last + 1
    stored, names = state.stored, state.stored.texts.names
    of_controls = stored.standing & stored.rows["control"] & ~np.isnan(stored.rows["value"])
    controls = names.at(stored.rows["candidate"][of_controls])
    events, candidates = (stored.rows[name][stored.counting] for name in ("event", "candidate"))
    if hit is None and (better := better_of_two(dataset)) is not None:
        hit = (better,)
    hits = None if hit is None else _hits(dataset, hit)
    return Status(
        pool=dataset.pool.origin,
        size=len(dataset.pool),
        rounds=state.rounds_measured,
        proposals=len(state.proposals),
        earlier=int((events < first).sum()),
        measured=len(numbers_in(candidates)),
        results=len(events),
        voided=int((~stored.standing).sum()),
        controls=tuple(dict.fromkeys(controls)),
        control_results=len(controls),
        awaiting=tuple(sorted(state.awaiting)),
        missing=tuple(sorted(state.missing)),
        pinned=tuple(state.pinned),
        vetoed=tuple(state.vetoed),
        leaders=_leaders(state, dataset),
        conditions=_conditions(dataset),
        hits=None if hits is None else int(hits.sum()),
        front=front_of(dataset, state.rounds, logarithmic(dataset.assays, state.current)),
        best_by_round=tuple(value for value in best_by_round(state, dataset) if value == value),
        versions=state.versions,
        current=state.current,
        held_back=_held_back(state),
        validations=validate_each(state, dataset),
        stale=stale,
        unused=bool(state.versions) and state.latest is None,
        next_step=_next_step(state, dataset, stale),
        student=state.student,
        learned=len(dataset),
        binary=tuple(a.name for a in dataset.assays if a.binary),
        hits_by_round=() if hits is None else tuple(np.bincount(dataset.rounds[hits], minlength=state.rounds).tolist()),
    )


def _held_back(state: CampaignState) -> str:
    latest, current = state.latest, state.current
    return "" if latest is None or latest == current else state.held_back.get(latest.number, "")


def _leaders(state: CampaignState, dataset: Dataset) -> tuple[Leader, ...]:
    leaders, enough = [], dataset.meets_all() == 1
    for a, assay in enumerate(dataset.assays):
        if not np.isnan(dataset.limits[a]) or assay.binary:
            continue  # good enough is good enough, and of two values the better is that of every hit
        values = np.where(enough, dataset.reached[:, a], np.nan)
        if not np.isfinite(values).any():  # limits alone: the least strict is shown as what it is
            values = np.where(enough, dataset.values[:, a], np.nan) * assay.sign
        if np.isfinite(values).any():
            i = int(np.nanargmax(values))
            name = dataset.pool.names(dataset.rows[[i]])[0]
            value, error = float(dataset.values[i, a]), float(dataset.errors[i, a])
            own = _values_of(state.stored, name, assay.name)
            # A class is decided by majority, and of limits alone the tightest counts: neither is a mean.
            raw = value if assay.goal == "classify" or dataset.censored[i, a] or not len(own) else float(np.mean(own))
            side = "<" if dataset.censored[i, a] < 0 else ">" * int(dataset.censored[i, a])
            leaders.append(Leader(assay.name, assay.unit, name, value, error, raw, side))
    return tuple(leaders)


def _conditions(dataset: Dataset) -> tuple[tuple[str, int, int], ...]:
    limited = np.flatnonzero(~np.isnan(dataset.limits)).tolist()
    each = dataset.feasible()[:, limited]
    counted = [(dataset.assays[a].condition, each[:, k]) for k, a in enumerate(limited)]
    counted += [("all thresholds", dataset.meets_all())] if len(limited) > 1 else []
    return tuple((words, int((one == 1).sum()), int((~np.isnan(one)).sum())) for words, one in counted)


def _hits(dataset: Dataset, hit: Sequence[float]) -> np.ndarray:
    """Which candidates reach the stated value of a hit in each assay that has one and meet all thresholds: [N]."""
    signs = np.array([a.sign for a in dataset.assays])
    reached = np.isnan(hit) | (dataset.values * signs >= np.array(hit) * signs)
    return reached.all(1) & (dataset.meets_all() == 1)


def _values_of(stored: StoredResults, name: str, assay: str) -> np.ndarray:
    """The values of a candidate that count, those of controls included."""
    rows, texts = stored.rows[stored.standing], stored.texts
    mine = (rows["candidate"] == texts.names.find(name)) & (rows["assay"] == texts.words.find(assay))
    return rows["value"][mine & ~np.isnan(rows["value"])]


def _next_step(state: CampaignState, dataset: Dataset, stale: bool) -> str:
    if out := state.outstanding:
        return f"Measure proposal {out.number} ({len(out.picks)} candidates), then record its results."
    if not len(dataset):
        again = "All results were voided. " if state.results else ""
        return f"{again}Record what you have measured already, or propose a {'new' if again else 'first'} plate."
    combine = " Or combine the best hits: `activeloop extend DIR`." if _combinable(state, dataset) else ""
    if stale:
        return f"Propose the next plate: a new version is fitted to the new results first.{combine}"
    return f"Propose the next plate, or stop if the best is good enough.{combine}"


def _combinable(state: CampaignState, dataset: Dataset) -> bool:
    """Whether enough single mutants of a scan were measured, and nothing was added to its pool yet."""
    if state.extensions or dataset.pool.kind != "variants" or len(dataset) < ENOUGH or not is_scan(dataset.pool):
        return False
    return measured_counts(dataset)[0] >= ENOUGH and dataset.assays[0].goal != "classify"
