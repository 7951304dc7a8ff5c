"""Names of wells, their contents, and the part of a plate that reading results needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from activeloop.tables.grids import SHAPES, row_letters

_WELL = re.compile(r"([A-Za-z]{1,2})\s*0*([1-9]\d{0,2})")


@dataclass(frozen=True)
class Well:
    """The content of one well.

    Args:
        candidate: name in standard notation.
        replicate: counted from 1, within the proposal (for a control: within its plate).
        control: whether it is there to compare plates, not because it was proposed.
    """

    candidate: str
    replicate: int = 1
    control: bool = False


class Layout(Protocol):
    """The part of `activeloop.plates.Plate` that `read_measurements` needs."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def size(self) -> int:
        """How many wells it has, filled or not."""
        ...

    @property
    def wells(self) -> Mapping[str, Well]:
        """The filled wells by name."""
        ...


def row_index(letters: str) -> int:
    """The row counted from 0 of its letters.

    >>> row_index("H"), row_index("AF")
    (7, 31)
    """
    index = 0
    for letter in letters.upper():
        index = index * 26 + ord(letter) - 64
    return index - 1


def well_name(row: int, column: int) -> str:
    """The name of a well by row and column, both counted from 0.

    >>> well_name(7, 11)
    'H12'
    """
    return f"{row_letters(row)}{column + 1}"


def parse_well(text: str) -> tuple[int, int] | None:
    """Row and column, from 0, of a well name in any spelling; None when it is not one.

    >>> parse_well("A1"), parse_well("h012"), parse_well("AF48"), parse_well("A24G")
    ((0, 0), (7, 11), (31, 47), None)
    """
    match = _WELL.fullmatch(text.strip())
    return (row_index(match[1]), int(match[2]) - 1) if match else None


def well_on(text: str, size: int) -> str | None:
    """The standard name of a well on a plate of `size` wells; None when it is not on it.

    >>> well_on("h012", 96), well_on("H13", 96)
    ('H12', None)
    """
    place, (rows, columns) = parse_well(text), SHAPES[size]
    return well_name(*place) if place and place[0] < rows and place[1] < columns else None


def well_names(size: int) -> list[str]:
    """All wells of a plate, row by row.

    >>> well_names(24)[:7], len(well_names(1536))
    (['A1', 'A2', 'A3', 'A4', 'A5', 'A6', 'B1'], 1536)
    """
    rows, columns = SHAPES[size]
    return [well_name(r, c) for r in range(rows) for c in range(columns)]


def describe_plate(size: int) -> str:
    """A plate and its corners, for messages.

    >>> describe_plate(96)
    'a 96-well plate (A1-H12)'
    """
    rows, columns = SHAPES[size]
    return f"a {size}-well plate (A1-{well_name(rows - 1, columns - 1)})"
