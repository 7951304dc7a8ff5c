"""Numbers and units as people and instruments write them: `1,5`, `<0.1`, `3.2 nM`, `n.d.`."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from fractions import Fraction
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
    """A number as written: qualifier, value, unit.

    Args:
        qualifier: `=` measured, `<` below `value`, `>` above `value`.
        value: NaN when there is none (empty cell, `n.d.`, `NaN` ...).
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
        raise TableError(
            f'"{text}" can be read as two different numbers: here "{decimal}" is the decimal sign and '
            f'"{"," if decimal == "." else "."}" stands where none should. Write it with "{decimal}" and without '
            "separators of thousands.",
            file=file,
            row=row,
        )
    value = float(digits)
    if math.isinf(value):
        raise TableError(f'"{text}" is too large to be a measured value. Correct it.', file=file, row=row)
    qualifier = (match["qualifier"] or "=")[0]
    return Number(qualifier, value, (match["unit"] or "").strip())  # type: ignore[arg-type]


def _plain_digits(value: str, decimal: str) -> str | None:
    """The number as `float` reads it, or None when its separators are ambiguous."""
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


_PREFIXES = {"f": -15, "p": -12, "n": -9, "u": -6, "µ": -6, "m": -3, "k": 3, "M": 6, "G": 9}
_ATOMS = ("mol", "L", "s", "min", "h", "g", "m", "V", "A", "J", "cal", "K", "°C", "Da", "U", "%")
#: unit without prefix -> what it is made of
_BASES: dict[str, dict[str, int]] = {name: {name: 1} for name in _ATOMS} | {
    "M": {"mol": 1, "L": -1},
    "l": {"L": 1},
    "sec": {"s": 1},
    "Hz": {"s": -1},
}
_WITHOUT_PREFIX = {"min", "h", "°C", "%", "sec"}
_TIDY = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−μ·×∙", "0123456789--µ***")
_FACTOR = re.compile(r"([A-Za-zµ°%]+)\s*(?:\^\s*\(([+-]?\d+)\)|\^?\s*([+-]?\d+))?")


def shift_between(unit: str, wanted: str) -> int | None:
    """The power of ten that turns a value in `unit` into one in `wanted`; None when they measure different things.

    Only powers of ten, so that a stored value has the digits that were typed. Not by pint, which reads neither `s-1`
    nor unknown units such as `OD600`, and takes 0.3 s to import.

    >>> shift_between("nM", "µM"), shift_between("s-1", "1/s"), shift_between("1/ms", "s^-1")
    (-3, 0, 3)
    >>> print(shift_between("1/min", "1/s"))
    None
    """
    if _plain(unit) == _plain(wanted):
        return 0
    ours, theirs = _parse(unit), _parse(wanted)
    if ours is None or theirs is None or ours[0] != theirs[0]:
        return None
    return ours[1] - theirs[1]


def shifted(value: float, power: int) -> float:
    """A value times a power of ten, as one would write it by moving the point.

    >>> shifted(3.3, -3), shifted(0.0033, 3)
    (0.0033, 3.3)
    """
    return float(Decimal(repr(value)).scaleb(power)) if power else value


#: unit without prefix -> how many of which smaller parts it is, for those that powers of ten do not reach
_PARTS: dict[str, tuple[Fraction, dict[str, int]]] = {
    "min": (Fraction(60), {"s": 1}),
    "h": (Fraction(3600), {"s": 1}),
    "cal": (Fraction("4.184"), {"J": 1}),
    "Da": (Fraction(1), {"g": 1, "mol": -1}),
    "U": (Fraction(1, 60_000_000), {"mol": 1, "s": -1}),
}
#: of a power, beyond which a unit is a slip and no factor is computed
_ABSURD = 99


def factor_between(unit: str, wanted: str) -> Fraction | None:
    """What a value in `unit` is multiplied by to be one in `wanted`, exactly; None when they measure different things.

    >>> factor_between("1/s", "1/min"), factor_between("nM", "µM"), factor_between("kcal/mol", "kJ/mol")
    (Fraction(60, 1), Fraction(1, 1000), Fraction(523, 125))
    >>> print(factor_between("nM", "1/s"), factor_between("RFU", ""))
    None None
    """
    if (power := shift_between(unit, wanted)) is not None:
        return Fraction(10) ** power if abs(power) <= _ABSURD else None
    ours, theirs = _in_parts(unit), _in_parts(wanted)
    return None if ours is None or theirs is None or ours[1] != theirs[1] else ours[0] / theirs[0]


def multiplied(value: float, factor: Fraction) -> float:
    """The value as it was typed times a factor, rounded once.

    Raises:
        OverflowError: it is too large to be held.

    >>> multiplied(0.1, Fraction(60)), multiplied(3.3, Fraction(1, 1000))
    (6.0, 0.0033)
    """
    return float(Fraction(Decimal(repr(value))) * factor) if math.isfinite(value) else value


def _in_parts(unit: str) -> tuple[Fraction, dict[str, int]] | None:
    """A unit as a factor and powers of parts that cannot be converted into each other."""
    parsed = _parse(unit)
    if parsed is None or not parsed[0] or max(abs(parsed[1]), *map(abs, parsed[0].values())) > _ABSURD:
        return None
    factor, powers = Fraction(10) ** parsed[1], dict[str, int]()
    for atom, times in parsed[0].items():
        size, parts = _PARTS.get(atom, (Fraction(1), {atom: 1}))
        factor *= size**times
        for part, power in parts.items():
            powers[part] = powers.get(part, 0) + power * times
    return factor, {part: power for part, power in powers.items() if power}


def _plain(unit: str) -> str:
    return re.sub(r"[\s*]+", "", unit.translate(_TIDY)).casefold() if _parse(unit) is None else unit.translate(_TIDY)


def _parse(unit: str) -> tuple[dict[str, int], int] | None:
    """Base units with their exponents, and the power of ten; None when a part is not known."""
    text = unit.translate(_TIDY).strip()
    powers: dict[str, int] = {}
    ten, sign, group = 0, 1, False
    while text:
        if text[0] in " *.":
            text = text[1:]
        elif text[0] in "1" and not text[1:2].isdigit():
            text = text[1:]
        elif text[0] == "/":
            sign, group, text = -1, text[1:].lstrip().startswith("("), text[1:].lstrip().removeprefix("(")
        elif text[0] == ")" and group:
            sign, group, text = 1, False, text[1:]
        elif match := _FACTOR.match(text):
            known = _factor(match[1])
            if known is None:
                return None
            times = sign * int(match[2] or match[3] or 1)
            ten += known[1] * times
            for base, power in known[0].items():
                powers[base] = powers.get(base, 0) + power * times
            sign, text = sign if group else 1, text[match.end() :]
        else:
            return None
    return {base: power for base, power in powers.items() if power}, ten


def _factor(letters: str) -> tuple[dict[str, int], int] | None:
    if letters in _BASES:
        return _BASES[letters], 0
    prefix, base = letters[0], letters[1:]
    if prefix in _PREFIXES and base in _BASES and base not in _WITHOUT_PREFIX:
        return _BASES[base], _PREFIXES[prefix]
    return None
