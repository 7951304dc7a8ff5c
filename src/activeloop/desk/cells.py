"""Single cells of an AnnData file as the small tables of a campaign: treatments with responses, and what panels say."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np

from activeloop.candidates import dose_name
from activeloop.errors import ConfigError, InputError
from activeloop.files import csv_text, write_whole
from activeloop.measurements.single_cells import COLUMNS, Condition, Pseudobulk, Role, read_cells

SUFFIX = ".h5ad"
"""Of AnnData files."""
GENES = 2000
"""Genes whose expression a table of lines holds: those that differ most between lines."""
RESPONSE = "response"
"""The size of a response: root mean square over genes of log2 expression less that of the control."""
By = Literal["compound", "cells", "donor", "scaffold"]


@dataclass(frozen=True)
class CellTables:
    """What an AnnData file says, as tables.

    Args:
        cells: how many were added up.
        conditions: how many groups of them, controls included.
        tables: name of a file -> its content: `treatments.csv` (cells, compound, dose, responses, and a fold where one
            was asked for), `conditions.csv` (what was added up), `lines.csv` (expression of untreated cells, as far as
            lines differ) and `drugs.csv` (structures, where the file has them).
        notes: what was added up, converted, assumed or left out, in sentences.
    """

    cells: int
    conditions: int
    tables: Mapping[str, str]
    notes: tuple[str, ...]


def cell_tables(
    file: str | os.PathLike[str],
    responses: Sequence[str] = (),
    *,
    columns: Mapping[str, str] | None = None,
    genes: str | None = None,
    layer: str | None = None,
    by_plate: bool = False,
    controls: Sequence[str] = (),
    dose_unit: str = "",
    by: By | None = None,
    folds: int = 5,
    seed: int = 0,
    only_panels: bool = False,
) -> CellTables:
    """Add up the cells of each condition, and write what was found as tables; only parts of the file are in memory.

    Args:
        file: .h5ad, as `read_cells`.
        responses: genes whose responses are columns; `response` for the size of the whole one, which is there without
            any.
        columns: role -> column of `obs`, as `read_cells`.
        genes: column of `var` with the ids of genes.
        layer: of the matrix.
        by_plate: whether controls are those of the same plate.
        controls: further words for untreated cells.
        dose_unit: of doses, where the file does not say it.
        by: what is held out together; a column `fold` numbers the folds. Never the single cell.
        folds: how many.
        seed: of which goes where.
        only_panels: whether treatments and conditions are left out.

    Raises:
        InputError: as `read_cells`; a gene is not in the file, or cells have no control.
    """
    if unknown := [role for role in columns or {} if role not in COLUMNS]:
        raise ConfigError(f'--column "{unknown[0]}": the roles are {", ".join(COLUMNS)}. Nothing was read.')
    roles: dict[Role, str] = {role: name for role, name in (columns or {}).items() if role in COLUMNS}
    found = read_cells(file, columns=roles, genes=genes, layer=layer, by_plate=by_plate, controls=controls)
    where = os.fspath(file)
    if dose_unit and found.unit and dose_unit != found.unit:
        raise InputError(f"its doses are in {found.unit}, not in {dose_unit}. Leave --dose-unit out.", file=where)
    found = replace(found, unit=found.unit or dose_unit)
    try:
        numbers = found.folds(by, folds, seed) if by else None
        treated, changes = found.responses()
    except InputError as error:
        raise InputError(error.problem, file=where) from None
    of = [numbers[i] for i, c in enumerate(found.conditions) if not c.control] if numbers is not None else []
    tables: dict[str, str] = {}
    if not only_panels:
        tables["treatments.csv"] = _treatments(found, treated, changes, responses, of, where)
        tables["conditions.csv"] = _conditions(found, numbers)
    if lines := _lines(found):
        tables["lines.csv"] = lines
    if found.structures:
        tables["drugs.csv"] = csv_text(("compound", "smiles"), found.structures.items())
    return CellTables(sum(c.count for c in found.conditions), len(found), tables, found.notes)


@contextmanager
def as_tables(
    table: Path | None, panels: Sequence[Path], history: Path | None, assays: Sequence[str]
) -> Iterator[tuple[Path | None, tuple[Path, ...], Path | None]]:
    """The files of a new campaign, with tables in the place of AnnData files, for as long as the context lasts.

    In place of a table its treatments, of a panel its lines and drugs, of a history its treatments with the responses
    that the assays are called after.

    Raises:
        InputError: a file cannot be read as it is (`activeloop cells` has options), or tells nothing there.
    """
    files = dict.fromkeys(path for path in (table, *panels, history) if path and path.suffix.casefold() == SUFFIX)
    if not files:
        yield table, tuple(panels), history
        return
    with TemporaryDirectory(prefix="activeloop-") as folder:
        made: dict[tuple[Path, str], Path] = {}
        for number, path in enumerate(files):
            own = Path(folder) / str(number)  # files of two folders may have one name
            own.mkdir()
            responses = [name for name in assays if name != RESPONSE] if path == history else []
            try:
                found = cell_tables(path, responses, only_panels=path not in (table, history))
            except InputError as error:
                hint = f"`activeloop cells {path.name} --out DIR` has options for the columns and writes the tables."
                raise InputError(f"{error.problem} {hint}", file=str(path)) from None
            for name, text in found.tables.items():
                made[path, name] = own / f"{path.stem}-{name}"
                write_whole(made[path, name], text)

        def instead(path: Path, names: Sequence[str]) -> list[Path]:
            if path not in files:
                return [path]
            there = [made[path, name] for name in names if (path, name) in made]
            if not there:
                raise InputError(
                    "has fewer than two lines with untreated cells, and no structures: it tells of no panel. Leave it "
                    "out. No campaign was made.",
                    file=str(path),
                )
            return there

        yield (
            instead(table, ["treatments.csv"])[0] if table else None,
            tuple(each for path in panels for each in instead(path, ["lines.csv", "drugs.csv"])),
            instead(history, ["treatments.csv"])[0] if history else None,
        )


def _treatments(
    found: Pseudobulk,
    treated: Sequence[Condition],
    changes: np.ndarray,
    responses: Sequence[str],
    folds: Sequence[int],
    file: str,
) -> str:
    """A row for each treated condition; the mean of plates, where they were kept apart, is that of its readers."""
    places = {gene.casefold(): i for i, gene in enumerate(found.genes)}
    names = list(dict.fromkeys(responses)) or [RESPONSE]
    values = []
    for name in names:
        place = places.get(name.casefold())
        if place is None and name != RESPONSE:
            raise InputError(
                f'there is no gene "{name}" ({found.kind} ids, such as {found.genes[0]}). Name genes of the file, or '
                f'"{RESPONSE}" for the size of the whole response. Nothing was written.',
                file=file,
            )
        values.append(np.sqrt(np.mean(changes**2, axis=1)) if place is None else changes[:, place])
    dosed = any(not math.isnan(c.dose) for c in treated)
    donors = len({c.donor for c in treated}) > 1
    head = ["cell line", "compound", *["dose"] * dosed, *["donor"] * donors, *names, *["fold"] * bool(len(folds))]
    rows = []
    for i, c in enumerate(treated):
        if dosed and math.isnan(c.dose):
            raise InputError(
                f'"{c.compound}" on {c.cells} has no dose, and others have. Nothing was written.', file=file
            )
        if dosed and not found.unit:
            raise InputError(
                f"its doses (such as {c.dose:g}) have no unit. Say it with --dose-unit, such as nM, or name the column "
                "that holds it (--column 'dose unit=NAME'). Nothing was written.",
                file=file,
            )
        dose = [dose_name(f"{c.dose:g}", found.unit)] if dosed else []
        donor = [c.donor if not c.donor.isdigit() else f"donor {c.donor}"] * donors
        own = [float(f"{column[i]:.6g}") for column in values]
        rows.append([c.cells or "cells", c.compound, *dose, *donor, *own, *([int(folds[i])] if len(folds) else [])])
    return csv_text(head, rows)


def _conditions(found: Pseudobulk, folds: np.ndarray | None) -> str:
    """A row for each condition, untreated ones included."""
    head = ("cell line", "compound", "dose", "unit", "donor", "plate", "cells counted", "control", "fold")
    rows = (
        (
            *(c.cells, c.compound, "" if math.isnan(c.dose) else f"{c.dose:g}", found.unit, c.donor, c.plate, c.count),
            *("yes" if c.control else "no", "" if folds is None or folds[i] < 0 else int(folds[i])),
        )
        for i, c in enumerate(found.conditions)
    )
    return csv_text(head, rows)


def _lines(found: Pseudobulk) -> str:
    """Expression of the untreated cells of each line; "" where there are fewer than two lines."""
    names = list(dict.fromkeys(c.cells for c in found.conditions if c.control and c.cells))
    if len(names) < 2:
        return ""
    expression, sizes = found.expression(), np.array([c.count for c in found.conditions], np.float64)
    table = np.stack([_mean(expression, sizes, found.conditions, name) for name in names])
    chosen = np.sort(np.argsort(-table.std(0), kind="stable")[:GENES])
    rows = (
        [name, *(float(f"{value:.5g}") for value in row)] for name, row in zip(names, table[:, chosen], strict=True)
    )
    return csv_text(("cell line", *(found.genes[g] for g in chosen)), rows)


def _mean(expression: np.ndarray, sizes: np.ndarray, conditions: Sequence[Condition], name: str) -> np.ndarray:
    own = np.array([c.control and c.cells == name for c in conditions])
    return sizes[own] @ expression[own] / sizes[own].sum()
