"""From the text of a cell to a value, a limit, or the fact that there is none."""

from __future__ import annotations

import datetime
import math
import re
from dataclasses import dataclass
from typing import Literal

from activeloop.errors import MeasurementError
from activeloop.measurements.assay import Assay, Qualifier
from activeloop.tables.numbers import shift_between, shifted
from activeloop.tables.table import parse_number

FAILED = frozenset(
    {"failed", "fail", "failure", "invalid", "bad", "excluded", "error", "no data", "not determined", "not measured"}
    | {"empty", "clogged", "lost", "x"}
)
SATURATED = frozenset({"over", "overflow", "ovrflw", "ovflw", "sat", "saturated", "overrange", ">max"})
CLASSES = {
    **dict.fromkeys(("1", "fit", "yes", "true", "active", "hit", "positive", "pos"), 1.0),
    **dict.fromkeys(("0", "unfit", "no", "false", "inactive", "negative", "neg"), 0.0),
}


@dataclass(frozen=True)
class Cell:
    """What a cell says.

    Args:
        value: in the assay's unit; NaN when there is none.
        qualifier: as in `Measurement`.
        failed: why there is no value, "" when there is one.
        note: what was done to it ("" for nothing): a unit converted, a limit applied.
    """

    value: float
    qualifier: Qualifier = "="
    failed: str = ""
    note: str = ""


def read_cell(text: str, assay: Assay, unit: str, decimal: Literal[".", ","]) -> Cell:
    """Read one cell of an assay.

    Args:
        text: the cell.
        assay: what it should be a value of.
        unit: what header or unit column say, "" when nothing.
        decimal: decimal sign of the table.

    Raises:
        InputError: it is no value of this assay, or in another unit; without file and row, which the caller knows.

    >>> read_cell("<0.1", Assay("kcat", "1/s"), "", ".")
    Cell(value=0.1, qualifier='<', failed='', note='')
    >>> read_cell("n.d.", Assay("kcat", "1/s"), "", ".").failed
    'n.d.'
    >>> read_cell("250", Assay("KD", "µM"), "nM", ".").value
    0.25
    """
    word = text.strip().casefold()
    if word in FAILED:
        return Cell(math.nan, failed=text.strip())
    if word in SATURATED:
        if assay.upper is None:
            return Cell(math.nan, failed=f"{text.strip()}: beyond the range, and {assay.name} has no upper limit")
        return Cell(assay.upper, ">", note=f"{assay.name}: saturated cells were taken as above {_show(assay.upper)}")
    if assay.goal == "classify":
        return _class(text, word, assay)
    _refuse_infinite(text, word)
    number = parse_number(text, decimal=decimal)
    if math.isnan(number.value):
        return Cell(math.nan, failed=text.strip() or "empty")
    value, note = _in_unit(number.value, number.unit or unit, assay)
    if number.unit and unit and shift_between(number.unit, unit) != 0:
        raise MeasurementError(f'"{text}" carries another unit than its column ({unit}). Correct one of them.')
    return _within_limits(value, number.qualifier, assay, note)


def _class(text: str, word: str, assay: Assay) -> Cell:
    if word in CLASSES or word in ("1.0", "0.0"):
        return Cell(CLASSES[word.removesuffix(".0")])
    number = parse_number(text) if not re.search(r"[a-z]{3,}", word) else None
    if number is not None and math.isnan(number.value):
        return Cell(math.nan, failed=text.strip() or "empty")
    raise MeasurementError(f'"{text}" is no class of {assay.name}. Write 1 or fit, 0 or unfit, or leave it empty.')


def _refuse_infinite(text: str, word: str) -> None:
    if word.lstrip("+-").startswith(("inf", "∞")):
        raise MeasurementError(f'"{text}" is not a measured value. Correct it, or write "failed", or a limit (>100).')


def _in_unit(value: float, unit: str, assay: Assay) -> tuple[float, str]:
    if not unit or not assay.unit:
        return value, ""
    power = shift_between(unit, assay.unit)
    if power is None:
        raise MeasurementError(
            f"the value is in {unit}, but {assay.name} is measured in {assay.unit}. Convert the values, or correct the "
            "unit."
        )
    if power == 0:
        return value, ""
    return shifted(value, power), f"{assay.name}: values in {unit} were converted to {assay.unit} (x 1e{power})"


def _within_limits(value: float, qualifier: Qualifier, assay: Assay, note: str) -> Cell:
    if assay.lower is not None and value < assay.lower and qualifier != ">":
        told = f"{assay.name}: values below the detection limit were recorded as <{_show(assay.lower)}"
        return Cell(assay.lower, "<", note=told if qualifier == "=" else note)
    if assay.upper is not None and value > assay.upper and qualifier != "<":
        told = f"{assay.name}: values above the detection limit were recorded as >{_show(assay.upper)}"
        return Cell(assay.upper, ">", note=told if qualifier == "=" else note)
    return Cell(value, qualifier, note=note)


def _show(value: float) -> str:
    return f"{value:g}"


def read_date(text: str) -> str:
    """A date or time in ISO 8601, "" when none is given.

    Raises:
        MeasurementError: it is no date, or could be read as two.

    >>> read_date("2026-03-01"), read_date("1.3.2026"), read_date("2026-03-01 14:30:00")
    ('2026-03-01', '2026-03-01', '2026-03-01T14:30:00')
    """
    cell = text.strip()
    if not cell:
        return ""
    try:
        when = datetime.datetime.fromisoformat(cell)
        whole_day = len(cell) <= 10 or (when.tzinfo is None and when.time() == datetime.time())
        return when.date().isoformat() if whole_day else when.isoformat()
    except ValueError:
        pass
    match = re.fullmatch(r"(\d{1,2})([./])(\d{1,2})\2(\d{4})", cell)
    day_first = match and (match[2] == "." or int(match[1]) > 12)
    try:
        if match and (day_first or int(match[3]) > 12):
            day, month = (match[1], match[3]) if day_first else (match[3], match[1])
            return datetime.date(int(match[4]), int(month), int(day)).isoformat()
    except ValueError:
        pass
    raise MeasurementError(f'"{text}" is no date that can be read in one way only. Write it as 2026-03-01.')


def read_replicate(text: str) -> int | None:
    """A replicate's number, None when none is given.

    Raises:
        MeasurementError: it is no whole number from 1 on.

    >>> read_replicate("2"), read_replicate("rep 3"), read_replicate("")
    (2, 3, None)
    """
    cell = re.sub(r"(?i)^(replicate|rep|r)[\s_.#-]*", "", text.strip())
    if not cell:
        return None
    if not re.fullmatch(r"0*[1-9]\d{0,4}", cell):
        raise MeasurementError(f'replicate "{text}" is not a number from 1 on. Number the replicates 1, 2, 3.')
    return int(cell)
