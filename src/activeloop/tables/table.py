"""A table as it comes from a spreadsheet: named columns of text, each row with the number a spreadsheet shows.

Every cell is text, as it would be typed; `parse_number` reads values. Nothing is converted in silence.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from activeloop.errors import TableError, nearest
from activeloop.tables.grids import chosen_grid, find_grids, row_letters
from activeloop.tables.names import LONGEST, ROLES, candidate_names, plain, split_unit
from activeloop.tables.numbers import (
    DATE,
    LARGEST,
    Number,
    Sign,
    Typed,
    converted,
    doubt,
    factor_between,
    find_sign,
    is_missing,
    parse_number,
    usual,
)
from activeloop.words import some

MOST_COLUMNS = 100_000
"""Of a table: more than all genes of a genome, and few enough to be looked through."""
ERROR_CELLS = frozenset(
    {
        "#N/A",
        "#REF!",
        "#VALUE!",
        "#DIV/0!",
        "#NAME?",
        "#NUM!",
        "#NULL!",
        "#SPILL!",
        "#CALC!",
        "#NV",
        "#WERT!",
        "#ZAHL!",
        "#BEZUG!",
        "#VALEUR!",
        "#NOMBRE!",
        "#N/D",
    }
)
_VARIANT = re.compile(r"(?:p\.)?[A-Z]\d+[A-Z](?:[:,;/+][A-Z]\d+[A-Z])*")
DECIMAL_COMMA = re.compile(r"[<>=]?\s*[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
DECIMAL_POINT = re.compile(r"[<>=]?\s*[+-]?\d*\.\d+(?:[eE][+-]?\d+)?")


@dataclass(frozen=True)
class Table:
    """A table in memory.

    Args:
        file: its name, as messages show it.
        header: column names, each once.
        columns: one list of cells for each name.
        row_numbers: the spreadsheet row of each data row (the header is row 1).
        content_hash: of the file's bytes (BLAKE2b, 32 hexadecimal digits): the same file read twice is recognised.
        decimal: the decimal sign of all its numbers where the user names it; None = each column shows its own.
        delimiter: between its cells; "" in a workbook.
        notes: what of a workbook was not read or is hidden, in sentences.

    >>> t = Table("pool.csv", ("mutant", "score"), (["A24G"], ["0.5"]), (2,), "")
    >>> t.column("Mutant"), t.row(0), len(t)
    (['A24G'], {'mutant': 'A24G', 'score': '0.5'}, 1)
    >>> t.column("mutation")
    Traceback (most recent call last):
    activeloop.errors.TableError: pool.csv: no column "mutation"; did you mean "mutant"? Columns: mutant, score.
    """

    file: str
    header: tuple[str, ...]
    columns: tuple[list[str], ...]
    row_numbers: tuple[int, ...] | range
    content_hash: str
    decimal: Sign | None = None
    delimiter: str = ","
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.row_numbers)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.header)}

    @cached_property
    def _folded(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in self.header:
            found.setdefault(name.casefold(), []).append(name)
        return found

    @cached_property
    def _plain(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in self.header:
            found.setdefault(plain(split_unit(name)[0]), []).append(name)
        return found

    def find(self, name: str) -> str | None:
        """The column's name as it stands in the header, found without regard to case; None if absent."""
        if name in self._places:
            return name
        found = self._folded.get(name.strip().casefold(), ())
        return found[0] if len(found) == 1 else None

    def cells(self, name: str) -> list[str]:
        """The cells of a column that the header names just so, whatever they hold.

        Raises:
            KeyError: there is none.
        """
        return self.columns[self._places[name]]

    @property
    def listed(self) -> str:
        """The names of the columns in a sentence, the first of many; of a workbook also which sheet they are of."""
        other = next((note for note in self.notes if note.startswith("sheet ")), "")
        return f"Columns: {some(self.header, 40)}." + (f" {other[0].upper()}{other[1:]}" if other else "")

    def named(self, names: Iterable[str]) -> list[str]:
        """The columns that have one of some names (`activeloop.tables.names`), in the order of the names.

        >>> Table("r.csv", ("Probe", "Well ID", "Messwert (nM)"), (["a"], ["A1"], ["3"]), (2,), "").named(
        ...     ["well id", "wert"]
        ... )
        ['Well ID']
        """
        keys = dict.fromkeys(map(plain, names))
        return [header for key in keys for header in self._plain.get(key, ())]

    def column(self, name: str) -> list[str]:
        """The cells of one column, from the first data row on.

        Raises:
            TableError: no such column, or one of its cells holds a spreadsheet error or a formula without a value.
        """
        found = self.find(name)
        if found is None:
            close = nearest(name, self.header)
            hint = f'; did you mean "{close[0]}"?' if close else "."
            raise self.error(f'no column "{name}"{hint} {self.listed}')
        cells = self.cells(found)
        for i, cell in enumerate(cells):
            if cell and cell[0] in "#=" and not is_missing(cell):
                self._refuse_broken_cell(found, i, cell)
        return cells

    def candidates(self, name: str, *, empty: bool = False) -> list[str]:
        """The cells of a column that names candidates.

        Args:
            name: of the column.
            empty: whether cells may be empty.

        Raises:
            TableError: as `column`; also for an empty cell, or one that a spreadsheet program turned into a date.
        """
        cells = self.column(name)
        for i, cell in enumerate(cells):
            if not cell and empty:
                continue
            if not cell:
                raise self.error(f'column "{name}" is empty here. Fill in the candidate or delete the row.', i)
            if cell[0] == "#":
                self._refuse_broken_cell(name, i, cell)
            if not cell.isalpha() and DATE.fullmatch(cell):
                problem = (
                    f'column "{name}" holds the date "{cell}": Excel turned a name into a date. Set the format of the '
                    "column to Text, type the name again and save."
                )
                raise self.error(problem, i)
        return cells

    def decimal_of(self, *names: str) -> Sign:
        """The decimal sign of the numbers in some columns that are read together.

        They must show it themselves (`1,5`, `0.250`, `1,234,567`). Where all could be read with either sign (`1,500`),
        nothing is guessed. Only a point, as every program writes it, is taken as the decimal sign without proof in the
        column, if no number of the file shows a comma: where another column shows the point, and in a comma-separated
        file whose numbers all have three digits behind it (`1.500`; not `1.500` beside `987`).

        Raises:
            TableError: a number could be read with either sign, and nothing shows which; names the row.
        """
        if self.decimal:
            return self.decimal
        columns = [self.cells(self.find(name) or name) for name in names]
        sign, doubtful = find_sign(cell for column in columns for cell in column)
        if sign or doubtful is None:
            return sign or "."
        i = next(column.index(doubtful) for column in columns if doubtful in column)
        others = {find_sign(c)[0] for h, c in zip(self.header, self.columns, strict=True) if h not in names}
        cells = [usual(cell) for column in columns for cell in column]
        commas = "," in others or any("," in cell for cell in cells if find_sign([cell])[1])
        whole = any(cell.isdigit() and cell != "0" for cell in cells)
        if not commas and ("." in others or (self.delimiter == "," and not whole)):
            return "."
        fix = 'Write them without separators of thousands, or name it: record --column decimal=, ({"decimal": ","}).'
        raise self.error(f"{doubt(doubtful)} No number of the column shows which. {fix} Nothing was stored.", i)

    def numbers(self, name: str) -> list[Number]:
        """The cells of one column as numbers; NaN where there is none."""
        cells, decimal = self.column(name), self.decimal_of(name)
        return [
            parse_number(c, decimal=decimal, file=self.file, row=r)
            for c, r in zip(cells, self.row_numbers, strict=True)
        ]

    def limits(self, name: str) -> np.ndarray:
        """[n] which cells of one column are limits, such as `<0.1`; errors as `numbers`."""
        cells = self.column(name)
        if all(cell[:1].isdigit() or cell[:1] in "-+." for cell in cells):
            return np.zeros(len(cells), bool)
        return np.array([number.qualifier != "=" for number in self.numbers(name)], bool)

    def values(self, name: str) -> np.ndarray:
        """[n] the cells of one column as numbers in one unit; NaN where there is none.

        Raises:
            TableError: as `numbers`; also where text stands behind some numbers and not the same behind all.
        """
        cells = self.column(name)
        if self.decimal_of(name) == ".":
            try:
                values = np.array([cell or "nan" for cell in cells], np.float64)
            except ValueError:
                pass  # Some are written in another way.
            else:
                plain_text = "_" not in "".join(cells)
                if plain_text and not (np.isinf(values) | (np.abs(values) > LARGEST)).any():
                    return values
        numbers = self.numbers(name)
        unit: str | None = None
        for i, number in enumerate(numbers):
            if number.value == number.value:
                unit = number.unit if unit is None else unit
                if number.unit != unit:
                    raise self.error(
                        f'"{cells[i]}" has other text behind its number than "{unit}" further up. Correct it.', i
                    )
        return np.array([number.value for number in numbers], np.float64)

    def values_in_one_unit(self, name: str, unit: str = "") -> tuple[np.ndarray, str, str]:
        """`values` in the unit that a column of units beside says, that unit, and what was converted, in a sentence.

        Args:
            name: of the column of values.
            unit: into which they are converted; the first that the column of units names when "".

        Returns:
            The unit and the sentence are "" where no column of units says one, or the header does.

        Raises:
            TableError: as `values`; units that cannot be converted, or that stand in some rows only.

        >>> Table("t.csv", ("IC50", "unit"), (["1", "20"], ["uM", "nM"]), (2, 3), "").values_in_one_unit("IC50")
        (array([1.  , 0.02]), 'uM', 'Values in nM converted to uM.')
        """
        values = self.values(name)
        columns = [each for each in self.named(ROLES["unit"]) if each != self.find(name)]
        if not columns or split_unit(name)[1]:
            return values, "", ""
        units = self.cells(columns[0])
        known = [i for i in range(len(units)) if np.isfinite(values[i])]
        several = list(dict.fromkeys(units[i] for i in known))
        if not any(several):
            return values, "", ""
        to = unit or next(filter(None, several))
        factors = {each: Fraction(1) if each == to else factor_between(each, to) if each else None for each in several}
        for i in known:
            factor = factors[units[i]]
            if factor is None:
                raise self.error(
                    f'column "{columns[0]}" names {f"the unit {units[i]}" if units[i] else "no unit"} for a value of '
                    f'"{name}", and {"it is needed in" if unit else "others are in"} {to}. Write all in one unit.',
                    i,
                )
            values[i] = converted(float(values[i]), factor)
        others = some([each for each in several if factors[each] != 1])
        return values, to, f"Values in {others} converted to {to}." if others else ""

    def row(self, i: int) -> dict[str, str]:
        """Data row `i`, counted from 0."""
        return {h: c[i] for h, c in zip(self.header, self.columns, strict=True)}

    def rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        """All rows: spreadsheet row number and cells by column name."""
        for i, number in enumerate(self.row_numbers):
            yield number, self.row(i)

    def error(self, problem: str, i: int | None = None) -> TableError:
        """An error that names this file and the spreadsheet row of data row `i`."""
        return TableError(problem, file=self.file, row=None if i is None else self.row_numbers[i])

    def _refuse_broken_cell(self, name: str, i: int, cell: str) -> None:
        if cell.upper() in ERROR_CELLS:
            raise self.error(f'column "{name}" holds the spreadsheet error {cell}. Correct the cell and save.', i)
        if cell[0] == "=" and len(cell) > 1:
            problem = (
                f'column "{name}" holds the formula {cell} without its value. Open the file in Excel and save it, '
                "or paste values."
            )
            raise self.error(problem, i)


def checked_table(
    records: list[list[str]],
    file: str,
    content_hash: str,
    *,
    numbers: Sequence[int] | None = None,
    delimiter: str = ",",
    block: str | None = None,
) -> Table:
    """A table of records: a block shaped like a plate, or what stands below the first record that is not blank.

    Args:
        records: the rows of the sheet; a blank row is an empty list or has empty cells only.
        file: its name, for messages.
        content_hash: of the file.
        numbers: the number of each record as a spreadsheet shows it; from 1 on when None.
        delimiter: between cells; "" in a workbook, whose rows end at their last cell.
        block: row or label of the block that is meant.

    Raises:
        TableError: no header, no data, a name twice, rows that do not fit the header, or several blocks.
    """
    numbers = range(1, len(records) + 1) if numbers is None else numbers
    if (grids := find_grids(records)) or block is not None:
        if not grids:
            raise TableError("no block here has the shape of a plate (A, B ... down, 1, 2 ... across).", file=file)
        grid = chosen_grid(grids, numbers, block, file)
        records = grid.cut(records)
        numbers = [numbers[i] for i in (grid.first, *grid.rows)]
    top = next((i for i, r in enumerate(records) if any(c.strip() for c in r)), None)
    if top is None:
        raise TableError("the table is empty. Export it again.", file=file)
    header = [c.strip() for c in records[top]]
    if len(header) > MOST_COLUMNS:
        raise TableError(
            f"the table has {len(header):,} columns, and {MOST_COLUMNS:,} are read at most. Leave out those "
            "that nobody needs, or turn the table.",
            file=file,
        )
    body, below = records[top + 1 :], numbers[top + 1 :]
    if not all(map(any, body)):
        kept = [i for i, r in enumerate(body) if any(c.strip() for c in r)]
        body, below = [body[i] for i in kept], [below[i] for i in kept]
    if not body:
        raise TableError(
            "there is a header but no row below it. Add rows, or export the table again.", file=file, row=numbers[top]
        )
    _check_begins_here(header, body, numbers[top], below, file)
    if not delimiter:  # No row is half-written here: the archive itself would not open.
        for record in body:
            record.extend([""] * (len(header) - len(record)))
        if wide := next(((n, r) for n, r in zip(below, body, strict=True) if len(r) > len(header)), None):
            problem = (
                f"column {row_letters(len(wide[1]) - 1)} holds a cell, but the names of columns end at "
                f"{row_letters(len(header) - 1)}. Delete the cell, or name its column."
            )
            raise TableError(problem, file=file, row=wide[0])
    _check_widths(header, body, below, file)
    columns = tuple(list(map(_stripped, column)) for column in zip(*body, strict=True))
    while header and not header[-1] and not any(columns[-1]):
        header, columns = header[:-1], columns[:-1]
    names = tuple(h or f"column {i}" for i, h in enumerate(header, 1))
    _check_names(names, file, numbers[top])
    _check_is_header(names, columns, file, numbers[top])
    rows = below if isinstance(below, range) else tuple(below)
    return Table(file, names, columns, rows, content_hash, None, delimiter)


#: names by which a row shows that it holds the names of columns
_KNOWN = frozenset(map(plain, (*candidate_names(), *(name for names in ROLES.values() for name in names))))


def _check_begins_here(header: list[str], body: list[list[str]], top: int, numbers: Sequence[int], file: str) -> None:
    """Refuse the lines of an instrument above the table.

    They hold no known name and stand above a row that holds two, or they hold one cell and most rows at least three.
    """

    def known(record: list[str]) -> int:
        return sum(plain(split_unit(cell)[0]) in _KNOWN for cell in record if cell)

    if known(header):
        return
    first = next((i for i, record in enumerate(body[:200]) if known(record) > 1), None)
    if first is None:
        usual = Counter(sum(map(bool, record)) for record in body[:50]).most_common(1)[0][0]
        if sum(map(bool, header)) > 1 or usual < 3:
            return
        first = next(i for i, record in enumerate(body) if sum(map(bool, record)) >= usual)
    problem = (
        f'this row should hold the names of the columns, but "{next(filter(None, header))}" stands in it and the table '
        f"seems to begin in row {numbers[first]}. Delete the lines above the names."
    )
    raise TableError(problem, file=file, row=top)


def _stripped(cell: str) -> str:
    if isinstance(cell, Typed):
        return cell
    cell = cell.strip()
    # An apostrophe says that what follows is text; a spreadsheet does not show it.
    return cell[1:] if cell[:1] == "'" and cell.lstrip("'")[:1] in ("=", "+", "-", "@") else cell


def _check_widths(header: list[str], body: list[list[str]], numbers: Sequence[int], file: str) -> None:
    if set(map(len, body)) == {len(header)}:
        return
    for number, record in zip(numbers, body, strict=True):
        if len(record) < len(header):
            last = "the file looks half-written" if number == numbers[-1] else "cells are missing"
            problem = f"{len(record)} of {len(header)} cells: {last}. Export it again, or complete the row."
            raise TableError(problem, file=file, row=number)
        if any(c.strip() for c in record[len(header) :]):
            problem = (
                f"{len(record)} cells under {len(header)} column names. Name every column, and put cells that hold the "
                "delimiter in quotation marks."
            )
            raise TableError(problem, file=file, row=number)
        del record[len(header) :]


def _check_names(names: tuple[str, ...], file: str, row: int) -> None:
    if long := next((n for n in names if len(n) > LONGEST), ""):
        problem = (
            f'a name of {len(long):,} characters, "{long[:40]}...", stands where a column name should. Shorten it.'
        )
        raise TableError(problem, file=file, row=row)
    twice = [n for n, count in Counter(n.casefold() for n in names).items() if count > 1]
    if twice:
        where = [i for i, n in enumerate(names, 1) if n.casefold() == twice[0]]
        name = names[where[0] - 1]
        problem = f'columns {where[0]} and {where[1]} are both named "{name}". Give each its own name.'
        raise TableError(problem, file=file, row=row)


def _check_is_header(names: tuple[str, ...], columns: tuple[list[str], ...], file: str, row: int) -> None:
    """Refuse a first row that is data: its cells look like those below them."""
    for name, column in zip(names, columns, strict=True):
        number = DECIMAL_POINT.fullmatch(name) or DECIMAL_COMMA.fullmatch(name)
        variant = _VARIANT.fullmatch(name) and any(_VARIANT.fullmatch(c) for c in column[:20])
        if number or variant:
            problem = (
                f'"{name}" stands where a column name should: the table has no header. Add a first row, such as '
                '"mutant,score".'
            )
            raise TableError(problem, file=file, row=row)
