"""`activeloop predict`: predictions of the model, or of a student in a file."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from activeloop.cli.terminal import (
    Column,
    MergeDuplicates,
    Offset,
    SkipUnreadable,
    interval_title,
    next_step,
    opened,
    predicted_title,
    say,
    show_table,
)
from activeloop.words import many, shown_number

if TYPE_CHECKING:
    import numpy as np

    from activeloop.campaigns import Campaign
    from activeloop.candidates import Pool
    from activeloop.measurements import Assay
    from activeloop.prediction import PredictionTable
    from activeloop.students.runtime.edge import EncodedTable
    from activeloop.students.runtime.student import Student

DIRECTORY = typer.Argument(metavar="[DIR]", help="The campaign's folder; leave it out with --student.")
FILE = typer.Argument(metavar="[FILE]", help="A table of candidates (default: the whole pool).")
STUDENT = typer.Option(metavar="FILE.onnx", help="Predict with this exported student instead of a campaign.")
OUT = typer.Option(metavar="FILE.csv", help="Write all predictions here; without it the best are shown.")
SAMPLES = typer.Option(min=0, help="With --student and --out: also write this many joint samples, a column each.")
PIECE = 50_000


def predict(
    directory: Annotated[Path | None, DIRECTORY] = None,
    file: Annotated[Path | None, FILE] = None,
    student: Annotated[Path | None, STUDENT] = None,
    column: Column = "",
    out: Annotated[Path | None, OUT] = None,
    top: Annotated[int, typer.Option(help="How many of the best are shown.")] = 10,
    draws: Annotated[int, SAMPLES] = 0,
    offset: Offset = None,
    skip_unreadable: SkipUnreadable = False,
    merge_duplicates: MergeDuplicates = False,
) -> None:
    """Predict candidates with the current version, in the assay's unit.

    Each gets its mean, the standard deviation of the model (`model sd`, without measurement noise), and the 90 %
    interval in which a new measurement should fall (`measurement low`, `measurement high`).

    With `--student` the table alone is given: `activeloop predict --student student.onnx variants.csv`.
    """
    from activeloop.errors import ConfigError

    if student is not None:
        if directory is None or file is not None:
            raise ConfigError("with --student give one table of candidates, and no campaign's folder.")
        from activeloop.students.runtime.edge import encode_table
        from activeloop.students.runtime.student import Student

        opened_student = Student.open(student)
        candidates = encode_table(
            opened_student.card.tokenizer,
            directory,
            column,
            offset=offset,
            skip_unreadable=skip_unreadable,
            merge_duplicates=merge_duplicates,
        )
        _with_student(opened_student, candidates, out, top, draws)
        return
    if directory is None or draws:
        what = "--draws needs --student" if draws else "give the campaign's folder, or a student (--student FILE.onnx)"
        raise ConfigError(f"{what}.")
    import numpy as np

    from activeloop.candidates import rows_asked
    from activeloop.measurements import Assay

    loop = opened(directory).campaign
    pool, rows = loop.pool, np.arange(0 if file else len(loop.pool))
    if file is not None:
        pool, rows, left_out = rows_asked(
            pool, file, column, offset=offset, skip_unreadable=skip_unreadable, merge_duplicates=merge_duplicates
        )
        if left_out:
            say(f"Note: {left_out}")
    pieces = list(_pieces(loop, pool, rows))
    version = pieces[0].version
    who = f"version {version}" if version else "the prior"
    _report(pieces, loop.predicted_assays() or (Assay(pieces[0].assays[0]),), who, out, top)
    if outside := sum(int(p.outside.sum()) for p in pieces if p.outside is not None):
        say(
            f"Note: {many(outside, 'candidate')} {'is' if outside == 1 else 'are'} not in the pool: predicted all the "
            f"same, and never proposed. To add {'it' if outside == 1 else 'them'}: `activeloop extend {directory} "
            f"--list {file}`."
        )
    if not version:
        what = "probabilities by" if pieces[0].classes else "scores of"
        more = "" if pieces[0].classes else ", which have no unit; more is better"
        say(f"No model was fitted yet: these are {what} the prior{more}.")
    next_step(f"`activeloop propose {directory}` chooses for you; `activeloop pin {directory} NAME` insists on one.")


def _with_student(student: Student, candidates: EncodedTable, out: Path | None, top: int, draws: int) -> None:
    from activeloop.students.runtime.edge import predict_table

    card = student.card
    pieces = list(predict_table(student, candidates, draws=draws if out else 0))
    who = f"the student of version {card.teacher_version}" if card.teacher_version else "the student"
    _report(pieces, card.assays, who, out, top)
    say(student.explain())
    if candidates.warning:
        say(candidates.warning)
    if candidates.note:
        say(f"Note: {candidates.note}")


def _pieces(loop: Campaign, pool: Pool, rows: np.ndarray) -> Iterator[PredictionTable]:
    for start in range(0, max(len(rows), 1), PIECE):
        yield loop.predict(rows[start : start + PIECE], of=pool)


def _report(pieces: list[PredictionTable], assays: Sequence[Assay], who: str, out: Path | None, top: int) -> None:
    """Write all to a file if one is named, and show the best."""
    if out:
        # not by the campaign's store: loading that takes longer than a student's prediction
        from activeloop.files import write_whole
        from activeloop.prediction import write_predictions

        text = io.StringIO(newline="")
        write_predictions(text, pieces)
        write_whole(out, text.getvalue())
        say(f"Wrote {many(sum(map(len, pieces)), 'prediction')} of {who} to {out}.")
    from activeloop.prediction import PRIOR_SCORE

    best, order = _best(pieces, assays, top)
    headers = ["candidate"]
    for assay in assays:
        interval = interval_title(pieces[0].classes) if len(assays) == 1 else f"{assay.name} 90 % interval"
        headers += [PRIOR_SCORE] if assay.name == PRIOR_SCORE else [predicted_title(assay.name, assay.unit), interval]
    rows = []
    for piece, i in best:
        outside = piece.outside is not None and piece.outside[i]
        cells = [f"{piece.names[i]} (not in the pool)" if outside else piece.names[i]]
        for a, assay in enumerate(assays):
            cells.append(shown_number(piece.mean[i, a], 4))
            if assay.name != PRIOR_SCORE:
                cells.append(f"{shown_number(piece.low[i, a])} to {shown_number(piece.high[i, a])}")
        rows.append(cells)
    order += "; intervals are of one measurement" if len(assays) > 1 else ""
    show_table(f"the best {len(best)} by {who}{order}", headers, rows)


def _best(
    pieces: Sequence[PredictionTable], assays: Sequence[Assay], top: int
) -> tuple[list[tuple[PredictionTable, int]], str]:
    """Piece and row of the best predictions, and by what they are ordered, in words.

    Those that are predicted to meet all thresholds come first; among several assays whose best is looked for, those
    that no other prediction beats in every assay, then those that only these beat, and so on.
    """
    import numpy as np

    from activeloop.measurements import limits_of

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
