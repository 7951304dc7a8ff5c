"""Blocks shaped like a plate between other lines, as plate readers export them: 1, 2 ... across and A, B ... down."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from activeloop.errors import TableError
from activeloop.tables.names import plain

#: wells of a plate -> (rows, columns), the ANSI/SLAS formats
SHAPES: dict[int, tuple[int, int]] = {
    6: (2, 3),
    12: (3, 4),
    24: (4, 6),
    48: (6, 8),
    96: (8, 12),
    384: (16, 24),
    1536: (32, 48),
}
_COLUMN = re.compile(r"0?([1-9]\d?)(?:\.0)?")
_FIRST = frozenset(("1", "01", "1.0"))


def row_letters(row: int) -> str:
    """The letters of a row counted from 0; after Z comes AA.

    >>> row_letters(0), row_letters(15), row_letters(31)
    ('A', 'P', 'AF')
    """
    return chr(65 + row) if row < 26 else row_letters(row // 26 - 1) + row_letters(row % 26)


@dataclass(frozen=True)
class Grid:
    """One block.

    Args:
        label: what stands in its corner or above it, "" for nothing.
        first: index of the record with its column numbers.
        left: index of the column with its row letters.
        size: wells of the plate.
    """

    label: str
    first: int
    left: int
    size: int

    def cut(self, records: Sequence[Sequence[str]]) -> list[list[str]]:
        """Its records alone: column numbers first, then the rows."""
        rows, columns = SHAPES[self.size]
        width = columns + 1
        block = [list(record[self.left : self.left + width]) for record in records[self.first : self.first + rows + 1]]
        return [record + [""] * (width - len(record)) for record in block]


def find_grids(records: Sequence[Sequence[str]]) -> list[Grid]:
    """All blocks of a sheet, from top to bottom.

    >>> head, rows = ["OD600", "1", "2", "3"], [["A", "5", "6", "7"], ["B", "8", "9", ""]]
    >>> find_grids([["Reader 7"], head, *rows, ["End time", "10:00"]])
    [Grid(label='OD600', first=1, left=0, size=6)]
    """
    found: list[Grid] = []
    for i, record in enumerate(records):
        if _FIRST.isdisjoint(record):
            continue
        for left in [j - 1 for j, cell in enumerate(record) if j and cell.strip() in _FIRST]:
            across = 0
            for cell in record[left + 1 :]:
                match = _COLUMN.fullmatch(cell.strip())
                if not match or int(match[1]) != across + 1:
                    break
                across += 1
            for size, (rows, columns) in SHAPES.items():
                if columns == across and _letters_down(records, i + 1, left, rows):
                    found.append(Grid(_label(records, i, left, found), i, left, size))
    return found


def _letters_down(records: Sequence[Sequence[str]], start: int, left: int, rows: int) -> bool:
    block = records[start : start + rows]
    letters = [record[left].strip().upper() if left < len(record) else "" for record in block]
    return letters == [row_letters(row) for row in range(rows)]


def _label(records: Sequence[Sequence[str]], i: int, left: int, above: Sequence[Grid]) -> str:
    corner = records[i][left].strip()
    if re.search(r"\w", corner):
        return corner
    free = max((grid.first + SHAPES[grid.size][0] + 1 for grid in above if grid.first < i), default=0)
    lines = [" ".join(cell.strip() for cell in record if cell.strip()) for record in records[max(free, i - 2) : i]]
    return next((line[:40] for line in reversed(lines) if line), "")


def chosen_grid(grids: Sequence[Grid], numbers: Sequence[int], block: str | None, file: str) -> Grid:
    """The block that is meant.

    Args:
        grids: at least one.
        numbers: row of each record as a spreadsheet counts it.
        block: the row of its column numbers, or its label; None when there is one alone.
        file: its name, for messages.

    Raises:
        TableError: several could be meant, or none.
    """
    fitting = [g for g in grids if block is None or block == str(numbers[g.first]) or plain(block) == plain(g.label)]
    if len(fitting) == 1:
        return fitting[0]
    listed = "; ".join(f"row {numbers[g.first]}{f' ({g.label})' * bool(g.label)}" for g in grids)
    what = f"{len(grids)} blocks shaped like a plate" if block is None else f'not one block "{block}"'
    example = f'record --column block={numbers[grids[0].first]}, {{"block": "{numbers[grids[0].first]}"}}'
    raise TableError(f"there are {what} here: {listed}. Say which one holds the results ({example}).", file=file)
