"""One value as people and instruments write it: `1,5`, `<0.1`, `3.2 nM`, `n.d.`."""

from __future__ import annotations

import math
import re
from typing import Literal, NamedTuple

from activeloop.errors import TableError

MISSING = frozenset(
    {"", "na", "n/a", "nan", "nd", "n.d.", "n.d", "n.a.", "none", "null", "-", "--", "–", "?", "missing"}
)
_NUMBER = re.compile(
    r"(?P<qualifier><=|>=|<|>|=)?\s*(?P<value>[+-]?(?:\d[\d.,]*|[.,]\d+)(?:[eE][+-]?\d+)?)\s*(?P<unit>(?![xX×e][\d^+-])[^\W\d_].*|[%°].*)?"
)
_ORDINARY = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d{1,2})?")
_PLAIN = str.maketrans({"−": "-", "≤": "<", "≥": ">", "μ": "µ", "\u00a0": " ", "\u202f": " "})


class Number(NamedTuple):
    """A value with what stood around it.

    Args:
        qualifier: `=` measured, `<` below `value`, `>` above `value`.
        value: NaN when the cell says that there is none (empty, `n.d.`, `NaN` ...).
        unit: as written, `µ` for both kinds of mu; "" when none was given.
    """

    qualifier: Literal["=", "<", ">"]
    value: float
    unit: str


def parse_number(
    text: str, *, decimal: Literal[".", ","] = ".", file: str | None = None, row: int | None = None
) -> Number:
    """Read one cell that should hold a number.

    Args:
        text: the cell.
        decimal: the decimal sign of the table (`Table.decimal`).
        file: the file it stands in, for the message.
        row: its spreadsheet row, for the message.

    Raises:
        TableError: it is no number, or could be read as two different ones (`1,500`).

    >>> parse_number("< 0.1"), parse_number("1,5", decimal=","), parse_number("3.2 nM")
    (Number(qualifier='<', value=0.1, unit=''), Number(qualifier='=', value=1.5, unit=''),
     Number(qualifier='=', value=3.2, unit='nM'))
    >>> parse_number("n.d.").value
    nan
    """
    if decimal == "." and _ORDINARY.fullmatch(text):
        return Number("=", float(text), "")
    cell = text.strip().translate(_PLAIN)
    if cell.lower() in MISSING:
        return Number("=", math.nan, "")
    match = _NUMBER.fullmatch(cell)
    if match is None:
        raise TableError(
            f'"{text}" is not a number. Write a number, such as 1.5 or <0.1, or leave it empty.', file=file, row=row
        )
    digits = _plain_digits(match["value"], decimal)
    if digits is None:
        other = "," if decimal == "." else "."
        problem = (
            f'"{text}" can be read as two different numbers: here "{decimal}" is the decimal sign and "{other}" stands '
            f'where none should. Write it with "{decimal}" and without separators of thousands.'
        )
        raise TableError(problem, file=file, row=row)
    value = float(digits)
    if math.isinf(value):
        raise TableError(f'"{text}" is too large to be a measured value. Correct it.', file=file, row=row)
    qualifier = (match["qualifier"] or "=")[0]
    return Number(qualifier, value, (match["unit"] or "").strip())  # type: ignore[arg-type]


def _plain_digits(value: str, decimal: str) -> str | None:
    """The number as `float` reads it, or None when its separators make no single sense."""
    thousands = "," if decimal == "." else "."
    whole, _, fraction = value.partition(decimal)
    if thousands in fraction or decimal in fraction:
        return None
    if thousands in whole:
        grouped = re.fullmatch(rf"[+-]?\d{{1,3}}(?:\{thousands}\d{{3}})+", whole)
        # `1,500` alone may be 1.5 written by a German spreadsheet; `1,500.0` and `1,500,000` may not.
        if not grouped or (not fraction and whole.count(thousands) == 1):
            return None
        whole = whole.replace(thousands, "")
    return f"{whole}.{fraction}" if fraction else whole
