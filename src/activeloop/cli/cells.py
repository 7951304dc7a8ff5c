"""`activeloop cells`: single cells of an AnnData file as tables of treatments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from activeloop.cli.evaluate import SAME_RULE
from activeloop.cli.record import columns_of
from activeloop.cli.terminal import next_step, say, waiting
from activeloop.words import many

FILE = typer.Argument(metavar="FILE.h5ad", help="Treated cells, as sci-Plex 3, Tahoe-100M or others lay them out.")
OUT = typer.Option(metavar="DIR", help="Folder of the tables.")
RESPONSE = typer.Option(
    metavar="GENE", help="A gene whose response is a column; several times (default: the size of the whole response)."
)
COLUMN = typer.Option(
    metavar="ROLE=NAME",
    help="The column of obs of a role: cells, compound, dose, dose unit, donor, plate, structure, control.",
)
GENES = typer.Option(metavar="COLUMN", help="The column of var with the ids of genes (default: its index).")
LAYER = typer.Option(metavar="NAME", help="The layer that is read, or raw (default: X).")
UNIT = typer.Option(metavar="UNIT", help="Unit of the doses, where the file does not say it (sci-Plex 3: nM).")
CONTROL = typer.Option(metavar="WORD", help="A further word for untreated cells.")
PLATES = typer.Option("--by-plate", help="Responses are differences to the control of the same plate.")
SPLIT = typer.Option(metavar="compound|drug|cells|line|donor|scaffold", help="Number folds; what is held out together.")


def cells(
    file: Annotated[Path, FILE],
    out: Annotated[Path, OUT],
    response: Annotated[list[str] | None, RESPONSE] = None,
    column: Annotated[list[str] | None, COLUMN] = None,
    genes: Annotated[str | None, GENES] = None,
    layer: Annotated[str | None, LAYER] = None,
    control: Annotated[list[str] | None, CONTROL] = None,
    by_plate: Annotated[bool, PLATES] = False,
    dose_unit: Annotated[str, UNIT] = "",
    split: Annotated[Literal["compound", "drug", "cells", "line", "donor", "scaffold"] | None, SPLIT] = None,
    folds: Annotated[int, typer.Option(help="How many folds.")] = 5,
    seed: Annotated[int, typer.Option(help="Which goes into which fold.")] = 0,
) -> None:
    """Add up single cells by condition: tables of treatments, lines and drugs for `new`, `replay` and `evaluate`.

    Cells of one condition are repeats, so folds are by compound, cells, donor or scaffold, never by cell.
    """
    from activeloop.desk.cells import cell_tables
    from activeloop.files import write_tables

    by: Any = SAME_RULE.get(split or "", split)
    with waiting(f"Reading {file.name}"):
        found = cell_tables(
            file,
            response or (),
            columns=columns_of(column or []),
            genes=genes,
            layer=layer,
            by_plate=by_plate,
            controls=control or (),
            dose_unit=dose_unit,
            by=by,
            folds=folds,
            seed=seed,
        )
    written = write_tables(found.tables, out)
    say(f"{many(found.cells, 'cell')} of {many(found.conditions, 'condition')}.")
    for note in found.notes:
        say(f"Note: {note}")
    say(f"Written: {', '.join(map(str, written))}")
    panels = "".join(f" --panel {path}" for path in written if path.name in ("lines.csv", "drugs.csv"))
    next_step(f"`activeloop new DIR --table {out / 'treatments.csv'} --kind treatments --assay NAME{panels}`.")
