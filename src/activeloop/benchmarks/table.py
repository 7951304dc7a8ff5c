"""From a table of candidates and values to a landscape."""

from __future__ import annotations

import numpy as np

from activeloop.benchmarks.columns import Columns
from activeloop.benchmarks.landscape import Landscape
from activeloop.benchmarks.wild_types import fitting_wild_type
from activeloop.candidates import Notation, Pool, Table
from activeloop.errors import InputError
from activeloop.measurements import Assay, Goal

FORGIVEN = 0.1
"""Largest share of rows that may be left out because their candidate cannot be understood."""


def landscape_of(
    table: Table, columns: Columns, name: str, goal: Goal, wild_type: str | None = None, origin: str = ""
) -> Landscape:
    """The landscape of a table: every candidate once, with the mean of its values.

    Rows without a value (empty, NaN, `n.d.`), and a few whose candidate cannot be understood (a stop codon), are left
    out and counted in the landscape's origin. A value beyond a limit (`<0.1`) counts as the limit.

    Args:
        table: read whole.
        columns: which columns to use.
        name: of the landscape.
        goal: whether more or less is better.
        wild_type: of variants, as letters or FASTA file; None = told by the table, see `fitting_wild_type`.
        origin: where it is from, in one sentence.

    Raises:
        InputError: a row that cannot be understood (names it), or fewer than two different values.

    >>> table = Table("t.csv", ("variant", "kcat"), (["AA", "AC", "AC"], ["1", "2", "4"]), (2, 3, 4), "")
    >>> landscape = landscape_of(table, Columns("variant", "kcat", None, "variants"), "t", "maximise")
    >>> landscape.pool.names([0, 1]), landscape.values.tolist()
    (['AA', 'AC'], [1.0, 3.0])
    """
    values = _values(table, columns.target)
    known = ~np.isnan(values)
    if not known.all():
        table, values = _rows(table, known), values[known]
        origin = f"{origin} {_many(~known, 'row')} without a value left out."
    if len(values) < 2 or values.min() == values.max():
        raise table.error(f'column "{columns.target}" holds fewer than two different values: there is nothing to find.')
    if columns.kind == "variants":
        wild_type, said = fitting_wild_type(table, table.column(columns.candidate), wild_type)
        origin += said
    pool, rows, fine, told = _understood(table, columns, wild_type)
    counts = np.bincount(rows, minlength=len(pool))
    means = np.bincount(rows, values[fine], len(pool)) / counts
    if (counts > 1).any():
        told += f" {_many(counts > 1, 'candidate')} in several rows; their values are averaged."
    classes = None
    if columns.classes:
        told_class = _values(table, columns.classes)[fine]
        known = np.isfinite(told_class)
        votes = np.bincount(rows[known], told_class[known], len(pool))
        voters = np.bincount(rows[known], minlength=len(pool))
        classes = (2 * votes >= np.maximum(voters, 1)).astype(np.int8)
        # classes that are not told for every candidate, or are all the same, classify nothing
        classes = classes if voters.all() and 0 < classes.sum() < len(classes) else None
    return Landscape(name, pool, means, Assay(columns.target, goal=goal), classes, (origin + told).strip())


def _many(which: np.ndarray, thing: str) -> str:
    return f"{int(which.sum()):,} {thing}{'' if which.sum() == 1 else 's'}"


def _understood(table: Table, columns: Columns, wild_type: str | None) -> tuple[Pool, np.ndarray, np.ndarray, str]:
    """The pool, the row in it of each table row that counts, which table rows count [n], and what was left out.

    Scans list stop codons, screens list salts that no program can read; a replay is asked about the rest.

    Raises:
        InputError: more than a tenth of the candidates cannot be understood; it is the first of them.
    """
    everything = np.ones(len(table), bool)
    try:
        return *_pool(table, columns, wild_type), everything, ""
    except InputError as error:
        notation = _notation(table, columns, wild_type)
        fine = np.array([notation is not None and _reads(notation, cell) for cell in table.column(columns.candidate)])
        if notation is None or fine.all() or (~fine).mean() > FORGIVEN:
            raise
        such_as = f"row {error.row}: {error.problem[:120]}"
        told = f" {_many(~fine, 'row')} whose candidate cannot be understood left out ({such_as})."
        return *_pool(_rows(table, fine), columns, wild_type), fine, told


def _notation(table: Table, columns: Columns, wild_type: str | None) -> Notation | None:
    """How the table writes candidates, told by the first of its rows that can be read alone; None when none can."""
    for i in range(min(len(table), 20)):
        one = _rows(table, np.arange(len(table)) == i)
        try:
            return Pool.from_table(one, columns.kind, wild_type, columns.candidate).notation
        except InputError:
            continue
    return None


def _reads(notation: Notation, cell: str) -> bool:
    try:
        notation.design(cell)
    except InputError:
        return False
    return True


def _pool(table: Table, columns: Columns, wild_type: str | None) -> tuple[Pool, np.ndarray]:
    """The pool of the table's candidates, and the row of each table row in it."""
    cells = table.column(columns.candidate)
    pool = Pool.from_table(table, columns.kind, wild_type, columns.candidate, merge_duplicates=True)
    rows = pool.rows_of(cells)
    lost = np.flatnonzero(rows < 0)
    if len(lost):
        i = int(lost[0])
        raise table.error(f'"{cells[i]}" cannot be found again in the pool. Write it in standard notation.', i)
    return pool, rows


def _values(table: Table, column: str) -> np.ndarray:
    """[n] values of a column; NaN where there is none."""
    cells = table.column(column)
    if table.decimal == ".":
        try:
            values = np.array([cell or "nan" for cell in cells], np.float64)
        except ValueError:
            values = np.array([number.value for number in table.numbers(column)])
    else:
        values = np.array([number.value for number in table.numbers(column)])
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        i = int(infinite[0])
        raise table.error(f'"{cells[i]}" is not a measured value. Correct it or leave it empty.', i)
    return values


def _rows(table: Table, keep: np.ndarray) -> Table:
    """Some rows of a table."""
    index = np.flatnonzero(keep).tolist()
    columns = tuple([column[i] for i in index] for column in table.columns)
    numbers = tuple(table.row_numbers[i] for i in index)
    return Table(table.file, table.header, columns, numbers, table.content_hash, table.decimal)
