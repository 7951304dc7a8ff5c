"""The candidates of a campaign as a table: what is predicted and known of each, sorted, filtered, page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from activeloop.campaigns import CampaignState
from activeloop.campaigns.proposing import rows_of_names
from activeloop.candidates import Pool
from activeloop.config import OpenCampaign
from activeloop.errors import InputError, StateError
from activeloop.files import write_whole
from activeloop.measurements import Assay, Dataset
from activeloop.plates import Pick

PIECE = 8_192
"""Candidates that are predicted at a time."""
LISTED = 400_000
"""Largest pool whose candidates are all listed; of a larger one those of which something is known."""

Known = Literal["measured", "out", "missing", "pinned", "vetoed", "control"]
KNOWN: tuple[Known, ...] = ("measured", "out", "missing", "pinned", "vetoed", "control")
"""What may be known of a candidate: it has a result, is on a plate, its result never came, somebody pinned or vetoed
it, or it is what control wells hold."""
Sort = Literal["pool", "predicted", "uncertainty", "measured"]
SORTS: tuple[Sort, ...] = ("pool", "predicted", "uncertainty", "measured")


@dataclass(frozen=True)
class PoolPredictions:
    """What the current version predicts of every listed candidate.

    Args:
        version: number of it; 0 = the prior.
        assays: names of A assays; of the prior its score.
        rows: [N] of the pool, in order.
        mean, sd, low, high: [N, A] as in `PredictionTable`, in single precision.
    """

    version: int
    assays: tuple[str, ...]
    rows: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def save(self, path: Path) -> None:
        """Write it into a file."""
        import io

        out = io.BytesIO()
        arrays = {name: getattr(self, name) for name in ("rows", "mean", "sd", "low", "high")}
        np.savez(out, version=np.array(self.version), assays=np.array(self.assays, np.str_), **arrays)
        write_whole(path, out.getvalue())

    @classmethod
    def load(cls, path: Path) -> PoolPredictions | None:
        """From a file; None where there is none that can be read."""
        try:
            with np.load(path, allow_pickle=False) as found:
                arrays = [found[name] for name in ("rows", "mean", "sd", "low", "high")]
                return cls(int(found["version"]), tuple(found["assays"].tolist()), *arrays)
        except (OSError, ValueError, KeyError, EOFError):
            return None


def predicted_file(loop: OpenCampaign) -> Path:
    """The file that holds the predictions of the current version, once somebody has made them."""
    state = loop.campaign.state()
    event = state.version_events[state.version.number] if state.version else 0
    return loop.folder.path / "cache" / f"predicted-{event}-{len(loop.campaign.pool)}.npz"


def predict_pool(loop: OpenCampaign) -> PoolPredictions:
    """What the current version predicts of every listed candidate, piece by piece; kept in the campaign's folder.

    Raises:
        StateError: nothing predicts before the first results.
    """
    path = predicted_file(loop)
    if (kept := PoolPredictions.load(path)) is not None:
        return kept
    loop.check_available()
    rows = listed_rows(loop.campaign.state(), loop.campaign.dataset(), loop.campaign.pool)
    tables = [loop.campaign.predict(rows[i : i + PIECE]) for i in range(0, len(rows), PIECE)]
    arrays = [np.concatenate([getattr(t, n) for t in tables]).astype(np.float32) for n in ("mean", "sd", "low", "high")]
    made = PoolPredictions(tables[0].version, tables[0].assays, rows, *arrays)
    path.parent.mkdir(exist_ok=True)
    made.save(path)
    for old in path.parent.glob("predicted-*.npz"):
        if old != path:
            old.unlink(missing_ok=True)
    return made


def listed_rows(state: CampaignState, dataset: Dataset, pool: Pool) -> np.ndarray:
    """[N] rows of the candidates that are listed, in order: all, but of a huge pool those of which something is known.

    Args:
        state: of the campaign.
        dataset: of it.
        pool: of it.
    """
    if len(pool) <= LISTED:
        rows = np.arange(len(pool))
        return rows[pool.readable(rows)]
    names = [*state.pinned, *state.vetoed, *(p.name for proposal in state.proposals for p in proposal.picks)]
    return np.unique(np.concatenate([dataset.rows, rows_of_names(pool, names)]))


@dataclass(frozen=True)
class CandidateQuery:
    """Which candidates are looked at.

    Args:
        search: part of a name, of what people call it, or of a label.
        known: only those of which this is known; `new` = nothing of it; "" = all.
        sort: by what; the best or largest first.
        assay: by whose values they are sorted; the first when "".
        reverse: the worst or smallest first.
        page: from 1.
        size: candidates of a page.
    """

    search: str = ""
    known: str = ""
    sort: str = "predicted"
    assay: str = ""
    reverse: bool = False
    page: int = 1
    size: int = 50


@dataclass(frozen=True)
class CandidateRow:
    """A candidate of the table.

    Args:
        row: of the pool.
        name: its standard notation.
        called: what people call it.
        known: what is known of it.
        predicted: assay -> mean, standard deviation, low and high end.
        measured: assay -> value, and `<` or `>` where it is a limit.
        pick: of the last proposal with it; None where there is none.
        proposal: number of that; 0.
        why: it was pinned or vetoed.
        labels: what else the pool's file says of it.
    """

    row: int
    name: str
    called: str
    known: tuple[str, ...]
    predicted: Mapping[str, tuple[float, float, float, float]]
    measured: Mapping[str, tuple[float, str]]
    pick: Pick | None
    proposal: int
    why: str
    labels: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class CandidatePage:
    """Candidates that were looked for.

    Args:
        rows: of this page.
        found: how many were found in all.
        listed: how many are listed at all.
        pool: how many are in the pool.
        page, pages: which this is, and how many there are.
        version: that predicted; 0 = the prior, None = nothing is predicted yet.
        assays: that are predicted.
    """

    rows: tuple[CandidateRow, ...]
    found: int
    listed: int
    pool: int
    page: int
    pages: int
    version: int | None
    assays: tuple[str, ...]


@dataclass(frozen=True)
class CandidateTable:
    """All listed candidates after one event, ready to be sorted and searched.

    Args:
        pool: of the campaign.
        assays: of it.
        state: of it.
        dataset: of it.
        controls: names of candidates that are controls.
        predictions: of them; None while they are not made.
    """

    pool: Pool
    assays: Sequence[Assay]
    state: CampaignState
    dataset: Dataset
    controls: Sequence[str]
    predictions: PoolPredictions | None = None
    _sorted: dict[tuple[str, str], np.ndarray] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, loop: OpenCampaign, predictions: PoolPredictions | None = None) -> CandidateTable:
        """Of a campaign as it is now."""
        campaign = loop.campaign
        state, dataset = campaign.state(), campaign.dataset()
        return cls(campaign.pool, tuple(campaign.assays), state, dataset, campaign.controls, predictions)

    @cached_property
    def rows(self) -> np.ndarray:
        """[N] of the pool."""
        if self.predictions is not None:
            return self.predictions.rows
        return listed_rows(self.state, self.dataset, self.pool)

    @cached_property
    def _names(self) -> list[str]:
        return list(self.pool.names(self.rows))

    @cached_property
    def _searched(self) -> list[str]:
        """What a search looks into, of each."""
        if not self.pool.label_names:
            return [name.casefold() for name in self._names]
        labels = (" ".join(text for _, text in self.pool.labels(int(row))) for row in self.rows)
        return [f"{name} {text}".casefold() for name, text in zip(self._names, labels, strict=True)]

    @cached_property
    def _known(self) -> dict[str, np.ndarray]:
        """What may be known -> [N] whether it is."""
        of = {
            "out": self.state.on_plate,
            "missing": self.state.missing,
            "pinned": self.state.pinned,
            "vetoed": self.state.vetoed,
            "control": self.controls,
        }
        found = {name: np.isin(self.rows, rows_of_names(self.pool, names)) for name, names in of.items()}
        return {"measured": np.isin(self.rows, self.dataset.rows), **found}

    @cached_property
    def _picks(self) -> dict[str, tuple[int, Pick]]:
        return {p.name: (proposal.number, p) for proposal in self.state.proposals for p in proposal.picks}

    def _order(self, sort: str, assay: str) -> np.ndarray:
        """[N] places from the best or largest on; what has no value comes last."""
        if (sort, assay) not in self._sorted:
            values = self._values(sort, assay)
            last = np.where(np.isnan(values), -np.inf, values)
            self._sorted[sort, assay] = np.argsort(-last, kind="stable")
        return self._sorted[sort, assay]

    def _values(self, sort: str, assay: str) -> np.ndarray:
        """[N] by which they are sorted, larger first; NaN where there is none."""
        count, nothing = len(self.rows), np.full(len(self.rows), np.nan)
        of = next((a for a in self.assays if a.name == assay), self.assays[0])
        sign = 1 if of.goal == "classify" else of.sign
        if sort == "measured":
            column = [a.name for a in self.dataset.assays].index(of.name)
            order = np.argsort(self.rows)
            at = order[np.searchsorted(self.rows, self.dataset.rows, sorter=order).clip(0, count - 1)]
            here = self.rows[at] == self.dataset.rows
            nothing[at[here]] = sign * self.dataset.values[here, column]
            return nothing
        found = self.predictions
        if sort == "pool" or found is None:
            return -np.arange(count, dtype=np.float64)
        column = found.assays.index(of.name) if of.name in found.assays else 0
        return found.sd[:, column] if sort == "uncertainty" else sign * found.mean[:, column]

    def page(self, query: CandidateQuery) -> CandidatePage:
        """The candidates that were looked for.

        Raises:
            InputError: there is no such order, or no such thing to be known.
        """
        if query.sort not in SORTS or query.known not in ("", "new", *KNOWN):
            raise InputError(f'candidates are sorted by {", ".join(SORTS)}, and not by "{query.sort}".')
        order = self._order(query.sort, query.assay)
        if query.reverse:
            values = self._values(query.sort, query.assay)[order]
            order = np.concatenate([order[~np.isnan(values)][::-1], order[np.isnan(values)]])
        if query.known:
            known = self._known
            kept = ~np.any(list(known.values()), axis=0) if query.known == "new" else known[query.known]
            order = order[kept[order]]
        if words := query.search.casefold().split():
            text = self._searched
            order = np.array([i for i in order.tolist() if all(w in text[i] for w in words)], np.int64)
        size = min(max(query.size, 1), 500)
        pages = max(-(-len(order) // size), 1)
        page = min(max(query.page, 1), pages)
        here = order[(page - 1) * size : page * size]
        found = self.predictions
        return CandidatePage(
            tuple(self._row(int(i)) for i in here),
            len(order),
            len(self.rows),
            len(self.pool),
            page,
            pages,
            found.version if found else None,
            found.assays if found else (),
        )

    def _row(self, i: int) -> CandidateRow:
        row, found = int(self.rows[i]), self.predictions
        name = self.pool.names([row])[0]
        predicted: dict[str, tuple[float, float, float, float]] = {}
        if found is not None:
            for a, assay in enumerate(found.assays):
                values = (
                    float(found.mean[i, a]),
                    float(found.sd[i, a]),
                    float(found.low[i, a]),
                    float(found.high[i, a]),
                )
                predicted[assay] = values
        measured: dict[str, tuple[float, str]] = {}
        for k in np.flatnonzero(self.dataset.rows == row):
            for a, assay in enumerate(self.dataset.assays):
                if not np.isnan(value := float(self.dataset.values[k, a])):
                    side = {-1: "<", 1: ">"}.get(int(self.dataset.censored[k, a]), "")
                    measured[assay.name] = value, side
        number, pick = self._picks.get(name, (0, None))
        known = tuple(kind for kind, here in self._known.items() if here[i])
        why = self.state.pinned.get(name) or self.state.vetoed.get(name) or ""
        called = self.pool.called(name)
        return CandidateRow(row, name, called, known, predicted, measured, pick, number, why, self.pool.labels(row))


def nothing_predicts(loop: OpenCampaign) -> str:
    """Why nothing is predicted, in words; "" where something is or can be."""
    try:
        loop.check_available()
        return "" if loop.campaign.model() is not None else "Nothing is predicted before the first results."
    except StateError as error:
        return str(error)
