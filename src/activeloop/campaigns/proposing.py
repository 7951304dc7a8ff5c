"""From a state and a model to a proposal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from activeloop.acquisition import Choice, Recommender, choose, site_features
from activeloop.campaigns.reasons import Surroundings
from activeloop.campaigns.state import CampaignState
from activeloop.candidates import Pool
from activeloop.candidates.notation import WILD_TYPE, plain_name
from activeloop.errors import InputError, NotationError, check_type
from activeloop.measurements import Assay, Dataset
from activeloop.measurements.dataset import resolved
from activeloop.plates import Pick, PickPrediction, Proposal
from activeloop.prediction import Predictor

Progress = Callable[[int, int], None]
NO_MODEL = "chance: there is no model yet"


@dataclass(frozen=True)
class ProposalBuilder:
    """Makes proposals from states and models of one campaign.

    Args:
        pool: what may be tested.
        assays: what is measured.
        select: how candidates are chosen.
        hit: from which value a candidate is a hit in each assay (NaN: not stated), or None.
        controls: names of candidates that are controls and never proposed, see `controls_among`.
        prior: scores before any measurement, for the reasons of picks; None where there is none.
        coordinates: over which a plate is spread that no model chooses; None by residues.
    """

    pool: Pool
    assays: Sequence[Assay]
    select: Recommender
    hit: Sequence[float] | None
    controls: Sequence[str] = ()
    prior: Predictor | None = None
    coordinates: Callable[[Pool, np.ndarray], np.ndarray | None] | None = None

    def proposal(
        self,
        state: CampaignState,
        dataset: Dataset,
        model: Predictor | None,
        n: int,
        seed: int,
        retry_missing: bool,
        progress: Progress | None = None,
        *,
        predicted: Sequence[Assay] | None = None,
    ) -> Proposal:
        """The proposal that follows from a state.

        Args:
            state: of the campaign.
            dataset: of that state (not oriented).
            model: the current version or the prior; None when there is neither.
            n: how many candidates; fewer when fewer are left.
            seed: of the choice.
            retry_missing: whether candidates whose results never came may be chosen again.
            progress: called with (candidates looked at, candidates in the pool).
            predicted: the assays that the model predicts; () a score without a unit; None all assays.

        Raises:
            StateError: nothing is left.
        """
        predicted = self.assays if predicted is None else predicted
        known = [a.name for a in predicted] or [a.name for a in self.assays]
        pinned = rows_of_names(self.pool, [name for name in state.pinned if name not in self.controls])
        choices = choose(
            model,
            self.pool,
            n=n,
            select=self.select,
            seed=seed,
            excluded=self.taken(state, dataset, pinned, retry_missing),
            pinned=pinned.tolist(),
            dataset=dataset.oriented().only(known),
            threshold=self.threshold(known),
            progress=progress,
            coordinates=self._coordinates if model is None else site_features,
        )
        around = Surroundings.of(resolved(dataset), self.prior, seed).words([choice.row for choice in choices])
        picks = tuple(
            self._pick(choice, rank, predicted, beside)
            for rank, (choice, beside) in enumerate(zip(choices, around, strict=True), 1)
        )
        version = state.current.number if state.current else 0
        return Proposal(len(state.proposals) + 1, picks, version, seed, self._policy(state, model))

    def _coordinates(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        found = self.coordinates(pool, rows) if self.coordinates else None
        return site_features(pool, rows) if found is None else found

    def taken(self, state: CampaignState, dataset: Dataset, pinned: np.ndarray, retry_missing: bool) -> list[int]:
        """Rows that must not be chosen: controls, measured, on a plate, missing or vetoed, but for pinned ones."""
        # A pin brings back what was measured or is missing, but never what is on a plate right now.
        missing = frozenset() if retry_missing else state.missing
        done = {*dataset.rows.tolist(), *rows_of_names(self.pool, missing).tolist()} - set(pinned.tolist())
        barred = rows_of_names(self.pool, [*state.on_plate, *state.vetoed, *self.controls])
        return sorted(done | set(barred.tolist()))

    def _pick(self, choice: Choice, rank: int, predicted: Sequence[Assay], beside: str) -> Pick:
        candidate, sign = self.pool[choice.row], (predicted or self.assays)[0].sign
        low, high = sorted((sign * choice.low, sign * choice.high))
        each = zip(predicted, choice.each, strict=True) if choice.each and predicted else ()
        predictions = tuple(
            PickPrediction(a.name, a.sign * mean, *sorted((a.sign * low, a.sign * high)))
            for a, (mean, _, low, high) in each
        )
        mean, why = sign * choice.mean, f"{choice.reason}; {beside}" if beside else choice.reason
        labels, called = candidate.labels, self.pool.called(candidate.name) if candidate.labels else ""
        return Pick(candidate.id, candidate.name, rank, choice.score, mean, low, high, why, predictions, labels, called)

    def _policy(self, state: CampaignState, model: Predictor | None) -> str:
        if model is None:
            batch = self.select.at_start().batch
            return f"the batch strategy {batch.name}: there is no model yet" if batch.spreads else NO_MODEL
        version = state.current
        select = replace(self.select, first=None) if version else self.select.at_start()
        who = f"version {version.number} ({version.learner})" if version else "the prior: nothing was measured yet"
        return f"the score {select.score.name} and the batch strategy {select.batch.name}, from predictions of {who}"

    def threshold(self, names: Collection[str]) -> np.ndarray | None:
        """[A] from which value a candidate is a hit in these assays, larger being better; None when none is stated."""
        if self.hit is None:
            return None
        stated = zip(self.hit, self.assays, strict=True)
        return np.array([h * a.sign for h, a in stated if a.name in names], np.float64)


def controls_among(pool: Pool, control: str) -> tuple[str, ...]:
    """Standard names of candidates of a pool that control wells hold.

    Their wells are read as those of the control, and they are never proposed. The wild type may be both: it is on each
    plate as a control, and a candidate like any other.

    Args:
        pool: of the candidates.
        control: what control wells hold; "" where nothing is known of controls.

    >>> pool = Pool.combinatorial("MKTA", ["K2", "A4"])
    >>> controls_among(pool, "K2R"), controls_among(pool, "dead"), controls_among(pool, "WT")
    (('K2R',), (), ())
    """
    if plain_name(control) in WILD_TYPE:
        return ()
    own = pool.row_of(control)
    rows = pool.rows_labelled(control) if own is None else (own,)
    return tuple(name for name in (pool.names(rows) if rows else ()) if name != "WT")


def control_words(names: Sequence[str]) -> str:
    """What it means that candidates are controls, in a sentence; "" for none.

    >>> control_words(["K2R"])
    'K2R is a control: its wells are read as those of the control, and it is never proposed.'
    """
    if len(names) < 2:
        return (
            f"{names[0]} is a control: its wells are read as those of the control, and it is never proposed."
            if names
            else ""
        )
    return (
        f"{' and '.join(names)} are controls: their wells are read as those of controls, and they are never proposed."
    )


def rows_of_names(pool: Pool, names: Iterable[str]) -> np.ndarray:
    """The rows of those names that are in the pool: int64 [n]."""
    rows = pool.rows_of(names)
    return rows[rows >= 0]


def standard_names(pool: Pool, names: Sequence[str], offset: int | None = None) -> tuple[str, ...]:
    """Names in standard notation, each once.

    Args:
        pool: of the candidates.
        names: in any notation.
        offset: added to their positions; see `activeloop.candidates.Resolver`.

    Raises:
        InputError: there is none, or one is not in the pool; nothing was changed.
    """
    names = [names] * bool(names) if isinstance(names, str) else [] if names is None else names
    check_type(names, Iterable, "a list of names", 'some, such as ["A24G", "K2R"]')
    names = list(names)
    if not names:
        raise InputError("name at least one candidate.")
    if wrong := [name for name in names if not isinstance(name, str)]:
        raise InputError(f"{wrong[0]!r} is no name of a candidate: names are text. Nothing was changed.")
    try:
        resolver = pool.resolver(names, offset=offset)
        return tuple(dict.fromkeys(pool.names([resolver.row(name) for name in names])))
    except NotationError as error:
        raise NotationError(f"{error.problem} Nothing was changed.") from None
