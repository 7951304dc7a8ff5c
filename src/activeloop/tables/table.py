"""A table as it comes from a spreadsheet: named columns of text, each row with the number a spreadsheet shows.

Every cell is text, as it would be typed; `parse_number` reads values. Nothing is converted in silence.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from activeloop.errors import TableError
from activeloop.tables.delimited import read_delimited, read_file, unpack
from activeloop.tables.numbers import Number, parse_number

__all__ = ["Number", "Table", "parse_number", "read_table"]

ERROR_CELLS = frozenset({"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!"})
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mär|mai|okt|dez)[a-z]*\.?"
_DATE = re.compile(
    r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?"
    rf"|\d{{1,2}}[-. ]{_MONTH}(?:[-. ]\d{{2,4}})?|{_MONTH}[- ]\d{{1,4}}"
    r"|\d{1,2}/\d{1,2}/\d{2,4}|\d{1,2}\.\d{1,2}\.\d{2,4}",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Table:
    """A table that was read whole.

    Args:
        file: its name, as messages show it.
        header: column names, each once.
        columns: one list of cells for each name.
        row_numbers: the spreadsheet row of each data row (the header is row 1).
        content_hash: of the file's bytes (BLAKE2b, 32 hexadecimal digits): the same file read twice is recognised.
        decimal: the decimal sign its numbers use.

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
    decimal: Literal[".", ","] = "."

    def __len__(self) -> int:
        return len(self.row_numbers)

    def find(self, name: str) -> str | None:
        """The column's name as it stands in the header, found without regard to case; None if absent."""
        if name in self.header:
            return name
        wanted = name.strip().casefold()
        found = [h for h in self.header if h.casefold() == wanted]
        return found[0] if len(found) == 1 else None

    def column(self, name: str) -> list[str]:
        """The cells of one column, from the first data row on.

        Raises:
            TableError: no such column, or one of its cells holds a spreadsheet error or a formula without a value.
        """
        found = self.find(name)
        if found is None:
            raise self._no_column(name)
        cells = self.columns[self.header.index(found)]
        for i, cell in enumerate(cells):
            if cell and cell[0] in "#=":
                self._refuse_broken_cell(found, i, cell)
        return cells

    def candidates(self, name: str) -> list[str]:
        """The cells of a column that names candidates.

        Raises:
            TableError: as `column`; also for an empty cell, or one that a spreadsheet program turned into a date.
        """
        cells = self.column(name)
        for i, cell in enumerate(cells):
            if not cell:
                raise self.error(f'column "{name}" is empty here. Fill in the candidate or delete the row.', i)
            if not cell.isalpha() and _DATE.fullmatch(cell):
                problem = (
                    f'column "{name}" holds the date "{cell}": Excel turned a name into a date. Set the format of the '
                    "column to Text, type the name again and save."
                )
                raise self.error(problem, i)
        return cells

    def numbers(self, name: str) -> list[Number]:
        """The cells of one column as numbers; NaN where there is none."""
        cells = self.column(name)
        return [
            parse_number(c, decimal=self.decimal, file=self.file, row=r)
            for c, r in zip(cells, self.row_numbers, strict=True)
        ]

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

    def _no_column(self, name: str) -> TableError:
        lower = {h.casefold(): h for h in self.header}
        close = difflib.get_close_matches(name.strip().casefold(), lower, n=1, cutoff=0.5)
        hint = f'; did you mean "{lower[close[0]]}"?' if close else "."
        return self.error(f'no column "{name}"{hint} Columns: {", ".join(self.header)}.')

    def _refuse_broken_cell(self, name: str, i: int, cell: str) -> None:
        if cell.upper() in ERROR_CELLS:
            raise self.error(f'column "{name}" holds the spreadsheet error {cell}. Correct the cell and save.', i)
        if cell[0] == "=" and len(cell) > 1:
            problem = (
                f'column "{name}" holds the formula {cell} without its value. Open the file in Excel and save it, '
                "or paste values."
            )
            raise self.error(problem, i)


def read_table(path: str | os.PathLike[str], *, sheet: str | None = None) -> Table:
    """Read a CSV, TSV or XLSX file (also gzipped); the format is taken from the content, not from the name.

    Delimiter (comma, semicolon, tab) and encoding (UTF-8, UTF-16 with mark, Latin-1) are recognised; blank lines are
    skipped but counted, so row numbers are those a spreadsheet shows.

    Args:
        path: the file.
        sheet: the sheet of a workbook; the first when None.

    Raises:
        TableError: it is missing, empty, half-written or not a table; says which row and what to do.
    """
    file = os.fspath(path)
    content = read_file(path)
    data = unpack(content, file)
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    if data[:4] == b"PK\x03\x04":
        from activeloop.tables.workbook import read_workbook

        raw = read_workbook(data, file, sheet)
    else:
        raw = read_delimited(data, file)
    return Table(file, raw.header, raw.columns, raw.row_numbers, digest, raw.decimal)
