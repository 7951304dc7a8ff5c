"""The candidates of a pool with all that is known of each: state, results, predictions; sorted, filtered, by pages."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from activeloop.campaigns import CampaignState
from activeloop.candidates import Pool
from activeloop.config import OpenCampaign
from activeloop.errors import InputError, StateError
from activeloop.files import write_whole
from activeloop.prediction import PRIOR_SCORE
from activeloop.store.folder import CACHE

State = Literal["untested", "pinned", "vetoed", "on plate", "measured"]
STATES: tuple[State, ...] = ("untested", "pinned", "vetoed", "on plate", "measured")
KINDS = ("mean", "sd", "low", "high")
"""What is known of a predicted value."""
LISTED = 2_000_000
"""Candidates of a pool up to which it is listed as a whole."""
PIECE = 20_000
"""Candidates that are predicted at once."""


@dataclass(frozen=True)
class PoolPredictions:
    """Predictions of the whole pool by one version.

    Args:
        version: its number, 0 for the prior.
        assays: A of them.
        classes: whether `mean` is a probability.
        mean, sd, low, high: float32 [N, A], as in `PredictionTable`.
    """

    version: int
    assays: tuple[str, ...]
    classes: bool
    mean: np.ndarray
    sd: np.ndarray
    low: np.ndarray
    high: np.ndarray


def predictions_file(loop: OpenCampaign) -> Path:
    """Where predictions of the pool by the current version are kept; the file can be made again at any time."""
    state = loop.campaign.state()
    version, configured = state.version, state.configured
    told = f"{loop.campaign.learner.name} {len(loop.campaign.pool)} {configured.pool if configured else ''}"
    if version:
        told += f" {version.number} {version.data_hash} {version.artifact} {version.created_at}"
    return loop.folder.path / CACHE / f"predictions-{hashlib.sha256(told.encode()).hexdigest()[:24]}.npz"


def predict_pool(loop: OpenCampaign) -> Path:
    """Predict the whole pool by the current version and keep it; what is kept already is not predicted again.

    Raises:
        StateError: nothing can be predicted yet.
        ModelError: the model cannot predict.
        StoreError: the file cannot be written.
    """
    path, pool = predictions_file(loop), loop.campaign.pool
    if path.exists():
        return path
    loop.check_available()
    if len(pool) > LISTED:
        raise StateError(f"the pool holds {len(pool):,} candidates: `activeloop screen` predicts so many.")
    parts: dict[str, list[np.ndarray]] = {"mean": [], "sd": [], "low": [], "high": []}
    table = None
    for rows in pool.chunks(PIECE):
        table = loop.campaign.predict(rows)
        for name, each in parts.items():
            each.append(getattr(table, name).astype(np.float32))
    assert table is not None  # a pool is never empty
    found = {name: np.concatenate(each) for name, each in parts.items()}
    buffer = io.BytesIO()
    about = {"version": np.array(table.version), "assays": np.array(table.assays), "classes": np.array(table.classes)}
    np.savez(buffer, allow_pickle=False, **about, **found)
    path.parent.mkdir(exist_ok=True)
    for old in path.parent.glob("predictions-*.npz"):
        old.unlink(missing_ok=True)
    return write_whole(path, buffer.getvalue())


def known_predictions(loop: OpenCampaign) -> PoolPredictions | None:
    """What `predict_pool` kept of the current version; None when it did not yet."""
    try:
        content = predictions_file(loop).read_bytes()
    except OSError:
        return None
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        arrays = (stored[name] for name in ("mean", "sd", "low", "high"))
        return PoolPredictions(
            int(stored["version"]), tuple(map(str, stored["assays"])), bool(stored["classes"]), *arrays
        )


@dataclass(frozen=True)
class ListedCandidate:
    """A candidate and what is known of it.

    Args:
        row: in the pool, from 0.
        name: its standard notation.
        called: what people call it.
        state: what happened to it.
        reason: why it was pinned, vetoed or proposed.
        measured: assay -> mean of its results, in its unit.
        predicted: assay -> `mean`, `sd`, `low` and `high` of its prediction.
        labels: what else the pool's file says of it.
    """

    row: int
    name: str
    called: str
    state: State
    reason: str
    measured: dict[str, float]
    predicted: dict[str, dict[str, float]]
    labels: dict[str, str]


@dataclass(frozen=True)
class CandidatePage:
    """A part of the list.

    Args:
        candidates: in the order that was asked for.
        total: candidates of the pool.
        matching: those that the filter leaves.
        version: number of the version that predicted; 0 for the prior, None where nothing is predicted.
        assays: columns of predictions.
    """

    candidates: tuple[ListedCandidate, ...]
    total: int
    matching: int
    version: int | None
    assays: tuple[str, ...]


@dataclass(frozen=True)
class CandidateTable:
    """All candidates of a campaign after one event; made once, then asked for many pages.

    Args:
        pool: the candidates.
        state: of the campaign.
        states: [N] place of each candidate's state in `STATES`.
        assays: A names of what is measured.
        measured: [N, A] means of results; NaN where there is none.
        predictions: of the pool; None where there are none yet.
    """

    pool: Pool
    state: CampaignState
    states: np.ndarray
    assays: tuple[str, ...]
    measured: np.ndarray
    predictions: PoolPredictions | None

    @classmethod
    def of(cls, loop: OpenCampaign) -> CandidateTable:
        """The table of a campaign as it is now.

        Raises:
            StateError: the pool is too large to be listed.
        """
        campaign, state = loop.campaign, loop.campaign.state()
        pool, dataset = campaign.pool, campaign.dataset()
        if len(pool) > LISTED:
            raise StateError(f"the pool holds {len(pool):,} candidates, too many to be listed: screen it instead.")
        states = np.zeros(len(pool), np.int8)
        for place, names in enumerate((state.pinned, state.vetoed, state.awaiting), 1):
            rows = pool.rows_of(names)
            states[rows[rows >= 0]] = place
        measured = np.full((len(pool), len(dataset.assays)), np.nan, np.float32)
        measured[dataset.rows] = dataset.values
        states[dataset.rows] = STATES.index("measured")
        known = known_predictions(loop)
        return cls(pool, state, states, tuple(a.name for a in dataset.assays), measured, known)

    @cached_property
    def names(self) -> list[str]:
        """Standard notation of each candidate."""
        return self.pool.names(range(len(self.pool)))

    @cached_property
    def _found(self) -> list[str]:
        """What a search looks at."""
        if self.pool.kind == "variants":
            return [name.casefold() for name in self.names]
        return [
            " ".join((name, self.pool.called(name), *(cell for _, cell in self.pool.labels(row)))).casefold()
            for row, name in enumerate(self.names)
        ]

    @cached_property
    def _reasons(self) -> dict[str, str]:
        proposed = {p.name: p.reason for proposal in self.state.proposals for p in proposal.picks}
        return proposed | self.state.pinned | self.state.vetoed

    @property
    def columns(self) -> tuple[str, ...]:
        """What it can be sorted by."""
        predicted = self.predictions.assays if self.predictions else ()
        of_model = [f"{kind} {a}" for a in predicted for kind in (KINDS if a != PRIOR_SCORE else KINDS[:1])]
        return ("row", "name", "state", *(f"measured {a}" for a in self.assays), *of_model)

    def page(
        self,
        *,
        search: str = "",
        states: Sequence[str] = (),
        sort: str = "row",
        descending: bool = False,
        offset: int = 0,
        limit: int = 50,
    ) -> CandidatePage:
        """A part of the list.

        Args:
            search: letters that its name, or what is known of it, contains.
            states: only candidates in these; all when empty.
            sort: one of `columns`; what has no value there comes last.
            descending: largest first.
            offset: of the first one.
            limit: how many at most.

        Raises:
            InputError: there is no such column or state.
        """
        rows = np.arange(len(self.pool))
        if states:
            if unknown := [one for one in states if one not in STATES]:
                raise InputError(f'"{unknown[0]}" is no state. Use {", ".join(STATES)}.')
            rows = rows[np.isin(self.states, [STATES.index(one) for one in states])]  # type: ignore[arg-type]
        if wanted := search.strip().casefold():
            found = self._found
            rows = np.array([row for row in rows.tolist() if wanted in found[row]], np.int64)
        rows = self._sorted(rows, sort, descending)
        chosen = rows[offset : offset + limit].tolist()
        predicted = self.predictions
        listed = tuple(map(self._one, chosen))
        return CandidatePage(
            listed,
            len(self.pool),
            len(rows),
            predicted.version if predicted else None,
            predicted.assays if predicted else (),
        )

    def find(self, name: str) -> ListedCandidate:
        """A candidate as people write it.

        Raises:
            InputError: it is not in the pool.
        """
        return self._one(self.pool.find(name))

    def _sorted(self, rows: np.ndarray, sort: str, descending: bool) -> np.ndarray:
        if sort not in self.columns:
            raise InputError(f'the list cannot be sorted by "{sort}". Use {", ".join(self.columns)}.')
        kind, _, assay = sort.partition(" ")
        if sort == "row":
            return rows[::-1] if descending else rows
        if sort == "name":
            names = self.names
            return np.array(sorted(rows.tolist(), key=lambda row: names[row], reverse=descending), np.int64)
        if sort == "state":
            values = self.states[rows].astype(np.float32)
        elif kind == "measured":
            values = self.measured[rows, self.assays.index(assay)]
        else:
            assert self.predictions is not None  # else it is none of the columns
            values = getattr(self.predictions, kind)[rows, self.predictions.assays.index(assay)]
        return rows[np.argsort(-values if descending else values, kind="stable")]  # NaN comes last either way

    def _one(self, row: int) -> ListedCandidate:
        name, known = self.names[row], self.predictions
        measured = {a: float(v) for a, v in zip(self.assays, self.measured[row], strict=True) if v == v}
        predicted: dict[str, dict[str, float]] = {}
        for a, assay in enumerate(known.assays if known else ()):
            kinds = KINDS[:1] if assay == PRIOR_SCORE else KINDS
            predicted[assay] = {kind: float(getattr(known, kind)[row, a]) for kind in kinds}
        state = STATES[int(self.states[row])]
        return ListedCandidate(
            row,
            name,
            self.pool.called(name),
            state,
            self._reasons.get(name, ""),
            measured,
            predicted,
            dict(self.pool.labels(row)),
        )
