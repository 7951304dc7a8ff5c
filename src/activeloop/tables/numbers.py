"""Numbers and units as people and instruments write them: `1,5`, `<0.1`, `3.2 nM`, `12'400`, `n.d.`."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal, DecimalException
from fractions import Fraction
from functools import lru_cache
from typing import Literal, NamedTuple

from activeloop.errors import TableError

#: cells without a value, compared without case, spaces, dots and the kind of dash
MISSING = frozenset(
    {"", "na", "n/a", "nan", "nd", "none", "null", "nil", "-", "--", "---", "?", "missing", "blank", "void"}
    | {"#n/a", "#na", "#n/an/a", "#nv", "#n/d", "#nd", "<na>", "(null)", "nat", "notavailable", "notapplicable"}
    | {"notdetermined", "notmeasured", "nottested", "nodata", "novalue", "nm", "nt", "n/d", "n/t", "n/m", "n/b"}
    | {"nb", "ka", "k/a", "fehlt", "entfällt", "nichtbestimmt", "nichtgemessen", "keinwert", "leer"}  # German
    | {"nonmesuré", "nondéterminé", "sansobjet", "s/o", "vide", "manquant"}  # French
    | {"nodeterminado", "nomedido", "sindatos", "s/d", "vacío", "nondeterminato", "nonmisurato", "vuoto", "assente"}
    | {"nãodeterminado", "nãomedido", "vazio", "nietbepaald", "nietgemeten", "leeg", "brak", "bd", "saknas"}
    | {"нд", "н/д", "нетданных", "欠測", "未測定", "未测定", "未检测", "无", "缺失", "無", "없음"}
)
#: values beyond these are no measurements: their squares overflow where a model is fitted
LARGEST, SMALLEST = 1e100, 1e-100

Sign = Literal[".", ","]


class Typed(str):
    """A number that a workbook stores as one, with what its format shows around it; its point is the decimal sign."""

    __slots__ = ()


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


_ORDINARY = re.compile(r"-?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,2})?", re.ASCII)
_NUMBER = re.compile(
    r"(?P<qualifier><=|>=|=<|=>|<|>|=)?\s*(?P<sign>[+-]?)(?P<digits>\d(?:[\d.,' ]*\d)?[.,]?|[.,]\d+)"
    r"(?P<exponent>[eE][+-]?\d+)?(?:\s*[xX×*·]\s*10(?:\s*\^\s*\(?|(?=[+-]))(?P<power>[+-]?\d{1,3})\)?)?"
    r"\s*(?P<unit>(?![xX×e][\d^+-])[^\W\d_].*|[%°℃].*)?",
    re.DOTALL,
)
_TYPED = re.compile(r"([<>=≤≥]*)\s*([-+.e\d]+)\s*(.*)", re.DOTALL)
_GROUPS = {  # digits in groups, by what stands between them; no group begins with 0
    "'": re.compile(r"[1-9]\d{0,2}(?:'\d{3})+"),
    " ": re.compile(r"[1-9]\d{0,2}(?: \d{3})+"),
    ".": re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+"),
    ",": re.compile(r"[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d?(?:,\d\d)+,\d{3}"),  # also 12,34,567 as in India
}
_MONTH = (
    r"(?:jan(?:uary|uar)?|feb(?:ruary|ruar)?|mar(?:ch)?|mär(?:z)?|apr(?:il)?|may|mai|june?|juni|july?|juli|aug(?:ust)?"
    r"|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?|janv|févr|avr|juin|juil|août|déc|ene|abr|ago|dic)"
)
DATE = re.compile(
    r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?|\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?: [ap]m)?"
    rf"|\d{{1,2}}[-. ]{{1,2}}{_MONTH}\.?(?:[-. ]\d{{2,4}})?|{_MONTH}\.?[- ]\d{{1,4}}"
    r"|\d{1,2}/\d{1,2}/\d{2,4}|\d{1,2}\.\d{1,2}\.\d{2,4}",
    re.IGNORECASE,
)
_SUPERSCRIPTS = {c: str(unicodedata.digit(c)) for c in "⁰¹²³⁴⁵⁶⁷⁸⁹"} | {"⁻": "-", "⁺": "+"}
_SUPERSCRIPT = re.compile(r"(?<=10)[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
#: other forms of the signs of a number -> the ASCII one
_FORMS = str.maketrans(
    {
        **dict.fromkeys("−‐‑‒–—﹣－", "-"),
        **{"≤": "<", "≥": ">", "≦": "<", "≧": ">", "＜": "<", "＞": ">", "＝": "=", "＋": "+", "μ": "µ", "％": "%"},
        **dict.fromkeys("’‘ʼ′＇", "'"),
        **{"．": ".", "٫": ".", "，": ",", "٬": "'", "﹪": "%", "٪": "%"},
    }
)


def is_missing(text: str) -> bool:
    """Whether a cell says that there is no value.

    >>> [is_missing(text) for text in ("", "n. d.", "#N/A", "–", "0")]
    [True, True, True, True, False]
    """
    return re.sub(r"[\s.]+", "", text.translate(_FORMS)).casefold() in MISSING


def usual(text: str) -> str:
    """A cell with its digits, signs and spaces in ASCII.

    >>> usual("−١٫٥"), usual("1’234\u202f"), usual("5 × 10⁻³")
    ('-1.5', "1'234", '5 × 10^-3')
    """
    text = text.strip()
    if text.isascii():
        return text
    text = _SUPERSCRIPT.sub(lambda m: "^" + "".join(_SUPERSCRIPTS[c] for c in m[0]), text)
    text = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else " " if c.isspace() else c for c in text)
    return text.translate(_FORMS)


def _readings(digits: str, scientific: bool) -> dict[Sign, str]:
    """What digits with separators mean, by the decimal sign that is assumed; without signs that fit none.

    >>> _readings("1,500", False), _readings("1,5", False), _readings("1'500.5", False)
    ({'.': '1500.', ',': '1.500'}, {',': '1.5'}, {'.': '1500.5'})
    """
    found: dict[Sign, str] = {}
    between = [mark for mark in "' " if mark in digits]
    signs: tuple[tuple[Sign, Sign], ...] = ((".", ","), (",", "."))
    for sign, other in signs:
        whole, _, fraction = digits.partition(sign)
        if not (fraction.isdecimal() or not fraction):
            continue
        if not (whole.isdecimal() or not whole):
            group = between[0] if between else other
            # No program groups the digits of a number with an exponent.
            if scientific or not _GROUPS[group].fullmatch(whole):
                continue
            whole = whole.replace(group, "")
        found[sign] = f"{whole or 0}.{fraction}"
    return found


def _readings_of(match: re.Match[str]) -> dict[Sign, str]:
    return _readings(match["digits"], bool(match["exponent"] or match["power"]))


def parse_number(text: str, *, decimal: Sign | None = None, file: str | None = None, row: int | None = None) -> Number:
    """Read one cell that should hold a number.

    Args:
        text: the cell.
        decimal: the decimal sign of its column (`Table.decimal_of`); when None it is the point, and what could also be
            read with a decimal comma is refused.
        file: the file it stands in, for the message.
        row: its spreadsheet row, for the message.

    Raises:
        TableError: it is no number, could be read as two different ones (`1,500`), or is too large or small.

    >>> parse_number("< 0.1"), parse_number("1,5", decimal=","), parse_number("3.2 nM")
    (Number(qualifier='<', value=0.1, unit=''), Number(qualifier='=', value=1.5, unit=''),
     Number(qualifier='=', value=3.2, unit='nM'))
    >>> parse_number("n.d.").value
    nan
    """
    if decimal != "," and _ORDINARY.fullmatch(text):
        return Number("=", _measurable(text, text, file, row), "")
    if isinstance(text, Typed) and (match := _TYPED.fullmatch(text)):
        return Number(_qualifier(match[1]), _measurable(match[2], text, file, row), match[3].replace("μ", "µ"))
    if is_missing(text):
        return Number("=", math.nan, "")
    match = _NUMBER.fullmatch(usual(text))
    if match is None or (match["unit"] and DATE.fullmatch(text.strip())):
        raise TableError(_no_number(text), file=file, row=row)
    readings = _readings_of(match)
    if not readings or (match["power"] and match["exponent"]):
        raise TableError(_no_number(text), file=file, row=row)
    if decimal and decimal not in readings:
        problem = (
            f'"{text}" does not fit the other numbers of its column, in which "{decimal}" is the decimal sign. Write '
            "all in one way."
        )
        raise TableError(problem, file=file, row=row)
    if decimal is None and "," in readings and Decimal(readings[","]) != Decimal(readings.get(".", "NaN")):
        if "." not in readings or "," in match["digits"]:
            raise TableError(_ambiguous(text, readings), file=file, row=row)
    digits = readings[decimal or "."] + (match["exponent"] or (f"e{match['power']}" if match["power"] else ""))
    value = _measurable(match["sign"] + digits, text, file, row)
    return Number(_qualifier(match["qualifier"]), value, (match["unit"] or "").strip())


def _qualifier(sign: str | None) -> Literal["=", "<", ">"]:
    sign = (sign or "").translate(_FORMS)
    return ">" if ">" in sign else "<" if "<" in sign else "="


def _measurable(digits: str, text: str, file: str | None, row: int | None) -> float:
    """The value of digits, if a measurement can be so large or small."""
    value = float(digits)
    if value == 0 and re.search(r"[1-9]", re.split("[eE]", digits)[0]) is None:
        return 0.0
    if not SMALLEST <= abs(value) <= LARGEST:
        shown, what = text if len(text) <= 40 else f"{text[:20]}... ({len(text):,} characters)", "small"
        what = "large" if abs(value) > 1 else what
        raise TableError(f'"{shown}" is too {what} to be a measured value. Correct it.', file=file, row=row)
    return value


def _no_number(text: str) -> str:
    if DATE.fullmatch(text.strip()):
        return (
            f'"{text}" is a date or a time, not a number: a spreadsheet program turns 1.5 into 1-May. Set the format '
            "of the column to Number (or Text), type the values again and save."
        )
    if re.match(r"[<>=]*\s*[+-]?(?:inf|∞)", text.strip(), re.IGNORECASE):
        return f'"{text}" is not a measured value. Correct it or leave it empty.'
    shown = text if len(text) <= 80 else f"{text[:60]}..."
    return f'"{shown}" is not a number. Write a number, such as 1.5 or <0.1, or leave it empty.'


def _ambiguous(text: str, readings: dict[Sign, str]) -> str:
    if len(readings) < 2:
        return (
            f'"{text}" can be read as two different numbers: here "." is the decimal sign and "," stands where none '
            'should. Write it with "." and without separators of thousands.'
        )
    point, comma = (readings[sign].rstrip(".") for sign in (".", ","))
    point, comma = (f"{Decimal(digits):f}" for digits in (point, comma))
    return f'"{text}" can be read as two different numbers, {point} ("." is the decimal sign) or {comma} ("," is it).'


def find_sign(cells: Iterable[str]) -> tuple[Sign | None, str | None]:
    """The decimal sign that the numbers of a column show, and the first cell that could be read with either.

    The first number that can be read in one way decides. Text that is no number shows nothing.

    >>> find_sign(["12", "1,5"]), find_sign(["1,500", "230"]), find_sign(["1,500", "0.5"])
    ((',', None), (None, '1,500'), ('.', '1,500'))
    """
    doubtful: str | None = None
    for cell in cells:
        point = cell.rfind(".")
        if (point < 0 and "," not in cell and cell.isascii()) or isinstance(cell, Typed):
            continue
        if len(cell) - point != 4 and _ORDINARY.fullmatch(cell):
            return ".", doubtful
        if not (match := _NUMBER.fullmatch(usual(cell))):
            continue
        readings = _readings_of(match)
        if len(readings) == 1 and "." in readings:
            return ".", doubtful
        if len(readings) == 1 and "," in readings:
            return ",", doubtful
        if len(readings) == 2 and Decimal(readings["."]) != Decimal(readings[","]):
            doubtful = doubtful or cell
    return None, doubtful


def doubt(cell: str) -> str:
    """The sentence on a cell that can be read with either decimal sign."""
    match = _NUMBER.fullmatch(usual(cell))
    return _ambiguous(cell, _readings_of(match)) if match else _no_number(cell)


_PREFIXES = {
    **{"a": -18, "f": -15, "p": -12, "n": -9, "u": -6, "µ": -6, "m": -3, "c": -2, "d": -1},
    **{"k": 3, "M": 6, "G": 9},
}
_ATOMS = ("mol", "L", "s", "min", "h", "g", "m", "V", "A", "J", "cal", "K", "°C", "Da", "U", "%")
#: unit without prefix -> what it is made of
_BASES: dict[str, dict[str, int]] = {name: {name: 1} for name in _ATOMS} | {
    "M": {"mol": 1, "L": -1},
    "l": {"L": 1},
    "sec": {"s": 1},
    "Hz": {"s": -1},
    "S": {"A": 1, "V": -1},
}
_WITHOUT_PREFIX = {"min", "h", "°C", "%", "sec"}
_TIDY = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−μ·×∙º˚", "0123456789--µ***°°")
#: other ways to write °C; no unit here is the coulomb
_CELSIUS = re.compile(r"(?:℃|(?:°|deg(?:rees?)?|\bo)\s*c(?:elsius)?\b|\bcelsius\b|\bC\b)", re.IGNORECASE)
#: no unit has a larger exponent
_FACTOR = re.compile(r"([A-Za-zµ°%]+)\s*(?:\^\s*\(([+-]?\d{1,2})\)|\^?\s*([+-]?\d{1,2}))?(?!\d)")


@lru_cache(1024)
def shift_between(unit: str, wanted: str) -> int | None:
    """The power of ten that turns a value in `unit` into one in `wanted`; None when they measure different things.

    Only powers of ten, so that a stored value has the digits that were typed. Not by pint, which reads neither `s-1`
    nor unknown units such as `OD600`, and takes 0.3 s to import.

    >>> shift_between("nM", "µM"), shift_between("s-1", "1/s"), shift_between("1/ms", "s^-1")
    (-3, 0, 3)
    >>> print(shift_between("1/min", "1/s"), shift_between("S", "s"))
    None None
    """
    ours, theirs = _parse(unit), _parse(wanted)
    if ours is None and theirs is None:
        return 0 if _plain(unit) == _plain(wanted) else None
    if ours is None or theirs is None or ours[0] != theirs[0]:
        return None
    return ours[1] - theirs[1]


def shifted(value: float, power: int) -> float:
    """A value times a power of ten, as one would write it by moving the point.

    Raises:
        TableError: the result is too large or small to be a measured value; without file and row.

    >>> shifted(3.3, -3), shifted(0.0033, 3)
    (0.0033, 3.3)
    """
    if not power or value == 0:
        return value
    try:
        moved = f"{Decimal(repr(value)).scaleb(power):E}"
    except DecimalException:
        raise TableError(f"{value:g} x 1e{power} is too large or small to be a measured value. Correct it.") from None
    return _measurable(moved, f"{value:g} x 1e{power}", None, None)


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


def converted(value: float, factor: Fraction) -> float:
    """The value as it was typed times a factor, rounded once, if a measurement can be so large or small.

    Raises:
        TableError: it cannot; without file and row.

    >>> converted(3.3, Fraction(1, 1000)), converted(90.0, Fraction(1, 60))
    (0.0033, 1.5)
    """
    exact = Fraction(Decimal(repr(value))) * factor
    if exact and not SMALLEST <= abs(exact) <= LARGEST:
        raise TableError(f"{value:g} {times(factor)} is too large or small to be a measured value. Correct it.")
    return float(exact)


def times(factor: Fraction) -> str:
    """A factor in words.

    >>> times(Fraction(1, 1000)), times(Fraction(60)), times(Fraction(1, 60)), times(Fraction("4.184"))
    ('x 1e-3', 'x 60', 'x 1/60', 'x 4.184')
    """
    power = len(str(max(factor.numerator, factor.denominator))) - 1
    for ten in (power, -power):
        if factor == Fraction(10) ** ten:
            return f"x 1e{ten}"
    return f"x {factor}" if 1 in (factor.numerator, factor.denominator) else f"x {float(factor):.12g}"


#: °C that are 0 K
ABSOLUTE_ZERO = Decimal("-273.15")


def temperatures(value: float, unit: str, wanted: str) -> str:
    """Both readings of a value where one unit is K and the other °C, in words; "" for other units.

    >>> temperatures(5.0, "K", "°C")
    '5 K can be read as -268.15 °C (a temperature) or as 5 °C (a difference of two)'
    """
    ours, theirs = _parse(unit), _parse(wanted)
    kinds = [{"K": 1}, {"°C": 1}]
    if ours is None or theirs is None or ours[1] or theirs[1] or [ours[0], theirs[0]] not in (kinds, kinds[::-1]):
        return ""
    shift = ABSOLUTE_ZERO if "K" in ours[0] else -ABSOLUTE_ZERO
    moved = float(Decimal(repr(value)) + shift)
    return (
        f"{value:.12g} {unit} can be read as {moved:.12g} {wanted} (a temperature) or as {value:.12g} {wanted} (a "
        "difference of two)"
    )


def convertible(unit: str, wanted: str) -> bool:
    """Whether two units measure the same, so that one behind an assay's name is its unit.

    >>> convertible("1/min", "1/s"), convertible("K", "°C"), convertible("nM", "1/s")
    (True, True, False)
    """
    return factor_between(unit, wanted) is not None or bool(temperatures(0.0, unit, wanted))


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
    return re.sub(r"[\s*]+", "", unit.translate(_TIDY)).casefold()


def _parse(unit: str) -> tuple[dict[str, int], int] | None:
    """Base units with their exponents, and the power of ten; None when a part is not known."""
    text = _CELSIUS.sub("°C", unit.translate(_TIDY).strip())
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
