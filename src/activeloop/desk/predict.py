"""Predictions of candidates, by the current version of a campaign or by a student alone."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from activeloop.candidates import Pool, rows_asked
from activeloop.errors import InputError
from activeloop.files import write_whole
from activeloop.measurements import Assay, limits_of
from activeloop.prediction import PredictionTable, write_predictions
from activeloop.students.runtime.edge import encode_table, predict_table
from activeloop.students.runtime.student import Student

if TYPE_CHECKING:  # a student predicts in less time than it takes to load what opens a campaign
    from activeloop.campaigns import Campaign
    from activeloop.config import OpenCampaign

PIECE = 50_000
"""Candidates that are predicted at once."""


@dataclass(frozen=True)
class CandidatePrediction:
    """What is predicted of a candidate in one assay, in its unit.

    Args:
        assay: its name; that of the prior's score before any result.
        unit: of what follows; "" where it has none.
        mean: predicted value; of classes the probability of `fit`.
        sd: the model's standard deviation, without measurement noise.
        low, high: 90 % interval of one measurement.
    """

    assay: str
    unit: str
    mean: float
    sd: float
    low: float
    high: float


@dataclass(frozen=True)
class PredictedCandidate:
    """The prediction of one candidate.

    Args:
        name: its standard notation.
        outside: whether it is not in the pool: predicted all the same, and never proposed.
        predictions: one for each predicted assay.
    """

    name: str
    outside: bool
    predictions: tuple[CandidatePrediction, ...]


@dataclass(frozen=True)
class Predictions:
    """Predictions of some candidates.

    Args:
        who: predicted them, in words.
        version: number of the version, or of the student's teacher; 0 = the prior.
        assays: that are predicted; of the prior its score.
        classes: whether they are probabilities.
        count: candidates that were predicted.
        outside: of these, not in the pool.
        best: the best of them, in order.
        order: by what they are ordered beside their value, in words; "" for nothing else.
        file: into which all were written; None where none was named.
        notes: rows that were left out, what to know before relying on a student, in sentences.
    """

    who: str
    version: int
    assays: tuple[Assay, ...]
    classes: bool
    count: int
    outside: int
    best: tuple[PredictedCandidate, ...]
    order: str
    file: Path | None
    notes: tuple[str, ...]


def predict(
    loop: OpenCampaign,
    candidates: Any = None,
    *,
    column: str = "",
    offset: int | None = None,
    skip_unreadable: bool = False,
    merge_duplicates: bool = False,
    top: int | None = 10,
    out: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Predictions:
    """Predict candidates with the current version, in the assays' units.

    Args:
        loop: the campaign.
        candidates: a file, a DataFrame, or names in any notation; the whole pool when None.
        column: of the candidates in a table; found by name and content when "".
        offset: added to positions in names.
        skip_unreadable: leave out rows that cannot be read.
        merge_duplicates: count rows of one candidate once.
        top: how many of the best are returned; all when None, in the order in which they were given.
        out: a CSV file into which all predictions are written.
        progress: called with (candidates predicted, candidates in all).

    Raises:
        InputError: the file or a name cannot be read.
        StateError: nothing predicts yet.
    """
    campaign = loop.campaign
    pool, rows, notes = campaign.pool, np.arange(0 if candidates is not None else len(campaign.pool)), ()
    if candidates is not None:
        pool, rows, left_out = rows_asked(
            pool,
            candidates,
            column,
            offset=offset,
            skip_unreadable=skip_unreadable,
            merge_duplicates=merge_duplicates,
        )
        notes = (left_out,) * bool(left_out)
    pieces = list(_pieces(campaign, pool, rows, progress))
    version = pieces[0].version
    who = f"version {version}" if version else "the prior"
    assays = campaign.predicted_assays() or (Assay(pieces[0].assays[0]),)
    return _told(pieces, assays, who, top, out, notes)


def predict_by_student(
    student: Path,
    table: Path,
    *,
    column: str = "",
    offset: int | None = None,
    skip_unreadable: bool = False,
    merge_duplicates: bool = False,
    top: int | None = 10,
    draws: int = 0,
    out: Path | None = None,
) -> Predictions:
    """Predict candidates with an exported student; no campaign is needed.

    Args:
        student: its file.
        table: of the candidates.
        column: of the candidates in the table; found by name and content when "".
        offset: added to positions in names.
        skip_unreadable: leave out rows that cannot be read.
        merge_duplicates: count rows of one candidate once.
        top: how many of the best are returned; all when None.
        draws: joint samples that are written, too.
        out: a CSV file into which all predictions are written.

    Raises:
        InputError: a file cannot be read, or is not of this student.
    """
    opened = Student.open(student)
    encoded = encode_table(
        opened.card.tokenizer,
        table,
        column,
        offset=offset,
        skip_unreadable=skip_unreadable,
        merge_duplicates=merge_duplicates,
    )
    card = opened.card
    pieces = list(predict_table(opened, encoded, draws=draws if out else 0))
    who = f"the student of version {card.teacher_version}" if card.teacher_version else "the student"
    left_out = f"Note: {encoded.note}" if encoded.note else ""
    notes = tuple(filter(None, (opened.explain(), encoded.warning, left_out)))
    return _told(pieces, tuple(card.assays), who, top, out, notes)


def _pieces(
    loop: Campaign, pool: Pool, rows: np.ndarray, progress: Callable[[int, int], None] | None
) -> Iterator[PredictionTable]:
    for start in range(0, max(len(rows), 1), PIECE):
        piece = rows[start : start + PIECE]
        yield loop.predict(piece, of=pool)
        if progress:
            progress(start + len(piece), len(rows))


def _told(
    pieces: Sequence[PredictionTable],
    assays: Sequence[Assay],
    who: str,
    top: int | None,
    out: Path | None,
    notes: tuple[str, ...],
) -> Predictions:
    if top is not None and top < 0:
        raise InputError(f"the best {top} candidates: give a number from 0 on.")
    if out:
        text = io.StringIO(newline="")
        write_predictions(text, pieces)
        write_whole(out, text.getvalue())
    count = sum(map(len, pieces))
    if top is None:
        best, order = [(piece, i) for piece in pieces for i in range(len(piece))], ""
    else:
        best, order = _best(pieces, assays, top)
    outside = sum(int(p.outside.sum()) for p in pieces if p.outside is not None)
    found = tuple(_one(piece, i, assays) for piece, i in best)
    return Predictions(
        who, pieces[0].version, tuple(assays), pieces[0].classes, count, outside, found, order, out, notes
    )


def _one(piece: PredictionTable, i: int, assays: Sequence[Assay]) -> PredictedCandidate:
    arrays, units = (piece.mean, piece.sd, piece.low, piece.high), {a.name: a.unit for a in assays}
    each = tuple(
        CandidatePrediction(name, "" if piece.classes else units.get(name, ""), *(float(x[i, a]) for x in arrays))
        for a, name in enumerate(piece.assays)
    )
    return PredictedCandidate(piece.names[i], bool(piece.outside is not None and piece.outside[i]), each)


def _best(
    pieces: Sequence[PredictionTable], assays: Sequence[Assay], top: int
) -> tuple[list[tuple[PredictionTable, int]], str]:
    """Piece and row of the best predictions, and by what they are ordered, in words.

    Those that are predicted to meet all thresholds come first; among several assays whose best is looked for, those
    that no other prediction beats in every assay, then those that only these beat, and so on.
    """
    signs = np.array([a.sign for a in assays])
    mean, limits = np.concatenate([p.mean for p in pieces]) * signs, limits_of(assays) * signs
    met = np.all(np.isnan(limits) | (mean >= limits), axis=1)
    free = mean[:, np.isnan(limits)] if np.isnan(limits).any() else (mean - limits).min(1, keepdims=True)
    left = np.lexsort((-free[:, 0], ~met))
    chosen: list[int] = []
    if free.shape[1] == 1:
        chosen = left[:top].tolist()
    while len(chosen) < min(top, len(mean)):
        from activeloop.acquisition.multiobjective import on_front

        group = left[met[left]] if met[left].any() else left
        layer = group[on_front(free[group])]
        chosen += layer.tolist()
        left = left[~np.isin(left, layer)]
    starts = np.cumsum([0, *map(len, pieces)])
    at = np.searchsorted(starts, chosen[:top], side="right") - 1
    order = ", those first that no other prediction beats in every assay" if free.shape[1] > 1 else ""
    order += ", within the thresholds first" if not np.isnan(limits).all() else ""
    return [(pieces[k], i - int(starts[k])) for i, k in zip(chosen[:top], at.tolist(), strict=True)], order
