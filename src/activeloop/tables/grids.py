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
WIDEST = max(columns for _, columns in SHAPES.values())
_COLUMN = re.compile(r"0?([1-9]\d?)(?:\.0)?")
#: labels of what a person typed in before the measurement
_NO_RESULT = re.compile(
    r"\b(?:layout|dil|dilutions?|well id|plate ?map|group|standard concentrations?)\b", re.IGNORECASE
)
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
        label: what stands in its corner, to its right or above it, "" for nothing.
        first: index of the record with its column numbers.
        rows: indices of its rows; some readers write several readings of a well below each other.
        left: index of the column with its row letters.
        size: wells of the plate.
    """

    label: str
    first: int
    rows: tuple[int, ...]
    left: int
    size: int

    @property
    def place(self) -> int:
        """Index of the record by which it is named: the one with its column numbers, if it is alone below them."""
        return (
            self.first if self.rows == tuple(range(self.first + 1, self.first + 1 + len(self.rows))) else self.rows[0]
        )

    def cut(self, records: Sequence[Sequence[str]]) -> list[list[str]]:
        """Its records alone: column numbers first, then the rows, each with its letter."""
        width = SHAPES[self.size][1] + 1
        block = [list(records[i][self.left : self.left + width]) for i in (self.first, *self.rows)]
        for row, record in enumerate(block[1:]):
            record[:1] = [row_letters(row)]
        return [record + [""] * (width - len(record)) for record in block]

    def holds_numbers(self, records: Sequence[Sequence[str]]) -> bool:
        """Whether one of its cells begins like a number; that of a layout, such as SPL1, does not."""
        cells = (cell for record in self.cut(records)[1:] for cell in record[1:])
        return any(re.match(r"[<>=\s]*[-+−]?[.,]?\d", cell) for cell in cells)


def find_grids(records: Sequence[Sequence[str]]) -> list[Grid]:
    """All blocks of a sheet, from top to bottom; those without a number only where there is no other.

    >>> head, rows = ["OD600", "1", "2", "3"], [["A", "5", "6", "7"], ["B", "8", "9", ""]]
    >>> find_grids([["Reader 7"], head, *rows, ["End time", "10:00"]])
    [Grid(label='OD600', first=1, rows=(2, 3), left=0, size=6)]
    """
    found: list[Grid] = []
    for i, record in enumerate(records):
        if _FIRST.isdisjoint(record):
            continue
        for left in [j - 1 for j, cell in enumerate(record) if j and cell.strip() in _FIRST]:
            across = 0
            for cell in record[left + 1 : left + 2 + WIDEST]:
                match = _COLUMN.fullmatch(cell.strip())
                if not match or int(match[1]) != across + 1:
                    break
                across += 1
            size = next((size for size, shape in SHAPES.items() if shape[1] == across), 0)
            if size and (lines := _lines_a_row(records, i + 1, left, SHAPES[size][0])):
                last = max((grid.rows[-1] for grid in found if grid.first < i), default=-1)
                above = _label(records, i, left, last)
                for line in range(lines):
                    rows = tuple(range(i + 1 + line, i + 1 + lines * SHAPES[size][0], lines))
                    right = "".join(records[rows[0]][left + across + 1 : left + across + 2]).strip()
                    corner = above if lines == 1 and re.search(r"\w", record[left]) else ""
                    found.append(Grid(corner or right or above, i, rows, left, size))
    numbers = [grid for grid in found if grid.holds_numbers(records)]
    return numbers or found


def _lines_a_row(records: Sequence[Sequence[str]], start: int, left: int, rows: int) -> int:
    """How many lines each row of a block has: A, B, C ... stand at equal distances; 0 when they do not."""
    if start >= len(records) or "".join(records[start][left : left + 1]).strip().upper() != "A":
        return 0
    cells = [
        record[left].strip().upper() if left < len(record) else "" for record in records[start : start + 20 * rows]
    ]
    if "B" not in cells:
        return 0
    lines = cells.index("B")
    letters = [row_letters(i // lines) if i % lines == 0 else "" for i in range(lines * rows)]
    filled = all(any(record) for record in records[start : start + len(letters)])
    return lines if cells[: len(letters)] == letters and filled else 0


def _label(records: Sequence[Sequence[str]], i: int, left: int, last: int) -> str:
    corner = records[i][left].strip()
    if re.search(r"\w", corner):
        return corner
    lines = [" ".join(cell.strip() for cell in record if cell.strip()) for record in records[max(last + 1, i - 2) : i]]
    return next((line[:40] for line in reversed(lines) if line), "")


def cell_of(grid: Grid, numbers: Sequence[int]) -> str:
    """The cell in the corner of a block, as a spreadsheet names it: several may stand side by side."""
    return f"{row_letters(grid.left)}{numbers[grid.place]}"


def chosen_grid(grids: Sequence[Grid], numbers: Sequence[int], block: str | None, file: str) -> Grid:
    """The block that is meant.

    Args:
        grids: at least one.
        numbers: row of each record as a spreadsheet counts it.
        block: the row or cell by which it is named, or its label; None when there is one alone.
        file: its name, for messages.

    Raises:
        TableError: several could be meant, or none.
    """
    called = [{str(numbers[g.place]), cell_of(g, numbers), g.label} for g in grids]
    fitting = [g for g, c in zip(grids, called, strict=True) if block is None or plain(block) in set(map(plain, c))]
    if len(fitting) == 1 and (block is not None or not _NO_RESULT.search(fitting[0].label)):
        return fitting[0]
    beside = len({g.place for g in grids}) < len(grids)
    places = [f"cell {cell_of(g, numbers)}" if beside else f"row {numbers[g.place]}" for g in grids]
    listed = "; ".join(f"{at}{f' ({g.label})' * bool(g.label)}" for at, g in zip(places, grids, strict=True))
    count = f"{len(grids)} blocks" if len(grids) > 1 else "only one block"
    what = f"{count} shaped like a plate" if block is None else f'not one block "{block}"'
    first = places[0].split()[1]
    example = f'record --column block={first}, {{"block": "{first}"}}'
    verb = "is" if len(grids) == 1 else "are"
    raise TableError(f"there {verb} {what} here: {listed}. Say which one holds the results ({example}).", file=file)
