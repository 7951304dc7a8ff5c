"""Labels of candidates: what else a pool's file says of each, such as catalogue number, supplier and source well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from activeloop.tables.names import COUNTING, IDS, NAMES, ROLES, SUPPLIERS, plain, split_unit

Labels = tuple[tuple[str, str], ...]
"""Name of the column and cell, in the order of the file."""
#: rows by which it is judged whether a column holds names, and the most characters that one has
LOOKED_AT, LONGEST = 10_000, 40


@dataclass(frozen=True)
class Texts:
    """A column of cells as one text: a pool of a million rows must not hold a million objects for each column.

    Args:
        text: all cells, one behind another.
        ends: [N] where each ends in it.

    >>> Texts.of(["Acme", "", "Z1"])[2]
    'Z1'
    """

    text: str
    ends: np.ndarray

    @classmethod
    def of(cls, cells: Sequence[str]) -> Texts:
        """The column of some cells."""
        return cls("".join(cells), np.cumsum(np.fromiter(map(len, cells), np.int64, len(cells))))

    def __getitem__(self, row: int) -> str:
        return self.text[self.ends[row - 1] if row else 0 : self.ends[row]]


@dataclass(frozen=True)
class LabelTable:
    """The labels of each row of a pool.

    Args:
        names: of the columns, as the file has them.
        columns: the cells of each, row by row.

    >>> table = LabelTable.of({"ID": ["Z1", "Z2"], "Supplier": ["Acme", ""], "note": ["", ""]})
    >>> table.row(1), table.id_name, table.id_of(0)
    ((('ID', 'Z2'), ('Supplier', '')), 'ID', 'Z1')
    """

    names: tuple[str, ...] = ()
    columns: tuple[Texts, ...] = ()
    id_name: str = ""

    @classmethod
    def of(cls, columns: Mapping[str, Sequence[str]]) -> LabelTable:
        """The labels in some columns; empty ones are left out, and cells are put on one line."""
        filled = {name: list(map(one_line, cells)) for name, cells in columns.items() if any(cells)}
        return cls(tuple(filled), tuple(map(Texts.of, filled.values())), _id_among(filled))

    def row(self, row: int) -> Labels:
        """The labels of one row, "" where its cell is empty."""
        return tuple((name, column[row]) for name, column in zip(self.names, self.columns, strict=True))

    def cell(self, name: str, row: int) -> str:
        """The label of one row in one column."""
        return self.columns[self.names.index(name)][row]

    def id_of(self, row: int) -> str:
        """What a person calls the candidate in one row: its id, catalogue number or name; "" when the file has none."""
        return self._ids[row] if self._ids else ""

    @cached_property
    def _ids(self) -> Texts | None:
        return self.columns[self.names.index(self.id_name)] if self.id_name else None


def one_line(cell: str) -> str:
    r"""A cell without line breaks and signs that no table or picture can hold.

    >>> one_line("Acme\n(Basel)"), one_line("Z-1")
    ('Acme (Basel)', 'Z-1')
    """
    return cell if cell.isprintable() else " ".join("".join(c if c.isprintable() else " " for c in cell).split())


def _id_among(columns: Mapping[str, Sequence[str]]) -> str:
    """The column by which people call candidates: with the name of one, filled, short, and different in each row."""
    by_name: dict[str, list[str]] = {}
    for name in columns:
        by_name.setdefault(plain(split_unit(name)[0]), []).append(name)
    for names in (IDS, NAMES, COUNTING):
        for name in (found for key in names for found in by_name.get(plain(key), ())):
            cells = [cell for cell in columns[name][:LOOKED_AT] if cell]
            rows = min(len(columns[name]), LOOKED_AT)
            short = sum(len(cell) <= LONGEST for cell in cells)
            counts = names is not COUNTING and counts_rows(cells)
            if cells and not counts and min(len(cells), len(set(cells)), short) >= 0.9 * rows:
                return name
    return ""


def counts_rows(cells: Sequence[str]) -> bool:
    """Whether cells are numbers one after the other, which name a row and no candidate.

    >>> counts_rows(["2", "1", "3"]), counts_rows(["001", "002"]), counts_rows(["17", "4711"])
    (True, False, False)
    """
    if not all(cell.isdecimal() and len(cell) < 10 and cell == str(int(cell)) for cell in cells):
        return False
    numbers = sorted(map(int, cells))
    return bool(numbers) and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


#: how a column says where the stock of a candidate stands, beside the names of the column of a plate or well
SOURCES = {
    "plate": (
        *("source plate", "source plate name", "source plate barcode", "source plate id", "library plate", "rack"),
        *("mother plate", "stock plate", "compound plate", "master plate", "source rack", "rack id", "rack barcode"),
        *("quellplatte", "box", *ROLES["plate"]),
    ),
    "well": (
        *(
            "source well",
            "source position",
            "source well id",
            "library well",
            "stock well",
            "position",
            "quellposition",
        ),
        *("rack position", "plate position", "plate well", "pos", "coordinate", *ROLES["well"]),
    ),
    "volume": ("source volume", "stock volume", "volume", "vol", "available volume", "fill volume", "volumen"),
    "concentration": ("source concentration", "stock concentration", "concentration", "conc", "konzentration"),
}


def source_columns(names: Sequence[str]) -> dict[str, str]:
    """The columns of a candidate's stock: `plate`, `well`, `volume`, `concentration`, as far as there are any.

    >>> source_columns(("ID", "Plate", "Well", "Volume (µL)"))
    {'plate': 'Plate', 'well': 'Well', 'volume': 'Volume (µL)'}
    """
    by_name: dict[str, str] = {}
    for name in names:
        by_name.setdefault(plain(split_unit(name)[0]), name)
    found = {
        role: next((by_name[plain(n)] for n in known if plain(n) in by_name), "") for role, known in SOURCES.items()
    }
    return {role: name for role, name in found.items() if name}


def told_by(names: Sequence[str], most: int = 4) -> tuple[str, ...]:
    """The labels that a person needs to find a candidate on the shelf: ids and names, supplier, source plate and well.

    Args:
        names: of all labels.
        most: maximum number of them.

    >>> told_by(("MW", "Well", "Plate", "Catalog ID", "Supplier", "logP"))
    ('Catalog ID', 'Supplier', 'Plate', 'Well')
    """
    by_name: dict[str, str] = {}
    for name in names:
        by_name.setdefault(plain(split_unit(name)[0]), name)
    source = source_columns(names)
    wanted = [by_name.get(plain(known), "") for known in (*IDS, *NAMES, *SUPPLIERS)]
    found = dict.fromkeys([*wanted, source.get("plate", ""), source.get("well", "")])
    return tuple(name for name in found if name)[:most]


def headers_of(names: Sequence[str], taken: Sequence[str]) -> dict[str, str]:
    """Under which header each label stands in a list that has columns of its own.

    A plate and a well of the pool's file are those of the stock.

    Args:
        names: of the labels.
        taken: headers of the list's own columns.

    >>> headers_of(("ID", "Well", "score"), ("plate", "well", "score"))
    {'ID': 'ID', 'Well': 'source Well', 'score': 'pool score'}
    """
    sources = {plain(known) for role in ("plate", "well") for known in ROLES[role]}
    used = {plain(split_unit(name)[0]) for name in taken} | {plain(name) for name in taken}
    found: dict[str, str] = {}
    for name in names:
        key = plain(split_unit(name)[0])
        tries = _tries(name, key in sources, key in used)
        header = next(text for text in tries if plain(text) not in used)
        used.add(plain(header))
        found[name] = header
    return found


def _tries(name: str, source: bool, taken: bool) -> Iterator[str]:
    if not source and not taken:
        yield name
    if source:
        yield f"source {name}"
    yield f"pool {name}"
    number = 2
    while True:
        yield f"pool {name} {number}"
        number += 1
