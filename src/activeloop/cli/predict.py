"""`activeloop predict`: what the model says."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from activeloop.cli.terminal import Folder, console, many, next_step, opened, say

if TYPE_CHECKING:
    import numpy as np

    from activeloop.campaigns import Campaign, Forecast
    from activeloop.candidates import Pool

FILE = typer.Argument(metavar="[FILE]", help="A table of candidates; the whole pool when left out.")
OUT = typer.Option(metavar="FILE.csv", help="Write all predictions here; without it the best are shown.")
PIECE = 50_000


def predict(
    directory: Folder,
    file: Annotated[Path | None, FILE] = None,
    column: Annotated[str, typer.Option(help="The table's column of candidates; guessed when left out.")] = "",
    out: Annotated[Path | None, OUT] = None,
    top: Annotated[int, typer.Option(help="How many of the best are shown.")] = 10,
) -> None:
    """Predict candidates with the current version: mean, spread and 90 % interval, in the unit of the assay."""
    loop = opened(directory).campaign
    pieces = list(_pieces(loop, _rows(loop.pool, file, column)))
    best = _best(pieces, top, loop.assays[0].sign)
    if out:
        _write(out, pieces)
        say(f"Wrote {many(sum(map(len, pieces)), 'prediction')} of version {pieces[0].version} to {out}.")
    _show(best, pieces[0].assays[0], pieces[0].version)
    next_step(f"`activeloop propose {directory}` chooses for you; `activeloop pin {directory} NAME` insists on one.")


def _rows(pool: Pool, file: Path | None, column: str) -> np.ndarray:
    import numpy as np

    if file is None:
        return np.arange(len(pool))
    from activeloop.candidates import read_table
    from activeloop.candidates.columns import guess_column
    from activeloop.errors import NotationError

    table = read_table(file)
    names = table.candidates(column or guess_column(table, pool.kind))
    rows = []
    for number, name in zip(table.row_numbers, names, strict=True):
        try:
            rows.append(pool.find(name))
        except NotationError as error:
            raise NotationError(error.problem, file=table.file, row=number) from None
    return np.array(rows, np.int64)


def _pieces(loop: Campaign, rows: np.ndarray) -> Iterator[Forecast]:
    for start in range(0, max(len(rows), 1), PIECE):
        yield loop.predict(rows[start : start + PIECE])


def _best(pieces: list[Forecast], top: int, sign: int) -> list[tuple[str, float, float, float]]:
    found = [
        (name, *values)
        for piece in pieces
        for name, *values in zip(
            piece.names, piece.mean[:, 0].tolist(), piece.low[:, 0].tolist(), piece.high[:, 0].tolist(), strict=True
        )
    ]
    return sorted(found, key=lambda line: -sign * line[1])[:top]


def _show(best: list[tuple[str, float, float, float]], assay: str, version: int) -> None:
    from rich.table import Table

    table = Table(title=f"the best {len(best)} by version {version}", title_justify="left")
    for header in ("candidate", f"{assay} predicted", "90 % interval"):
        table.add_column(header)
    for name, mean, low, high in best:
        table.add_row(name, f"{mean:.4g}", f"{low:.3g} to {high:.3g}")
    console().print(table)


def _write(out: Path, pieces: list[Forecast]) -> None:
    from activeloop.store import write_file

    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["candidate", *(f"{a}{what}" for a in pieces[0].assays for what in ("", " sd", " low", " high"))])
    for piece in pieces:
        columns = [
            x[:, a].tolist() for a in range(len(piece.assays)) for x in (piece.mean, piece.sd, piece.low, piece.high)
        ]
        writer.writerows(zip(piece.names, *columns, strict=True))
    write_file(out, text.getvalue().encode())
