"""`activeloop predict`: predictions of the model, or of a student in a file."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from activeloop.cli.terminal import console, many, next_step, opened, say

if TYPE_CHECKING:
    import numpy as np

    from activeloop.campaigns import Campaign
    from activeloop.candidates import Pool
    from activeloop.measurements import Assay
    from activeloop.prediction import PredictionTable

DIRECTORY = typer.Argument(metavar="[DIR]", help="The campaign's folder; leave it out with --student.")
FILE = typer.Argument(metavar="[FILE]", help="A table of candidates (default: the whole pool).")
STUDENT = typer.Option(metavar="FILE.onnx", help="Predict with this exported student instead of a campaign.")
OUT = typer.Option(metavar="FILE.csv", help="Write all predictions here; without it the best are shown.")
DRAWS = typer.Option(min=0, help="With --student and --out: also write this many joint samples, a column each.")
PIECE = 50_000


def predict(
    directory: Annotated[Path | None, DIRECTORY] = None,
    file: Annotated[Path | None, FILE] = None,
    student: Annotated[Path | None, STUDENT] = None,
    column: Annotated[
        str, typer.Option(help="The table's column of candidates (default: found by name and content).")
    ] = "",
    out: Annotated[Path | None, OUT] = None,
    top: Annotated[int, typer.Option(help="How many of the best are shown.")] = 10,
    draws: Annotated[int, DRAWS] = 0,
) -> None:
    """Predict candidates with the current version: mean, spread and 90 % interval, in the unit of the assay.

    With `--student` the table alone is given: `activeloop predict --student student.onnx variants.csv`.
    """
    if student is not None:
        _with_student(student, _only(directory, file), column, out, top, draws)
        return
    if directory is None or draws:
        from activeloop.errors import ConfigError

        what = "--draws needs --student" if draws else "give the campaign's folder, or a student (--student FILE.onnx)"
        raise ConfigError(f"{what}.")
    loop = opened(directory).campaign
    pieces = list(_pieces(loop, _rows(loop.pool, file, column)))
    version = f"version {pieces[0].version}"
    _tell(pieces, loop.assays, version, out, top)
    next_step(f"`activeloop propose {directory}` chooses for you; `activeloop pin {directory} NAME` insists on one.")


def _only(directory: Path | None, file: Path | None) -> Path:
    """The one table that a student is given."""
    if directory is None or file is not None:
        from activeloop.errors import ConfigError

        raise ConfigError("with --student give one table of candidates, and no campaign's folder.")
    return directory


def _with_student(path: Path, table: Path, column: str, out: Path | None, top: int, draws: int) -> None:
    from activeloop.students.runtime.edge import encode_table, predict_table
    from activeloop.students.runtime.student import Student

    student = Student.open(path)
    card, candidates = student.card, encode_table(student.card.tokenizer, table, column)
    pieces = list(predict_table(student, candidates, draws=draws if out else 0))
    of_what = f"the student of version {card.teacher_version}" if card.teacher_version else "the student"
    _tell(pieces, card.assays, of_what, out, top)
    say(student.explain())
    if candidates.warning:
        say(candidates.warning)


def _rows(pool: Pool, file: Path | None, column: str) -> np.ndarray:
    import numpy as np

    if file is None:
        return np.arange(len(pool))
    from activeloop.candidates import read_each
    from activeloop.tables import read_table

    return np.array(read_each(read_table(file), pool.kind, column, pool.find), np.int64)


def _pieces(loop: Campaign, rows: np.ndarray) -> Iterator[PredictionTable]:
    for start in range(0, max(len(rows), 1), PIECE):
        yield loop.predict(rows[start : start + PIECE])


def _tell(pieces: list[PredictionTable], assays: Sequence[Assay], who: str, out: Path | None, top: int) -> None:
    """Write all to a file if one is asked for, and show the best."""
    if out:
        # not by the campaign's store: loading that takes longer than a student's answer
        from activeloop.files import write_whole
        from activeloop.prediction import write_predictions

        text = io.StringIO(newline="")
        write_predictions(text, pieces)
        write_whole(out, text.getvalue())
        say(f"Wrote {many(sum(map(len, pieces)), 'prediction')} of {who} to {out}.")
    _show(_best(pieces, top, assays[0].sign), assays[0].name, who)


def _best(pieces: list[PredictionTable], top: int, sign: int) -> list[tuple[str, float, float, float]]:
    found = [
        (name, *values)
        for piece in pieces
        for name, *values in zip(
            piece.names, piece.mean[:, 0].tolist(), piece.low[:, 0].tolist(), piece.high[:, 0].tolist(), strict=True
        )
    ]
    return sorted(found, key=lambda line: -sign * line[1])[:top]


def _show(best: list[tuple[str, float, float, float]], assay: str, who: str) -> None:
    from rich.table import Table

    table = Table(title=f"the best {len(best)} by {who}", title_justify="left")
    for header in ("candidate", f"{assay} predicted", "90 % interval"):
        table.add_column(header)
    for name, mean, low, high in best:
        table.add_row(name, f"{mean:.4g}", f"{low:.3g} to {high:.3g}")
    console().print(table)
