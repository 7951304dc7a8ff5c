"""The table of all candidates: predictions, what was measured, state and reason of each; a page of it at a time.

What takes long, predicting the whole pool, is done once for a version and kept in the campaign's folder of caches; a
`CandidateTable` adds what the log says now and answers any page of it in a moment.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal
from zipfile import BadZipFile

import numpy as np

from activeloop._version import __version__
from activeloop.acquisition.evaluate import AcquisitionEvaluation, without_draws
from activeloop.campaigns import CampaignState
from activeloop.campaigns.proposing import ProposalBuilder, rows_of_names
from activeloop.campaigns.reasons import Surroundings
from activeloop.campaigns.versions import derive
from activeloop.candidates import Pool
from activeloop.config import OpenCampaign
from activeloop.desk.predict import CandidatePrediction
from activeloop.errors import ActiveLoopError, InputError, StateError, StoreError
from activeloop.files import write_whole
from activeloop.measurements import Assay, Dataset
from activeloop.measurements.dataset import resolved
from activeloop.prediction import PRIOR_SCORE, PredictionTable
from activeloop.store.folder import CACHE

PIECE = 50_000
"""Candidates that are predicted at once."""
LONGEST = 2_000_000
"""Candidates of the largest pool that is shown as a table."""

SIMILAR = 5_000
"""Measured compounds up to which the most similar one is said of each candidate of a page."""

State = Literal["untested", "pinned", "on plate", "measured", "no result", "vetoed", "control", "not allowed"]
STATES: tuple[State, ...] = (
    "untested",
    "pinned",
    "on plate",
    "measured",
    "no result",
    "vetoed",
    "control",
    "not allowed",
)
_ARRAYS = ("mean", "sd", "low", "high", "acquisition", "names")


@dataclass(frozen=True)
class PoolPredictions:
    """Predictions of a whole pool by one version, in the units of the assays.

    Args:
        version: number of the version; 0 = the prior.
        assays: A names; that of the prior's score where it predicts nothing in a unit.
        classes: whether they are probabilities.
        by: name of the acquisition function.
        mean, sd, low, high: [N, A] as in `PredictionTable`; NaN of candidates that cannot be predicted.
        acquisition: [N] larger is better.
        names: the text in which names are searched, see `_searched`, as bytes of UTF-8.
    """

    version: int
    assays: tuple[str, ...]
    classes: bool
    by: str
    mean: np.ndarray
    sd: np.ndarray
    low: np.ndarray
    high: np.ndarray
    acquisition: np.ndarray
    names: np.ndarray

    @cached_property
    def best(self) -> np.ndarray:
        """[N] rows by acquisition, the best first; those without a value last."""
        return np.argsort(-self.acquisition, kind="stable").astype(np.int32)

    def to_bytes(self) -> bytes:
        """As a file of NumPy."""
        about = json.dumps([self.version, self.assays, self.classes, self.by])
        content = io.BytesIO()
        np.savez(content, about=np.array(about), **{name: getattr(self, name) for name in _ARRAYS})  # type: ignore[arg-type]
        return content.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> PoolPredictions:
        """The counterpart of `to_bytes`."""
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            version, assays, classes, by = json.loads(str(arrays["about"]))
            return cls(version, tuple(assays), classes, by, *(arrays[name] for name in _ARRAYS))


@dataclass(frozen=True)
class MeasuredValue:
    """What was measured of a candidate in one assay.

    Args:
        assay, unit: which.
        value: the mean of its results that count.
        error: its standard error; 0 when not known.
        side: `<` or `>` where it is a limit, else "".
    """

    assay: str
    unit: str
    value: float
    error: float
    side: str


@dataclass(frozen=True)
class CandidateRow:
    """A row of the table.

    Args:
        row: of the pool.
        name: standard notation.
        called: what people call it.
        state: whether it may be chosen, and why not.
        acquisition: its acquisition value, larger is better; NaN where nothing is predicted.
        predictions: one for each predicted assay.
        measured: one for each assay with a result.
        proposal: number of the last proposal that it is in; 0 for none.
        reason: why it was proposed, else what was measured around it; "" where nothing is known.
        why: why it is pinned or vetoed; "" where nobody said so.
        labels: what else the pool's file says of it.
    """

    row: int
    name: str
    called: str
    state: State
    acquisition: float
    predictions: tuple[CandidatePrediction, ...]
    measured: tuple[MeasuredValue, ...]
    proposal: int
    reason: str
    why: str
    labels: tuple[tuple[str, str], ...] = ()

    def value(self, assay: str) -> float:
        """What was measured in an assay; NaN for nothing."""
        return next((m.value for m in self.measured if m.assay == assay), math.nan)

    def side(self, assay: str) -> str:
        """`<` or `>` where what was measured in an assay is a limit, else ""."""
        return next((m.side for m in self.measured if m.assay == assay), "")


@dataclass(frozen=True)
class CandidateQuery:
    """Which part of the table is wanted.

    Args:
        search: a part of the name, or of what else the pool's file says of it; several words must all be there.
        states: only these; all when ().
        sort: `acquisition`, `row`, `name`, `state`, or of an assay `NAME`, `NAME sd`, `NAME low`, `NAME high`,
            `NAME measured`.
        worst: whether the order is turned round.
        start: first row, from 0.
        size: rows of the page.
        reasons: whether what was measured around each is said.
    """

    search: str = ""
    states: tuple[State, ...] = ()
    sort: str = "acquisition"
    worst: bool = False
    start: int = 0
    size: int = 50
    reasons: bool = True


@dataclass(frozen=True)
class CandidatePage:
    """A page of the table.

    Args:
        candidates: of the page, in order.
        start: the first of them, from 0.
        matching: candidates that the query finds.
        total: candidates in the pool.
        states: how many candidates are in each state, in the whole pool.
        version: that predicts; 0 = the prior.
        assays: that are predicted; () where nothing is.
        classes: whether predictions are probabilities.
        by: name of the acquisition function; "" where nothing is predicted.
        sorts: by what the table can be sorted.
        note: why nothing can be predicted; "" where that is not so.
        binary: names of the assays that have 0 and 1 alone, whose predictions are probabilities of 1.
    """

    candidates: tuple[CandidateRow, ...]
    start: int
    matching: int
    total: int
    states: dict[State, int]
    version: int
    assays: tuple[str, ...]
    classes: bool
    by: str
    sorts: tuple[str, ...]
    note: str
    binary: tuple[str, ...] = ()


def candidates(
    loop: OpenCampaign,
    query: CandidateQuery | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> CandidatePage:
    """A page of the table of candidates; who asks often keeps the `CandidateTable` until the next event.

    Args:
        loop: the campaign.
        query: which part of it; the best 50 when None.
        progress: called with (candidates predicted, candidates in the pool) where they were not predicted before.

    Raises:
        InputError: there is no such state or order.
        StateError: the pool is too large for a table.
    """
    return CandidateTable.of(loop, compute=True, progress=progress).page(query or CandidateQuery())


def predictions_file(loop: OpenCampaign) -> Path:
    """Where predictions of the pool by the current version are kept; they can be made again at any time."""
    return loop.folder.path / CACHE / f"predictions-{_key(loop, loop.campaign.state())}.npz"


def known_predictions(loop: OpenCampaign) -> PoolPredictions | None:
    """What `predict_pool` kept of the current version; None when it did not yet."""
    with suppress(OSError, ValueError, KeyError, BadZipFile):
        found = PoolPredictions.from_bytes(predictions_file(loop).read_bytes())
        return found if len(found.mean) == len(loop.campaign.pool) else None
    return None


def predict_pool(loop: OpenCampaign, progress: Callable[[int, int], None] | None = None) -> PoolPredictions:
    """Predict the whole pool by the current version and keep that; what is kept already is not predicted again.

    Args:
        loop: the campaign.
        progress: called with (candidates predicted, candidates in the pool).

    Raises:
        StateError: nothing predicts yet, the version cannot be restored, or the pool is too large for a table.
        ModelError: the model cannot predict.
    """
    check_size(loop.campaign.pool)
    if (known := known_predictions(loop)) is not None:
        return known
    path, found = predictions_file(loop), _predicted(loop, loop.campaign.state(), progress)
    with suppress(OSError, StoreError):  # what cannot be kept is computed again
        path.parent.mkdir(exist_ok=True)
        write_whole(path, found.to_bytes())
        for old in path.parent.glob("predictions-*.npz"):
            if old != path:
                old.unlink(missing_ok=True)
    return found


def check_size(pool: Pool) -> None:
    """Refuse to list a pool that is too large.

    Raises:
        StateError: it is.
    """
    if len(pool) > LONGEST:
        raise StateError(
            f"a pool of {len(pool):,} candidates is too large for a table (up to {LONGEST:,} fit): `activeloop screen "
            "DIR` goes through it, and `predict` predicts those that you name."
        )


def _key(loop: OpenCampaign, state: CampaignState) -> str:
    """What the predictions depend on."""
    campaign, version = loop.campaign, state.current
    about = [
        __version__,
        version and (version.number, version.data_hash, version.artifact, version.created_at),
        state.configured and state.configured.pool,
        len(campaign.pool),
        campaign.learner.name,
        repr(campaign.select.score if campaign.select else ""),
        [repr(a) for a in campaign.assays],
    ]
    return hashlib.blake2b(json.dumps(about).encode(), digest_size=12).hexdigest()


def _predicted(
    loop: OpenCampaign, state: CampaignState, progress: Callable[[int, int], None] | None
) -> PoolPredictions:
    loop.check_available()
    campaign = loop.campaign
    pool, select, model = campaign.pool, campaign.select, campaign.model()
    if model is None or select is None:
        raise StateError("there is no model yet: record results and fit first.")
    number = state.current.number if state.current else 0
    select = select if number else select.at_start()
    predicted = campaign.predicted_assays()
    known = [a.name for a in predicted] or [a.name for a in campaign.assays]
    builder = ProposalBuilder(pool, campaign.assays, select, campaign.hit)
    dataset, seed = campaign.dataset().oriented().only(known), derive(campaign.seed, "predict", number)
    evaluation = AcquisitionEvaluation(model, pool, seed, 0, dataset, builder.threshold(known))
    function, context, parts, done = None, None, [], 0
    named = predicted or (Assay(PRIOR_SCORE),)
    for rows in pool.chunks(PIECE):
        fine = pool.readable(rows)
        prediction = evaluation.prediction(rows[fine], joint=False)
        function = function or without_draws(select.score, classes=bool(prediction.classes))
        context = context or evaluation.context(prediction, joint=False)
        table = PredictionTable.of(prediction, (), named, number)
        values = evaluation.score(function, prediction, context)
        piece = []
        for array in (table.mean, table.sd, table.low, table.high, values):
            whole = np.full((len(rows), *array.shape[1:]), math.nan)
            whole[fine] = array
            piece.append(whole)
        parts.append((piece, table.classes))
        done += len(rows)
        if progress:
            progress(done, len(pool))
    arrays = [np.concatenate([piece[k] for piece, _ in parts]) for k in range(5)]
    arrays.append(np.frombuffer(_searched(pool).encode(), np.uint8))
    assert function is not None  # a pool holds a candidate
    return PoolPredictions(number, tuple(a.name for a in named), parts[0][1], function.name, *arrays)


@dataclass(frozen=True)
class CandidateTable:
    """All candidates of a campaign after one event, ready to be asked.

    Args:
        pool: of them.
        dataset: what was measured.
        predictions: of the pool; None where nothing predicts.
        codes: [N] place of the state of each in `STATES`.
        about: standard name -> why it is pinned or vetoed.
        proposed: standard name -> number of the last proposal with it, and why it is in it.
        note: see `CandidatePage`.
        surroundings: makes what is known around candidates; None where nothing is.
        said: row -> what is known around it, of those that were shown.
    """

    pool: Pool
    dataset: Dataset
    predictions: PoolPredictions | None
    codes: np.ndarray
    about: dict[str, str]
    proposed: dict[str, tuple[int, str]]
    note: str
    surroundings: Callable[[], Surroundings | None] = field(repr=False)
    said: dict[int, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        loop: OpenCampaign,
        *,
        compute: bool = False,
        progress: Callable[[int, int], None] | None = None,
        known: PoolPredictions | None = None,
    ) -> CandidateTable:
        """The table of a campaign as it is now.

        Args:
            loop: the campaign.
            compute: whether the pool is predicted where that was not done before.
            progress: called with (candidates predicted, candidates in the pool).
            known: what `predictions_file` holds, where it was read before.

        Raises:
            StateError: the pool is too large for a table.
        """
        campaign = loop.campaign
        state = campaign.state()
        check_size(campaign.pool)
        predictions, note = known, ""
        try:
            if predictions is None:
                predictions = predict_pool(loop, progress) if compute else known_predictions(loop)
        except ActiveLoopError as error:
            note = f"Nothing is predicted: {error}"
        dataset = campaign.dataset()
        proposed = {p.name: (each.number, p.reason) for each in state.proposals for p in each.picks}

        def surroundings() -> Surroundings | None:
            prior = campaign.learner.prior(campaign.pool) if campaign.learner.quick_prior else None
            return Surroundings.of(dataset, prior, campaign.seed)

        codes = _codes(campaign.pool, state, dataset, campaign.controls)
        about = {**state.pinned, **state.vetoed}
        return cls(campaign.pool, dataset, predictions, codes, about, proposed, note, surroundings)

    @cached_property
    def _text(self) -> np.ndarray:
        """All names in one text in small letters, a line each, as bytes of UTF-8."""
        return self.predictions.names if self.predictions else np.frombuffer(_searched(self.pool).encode(), np.uint8)

    @cached_property
    def _at(self) -> np.ndarray:
        """[N] the place in the data set of what was measured of each candidate; -1 for nothing."""
        at = np.full(len(self.pool), -1, np.int32)
        at[self.dataset.rows] = np.arange(len(self.dataset.rows))
        return at

    @cached_property
    def _around(self) -> Surroundings | None:
        most = SIMILAR if self.pool.kind == "compounds" else len(self.pool)
        return self.surroundings() if len(self.dataset) <= most else None

    @property
    def sorts(self) -> tuple[str, ...]:
        """By what it can be sorted."""
        names = self.predictions.assays if self.predictions else ()
        found = [f"{name}{what}" for name in names for what in ("", " sd", " low", " high")]
        measured = [f"{a.name} measured" for a in self.dataset.assays]
        return (*(("acquisition", *found) if names else ()), *measured, "row", "name", "state")

    def page(self, query: CandidateQuery) -> CandidatePage:
        """A part of it.

        Args:
            query: which.

        Raises:
            InputError: there is no such state or order, or the page is impossible.
        """
        if query.start < 0 or not 0 < query.size <= 1000:
            raise InputError(f"a page of {query.size} rows from row {query.start}: give 1 to 1,000 rows, from 0 on.")
        if wrong := [one for one in query.states if one not in STATES]:
            raise InputError(f'there is no state "{wrong[0]}". Use {", ".join(STATES)}.')
        sort = "row" if query.sort == "acquisition" and not self.predictions else query.sort
        rows = self._found(query)
        order = self._order(rows, sort, worst=query.worst)
        shown = order[query.start : query.start + query.size]
        counts = np.bincount(self.codes, minlength=len(STATES)).tolist()
        p = self.predictions
        return CandidatePage(
            tuple(self._rows(shown, reasons=query.reasons)),
            query.start,
            len(rows),
            len(self.pool),
            dict(zip(STATES, counts, strict=True)),
            p.version if p else 0,
            p.assays if p else (),
            bool(p and p.classes),
            p.by if p else "",
            self.sorts,
            self.note,
            tuple(a.name for a in resolved(self.dataset).assays if a.binary),
        )

    def one(self, name: str) -> CandidateRow:
        """A candidate as people write it.

        Raises:
            InputError: it is not in the pool.
        """
        return self._rows(np.array([self.pool.find(name)]), reasons=True)[0]

    def _found(self, query: CandidateQuery) -> np.ndarray:
        """The rows that a query finds."""
        keep = np.ones(len(self.pool), bool)
        if query.states:
            keep &= np.isin(self.codes, [STATES.index(one) for one in query.states])
        for word in query.search.lower().split():
            keep &= self._holding(word)
        return np.flatnonzero(keep)

    def _holding(self, word: str) -> np.ndarray:
        """[N] whether the name holds a word."""
        text, letters = self._text, word.encode()
        here = np.ones(max(len(text) - len(letters) + 1, 0), bool)
        for place, letter in enumerate(letters):
            here &= text[place : place + len(here)] == letter
        holding = np.zeros(len(self.pool), bool)
        holding[np.searchsorted(np.flatnonzero(text == ord("\n")), np.flatnonzero(here))] = True
        return holding

    def _order(self, rows: np.ndarray, sort: str, *, worst: bool) -> np.ndarray:
        """Rows in order, the best first; what has no value stands last."""
        if sort not in self.sorts:
            raise InputError(f'the table cannot be sorted by "{sort}". Use {", ".join(self.sorts)}.')
        if sort == "row":
            return rows[::-1] if worst else rows
        if sort == "name":
            lines = self._text.tobytes().split(b"\n")
            return np.array(sorted(rows.tolist(), key=lines.__getitem__, reverse=worst), np.int64)
        if sort == "state":
            return rows[np.argsort(-self.codes[rows].astype(np.int64) * (-1 if worst else 1), kind="stable")]
        if sort == "acquisition" and self.predictions and not worst:
            kept = np.zeros(len(self.pool), bool)
            kept[rows] = True
            return self.predictions.best[kept[self.predictions.best]]
        values = self._column(sort)[rows] * (-1 if worst else 1)
        return rows[np.argsort(-values, kind="stable")]  # NaN is last

    def _column(self, sort: str) -> np.ndarray:
        """[N] values of which the largest come first."""
        p, signs = self.predictions, {a.name: a.sign for a in self.dataset.assays}
        if sort == "acquisition" and p:
            return p.acquisition
        for column, name in enumerate(p.assays if p else ()):
            for what in ("", " sd", " low", " high"):
                if p and sort == f"{name}{what}":
                    array = getattr(p, what.strip() or "mean")[:, column]
                    return array if what == " sd" or p.classes else signs.get(name, 1) * array
        column = [f"{a.name} measured" for a in self.dataset.assays].index(sort)
        values = np.full(len(self.pool), math.nan)
        values[self.dataset.rows] = self.dataset.values[:, column] * self.dataset.assays[column].sign
        return values

    def _rows(self, rows: np.ndarray, *, reasons: bool) -> Sequence[CandidateRow]:
        names = self.pool.names(rows)
        words = self.said if reasons else {}
        new = [r for r, name in zip(rows.tolist(), names, strict=True) if name not in self.proposed and r not in words]
        if reasons and new and self._around is not None:
            words |= zip(new, self._around.words(np.array(new)), strict=True)
        units = {a.name: a.unit for a in self.dataset.assays}
        found = []
        for row, name in zip(rows.tolist(), names, strict=True):
            number, reason = self.proposed.get(name, (0, words.get(row, "")))
            found.append(
                CandidateRow(
                    row,
                    name,
                    self.pool.called(name),
                    STATES[self.codes[row]],
                    float(self.predictions.acquisition[row]) if self.predictions else math.nan,
                    self._predictions(row, units),
                    self._measured(row),
                    number,
                    reason,
                    self.about.get(name, ""),
                    self.pool.labels(row),
                )
            )
        return found

    def _predictions(self, row: int, units: dict[str, str]) -> tuple[CandidatePrediction, ...]:
        p = self.predictions
        if p is None:
            return ()
        arrays = (p.mean, p.sd, p.low, p.high)
        return tuple(
            CandidatePrediction(name, "" if p.classes else units.get(name, ""), *(float(x[row, a]) for x in arrays))
            for a, name in enumerate(p.assays)
        )

    def _measured(self, row: int) -> tuple[MeasuredValue, ...]:
        at = self._at[row]
        if at < 0:
            return ()
        d = self.dataset
        return tuple(
            MeasuredValue(
                assay.name,
                assay.unit,
                float(d.values[at, a]),
                float(d.errors[at, a]),
                {-1: "<", 1: ">"}.get(int(d.censored[at, a]), ""),
            )
            for a, assay in enumerate(d.assays)
            if not math.isnan(d.values[at, a])
        )


def _searched(pool: Pool) -> str:
    """All names of a pool, and what else its file says of each candidate, in small letters, a line each."""
    lines = []
    for rows in pool.chunks():
        names = pool.names(rows)
        if pool.kind != "variants":
            told = (dict.fromkeys([pool.id_of(row), *(cell for _, cell in pool.labels(row))]) for row in rows.tolist())
            names = ["\t".join((name, *more)) for name, more in zip(names, told, strict=True)]
        lines += [name.replace("\n", " ").lower() for name in names]
    return "\n".join(lines)


def _codes(pool: Pool, state: CampaignState, dataset: Dataset, controls: Sequence[str]) -> np.ndarray:
    """[N] place of the state of each candidate in `STATES`."""
    codes = np.zeros(len(pool), np.uint8)

    def mark(rows: np.ndarray, state: State) -> None:
        codes[rows] = STATES.index(state)

    for rows in pool.chunks():
        mark(rows[~np.asarray(pool.allowed(rows), bool)], "not allowed")
    mark(rows_of_names(pool, state.missing), "no result")
    mark(dataset.rows, "measured")
    mark(rows_of_names(pool, state.pinned), "pinned")
    mark(rows_of_names(pool, state.vetoed), "vetoed")
    mark(rows_of_names(pool, state.on_plate), "on plate")
    mark(rows_of_names(pool, controls), "control")
    return codes
