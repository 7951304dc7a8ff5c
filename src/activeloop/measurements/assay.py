"""Assays, and single measured values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from numbers import Real
from typing import Any, Literal, get_args

import numpy as np

from activeloop.errors import ConfigError, MeasurementError, check_type

Goal = Literal["maximise", "minimise", "classify"]
Scale = Literal["auto", "log", "linear", "binary"]
#: lowest and highest possible value; None where there is no end
Bounds = tuple[float | None, float | None]
#: noise may take a measured value beyond a bound by this share of the distance between both bounds
BEYOND = 0.1
#: another spelling of a goal -> the goal
SPELLINGS: dict[str, Goal] = {"maximize": "maximise", "minimize": "minimise"}


def goal_of(text: str) -> str:
    """A goal in the spelling of this package; what is no goal stays as it is.

    >>> goal_of("Minimize"), goal_of("classify"), goal_of("1/s")
    ('minimise', 'classify', '1/s')
    """
    word = text.casefold()
    return SPELLINGS.get(word, word if word in get_args(Goal) else text)


def number_of(value: Any) -> float | None:
    """A number of whatever type (NumPy's, `Decimal`, `Fraction` ...) as a float; None for text and anything else.

    What pandas and others write where nothing is (`None`, `pd.NA`, `pd.NaT`) is NaN.

    >>> number_of(Decimal("1.5")), number_of(None), number_of("1.5")
    (1.5, nan, None)
    """
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return math.nan
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if not isinstance(value, (Real, Decimal, np.bool_)):
        return None
    try:
        return float(value)
    except (OverflowError, ValueError):
        return math.inf


@dataclass(frozen=True)
class Assay:
    """A property that is measured of each candidate.

    Args:
        name: its name in tables, unique in a campaign.
        unit: its unit, "" when it has none. Results in another unit are refused.
        goal: `maximise`, `minimise` (also `maximize`, `minimize`), or `classify` (values are 0 = unfit, 1 = fit).
        lower, upper: detection limits in `unit`; None when there is none.
        scale: on which models work: `log` (values above 0 whose differences are factors, such as IC50), `linear`,
            `binary` (each value is 0 or 1, hit or none), or `auto`: the one on which held-out values are likelier,
            and `binary` where two values alone came, see `activeloop.measurements.dataset.levels_of`. Classes have
            none.
        bounds: lowest and highest possible value in `unit`, such as (0, 100) for percent or (0, None); None when
            there are none. Predictions stay inside. Noise may take a measured value beyond by a tenth of the distance
            between both bounds; values farther out are refused, as are all beyond a bound that stands alone, but for
            an assay with a detection limit on that side: there they become the limit.
        threshold: value in `unit` that is good enough: at least (`maximise`) or at most (`minimise`) so much is
            demanded, and beyond it more is no better. None when the best is looked for.

    Raises:
        ConfigError: there is no such goal or scale; limits or bounds cross, or do not fit each other or the scale.

    >>> Assay("kcat", unit="1/s").sign, Assay("KD", unit="nM", goal="minimise").sign
    (1, -1)
    >>> Assay("inhibition", "%", bounds=(0, 100)).refusal(-3.0)
    ''
    >>> Assay("inhibition", "%", bounds=(0, 100)).refusal(-30.0)
    'inhibition -30 % is too far below its bound of 0 % (noise may take a value to -10 %)'
    >>> Assay("Tm", "°C", threshold=55.0).condition
    'Tm >= 55 °C'
    >>> Assay("active", scale="binary").refusal(0.5)
    'active 0.5 is neither 0 nor 1, and active has these two values alone (scale binary)'
    """

    name: str
    unit: str = ""
    goal: Goal = "maximise"
    lower: float | None = None
    upper: float | None = None
    scale: Scale = "auto"
    bounds: Bounds | None = None
    threshold: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "unit", "" if self.unit is None else self.unit)
        if not isinstance(self.name, str) or not isinstance(self.unit, str) or not isinstance(self.goal, str):
            raise ConfigError(
                f"an assay's name, unit and goal are text, not {self.name!r}, {self.unit!r}, {self.goal!r}"
            )
        object.__setattr__(self, "goal", goal_of(self.goal))
        for name in ("lower", "upper", "threshold"):
            object.__setattr__(self, name, self._real(getattr(self, name)))
        if self.bounds is not None:
            if isinstance(self.bounds, str) or not np.iterable(self.bounds) or len(tuple(self.bounds)) != 2:
                raise ConfigError(f'assay "{self.name}": bounds are two numbers, such as (0, 100), not {self.bounds!r}')
            ends = map(self._real, self.bounds)
            low, high = (None if end is None or math.isinf(end) else end for end in ends)
            object.__setattr__(self, "bounds", None if low is None and high is None else (low, high))
        if self.scale == "binary" and self.bounds is None:
            object.__setattr__(self, "bounds", (0.0, 1.0))
        if problem := self._problem():
            raise ConfigError(f'assay "{self.name}": {problem}')

    def _real(self, value: Any) -> float | None:
        if value is None:
            return None
        if (number := number_of(value)) is None:
            raise ConfigError(f'assay "{self.name}": {value!r} is no number')
        return number

    def _problem(self) -> str:
        """What contradicts itself in it; "" when nothing does."""
        for what, kinds in (("goal", get_args(Goal)), ("scale", get_args(Scale))):
            if (value := getattr(self, what)) not in kinds:
                return f'"{value}" is no {what}: give {", ".join(kinds[:-1])} or {kinds[-1]}'
        low, high = self.ends
        limits = [limit for limit in (self.lower, self.upper) if limit is not None]
        if any(map(math.isnan, (*limits, low, high))):
            return "a limit or bound is not a number"
        if low >= high:
            return f"its bounds cross ({low:g} to {high:g}): give the lower one first"
        if len(limits) == 2 and limits[0] >= limits[1]:
            return f"its detection limits cross (lower {limits[0]:g}, upper {limits[1]:g}): give the smaller as lower"
        if outside := [limit for limit in limits if not low <= limit <= high]:
            return (
                f"the detection limit {outside[0]:g} lies outside its bounds {low:g} to {high:g}: correct one of them"
            )
        if self.goal == "classify" and (self.scale != "auto" or self.bounds is not None):
            return "classes (goal classify) have no scale and no bounds: leave both out"
        if self.scale == "binary" and (limits or self.threshold is not None or (low, high) != (0, 1)):
            return "its values are 0 and 1 (scale binary): leave out bounds, detection limits and threshold"
        if self.threshold is not None and (problem := self._threshold_problem(low, high)):
            return problem
        if self.scale != "log":
            return ""
        if self.bounds is not None and (low <= 0 if self.bounds[0] is not None else high <= 0):
            return (
                f"a logarithm has values above 0 alone, and its bounds are {low:g} to {high:g}: give a lower bound "
                "above 0, leave it open, or take scale linear"
            )
        if below := [limit for limit in limits if limit <= 0]:
            return f"a logarithm has no detection limit of {below[0]:g}: give one above 0, or take scale linear"
        return ""

    def _threshold_problem(self, low: float, high: float) -> str:
        assert self.threshold is not None  # the caller has looked
        limit, seen = f"the threshold {self.threshold:g}", self.upper if self.sign > 0 else self.lower
        if self.goal == "classify":
            return f"classes (goal classify) have no threshold: leave out {limit}"
        if not math.isfinite(self.threshold):
            return "its threshold is not a number"
        if not low <= self.threshold <= high:
            return f"{limit} lies outside its bounds {low:g} to {high:g}: no candidate, or each of them, could meet it"
        if seen is not None and self.sign * self.threshold > self.sign * seen:
            return f"{limit} lies beyond its detection limit {seen:g}: no result could show that it is met"
        if self.scale == "log" and self.threshold <= 0:
            return f"a logarithm has no value of {self.threshold:g}: give a threshold above 0, or take scale linear"
        return ""

    @property
    def limit(self) -> float | None:
        """Value that is good enough beside other assays: the threshold, and of classes that half of all say `fit`."""
        return 0.5 if self.goal == "classify" else self.threshold

    @property
    def condition(self) -> str:
        """What is good enough, in words; "" where the best is looked for."""
        if self.threshold is None:
            return f"{self.name} = fit" if self.goal == "classify" else ""
        return f"{self.name} {'<=' if self.goal == 'minimise' else '>='} {self.threshold:g} {self.unit}".rstrip()

    @property
    def is_open(self) -> bool:
        """Whether bounds, limits and threshold leave open that 0 and 1 are its only values."""
        limits = (self.lower, self.upper, self.threshold)
        return self.goal != "classify" and limits == (None, None, None) and self.bounds in (None, (0, 1))

    @property
    def binary(self) -> bool:
        """Whether 0 and 1 are its only values, so that what is predicted is the probability of 1."""
        return self.scale == "binary"

    @property
    def is_two(self) -> bool:
        """Whether it tells one of two from the other, so that what is predicted is a probability."""
        return self.goal == "classify" or self.scale == "binary"

    @property
    def predicted(self) -> str:
        """What is predicted of it, in words.

        >>> Assay("kcat", "1/s").predicted, Assay("active", scale="binary").predicted
        ('kcat predicted', 'probability of active')
        """
        return f"probability of {self.name}" if self.scale == "binary" else f"{self.name} predicted"

    @property
    def sign(self) -> int:
        """+1 when more is better, -1 when less is."""
        return -1 if self.goal == "minimise" else 1

    @property
    def ends(self) -> tuple[float, float]:
        """The bounds, infinite where there is none."""
        low, high = self.bounds or (None, None)
        return -math.inf if low is None else low, math.inf if high is None else high

    def refusal(self, value: float, qualifier: Qualifier = "=") -> str:
        """Why a finite value, or limit, cannot be one of this assay; "" when it can.

        A value that noise took a little beyond a bound is none to refuse, see `bounds`.

        >>> Assay("IC50", "nM", "minimise", scale="log").refusal(0.0)
        'IC50 0 nM is not above 0, and it is on a logarithmic scale'
        """
        if self.bounds is None and self.scale != "log":
            return ""
        unit = f" {self.unit}" if self.unit else ""
        what = f"{self.name} {'' if qualifier == '=' else qualifier}{value:g}{unit}"
        if self.scale == "binary":
            known = qualifier == "=" and value in (0, 1)
            alone = f"and {self.name} has these two values alone (scale binary)"
            return "" if known else f"{what} is neither 0 nor 1, {alone}"
        if self.scale == "log" and value <= 0:
            return f"{what} is not above 0, and it is on a logarithmic scale"
        if qualifier == "=":
            return self.too_far(value)
        low, high = self.ends
        possible = low < value <= high if qualifier == "<" else low <= value < high
        return "" if possible else f"{what} is impossible with bounds of {low:g} to {high:g}{unit}"

    def too_far(self, value: float) -> str:
        """Why a value lies farther beyond a bound than noise may take it; "" when it does not."""
        if self.scale == "binary":
            return self.refusal(value)
        low, high = self.ends
        room = BEYOND * (high - low) if math.isfinite(high - low) else 0.0
        if low - room <= value <= high + room:
            return ""
        unit = f" {self.unit}" if self.unit else ""
        side, bound, most = ("below", low, low - room) if value < low else ("above", high, high + room)
        noise = f" (noise may take a value to {most:g}{unit})" if room else ""
        return f"{self.name} {value:g}{unit} is {'too far ' if room else ''}{side} its bound of {bound:g}{unit}{noise}"


def limits_of(assays: Sequence[Assay]) -> np.ndarray:
    """[A] what is good enough in each assay, in its unit; NaN where the best is looked for.

    An assay of classes that stands alone is what is looked for.

    >>> limits_of([Assay("kcat"), Assay("soluble", goal="classify")]), limits_of([Assay("soluble", goal="classify")])
    (array([nan, 0.5]), array([nan]))
    """
    alone = len(assays) == 1 and assays[0].goal == "classify"
    return np.array([np.nan if a.limit is None or alone else a.limit for a in assays])


def checked_assays(assays: Assay | Iterable[Assay]) -> list[Assay]:
    """One or several assays as a list.

    Raises:
        InputError: something else was given, such as a name.
    """
    one = isinstance(assays, (Assay, str)) or not isinstance(assays, Iterable)
    found: list[Assay] = [assays] if one else list(assays)  # type: ignore[list-item]
    for given in found:
        name = given if isinstance(given, str) else "kcat"
        check_type(given, Assay, "an assay", f'an Assay, such as Assay("{name}", unit="1/s")')
    return found


Qualifier = Literal["=", "<", ">"]


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measured value of one candidate, never averaged, never changed; a wrong one is voided, not deleted.

    Args:
        candidate: the candidate's name in standard notation (`Candidate.name`).
        assay: the assay's name.
        value: in the assay's unit; for a censored value the limit that was not crossed.
        qualifier: `=` measured, `<` below `value`, `>` above `value`.
        replicate: counted from 1.
        plate: plate id, "" when unknown.
        well: such as "A1", "" when unknown.
        measured_at: ISO 8601 date or date and time, "" when unknown.
        file: the file it was read from; `row` its row there as a spreadsheet counts it.
        control: whether the well held a control.
        error: standard error of the value in the assay's unit where it is a mean that came with one; 0 when not known.

    Raises:
        MeasurementError: a field is of another type; numbers of NumPy, pandas and others are taken as floats, what they
            write where nothing is as NaN.

    >>> Measurement("K2R", "kcat", np.float32(1.5), replicate=np.int64(2)).value
    1.5
    """

    candidate: str
    assay: str
    value: float
    qualifier: Qualifier = "="
    replicate: int = 1
    plate: str = ""
    well: str = ""
    measured_at: str = ""
    file: str = ""
    row: int = 0
    control: bool = False
    error: float = field(default=0.0, metadata={"stored": "unless default"})

    def __post_init__(self) -> None:
        texts = (self.candidate, self.assay, self.plate, self.well, self.measured_at, self.file)
        usual = type(self.value) is type(self.error) is float and type(self.replicate) is type(self.row) is int
        if usual and self.qualifier in ("=", "<", ">") and set(map(type, texts)) == {str}:
            return  # as each row of a file
        if type(self.value) is not float:
            if (value := number_of(self.value)) is None:
                raise self._refused(
                    f"the value {self.value!r} is no number (`activeloop.tables.parse_number` reads text)"
                )
            object.__setattr__(self, "value", value)
        if type(self.error) is not float:
            if (error := number_of(self.error)) is None:
                raise self._refused(f"the error {self.error!r} is no number")
            object.__setattr__(self, "error", 0.0 if math.isnan(error) else error)
        if self.qualifier not in ("=", "<", ">"):
            raise self._refused(f"the qualifier {self.qualifier!r} is none of =, < and >")
        for name in ("replicate", "row"):
            count = getattr(self, name)
            if type(count) is not int:
                number = number_of(count)
                if number is None or isinstance(count, (bool, np.bool_)) or not number.is_integer():
                    raise self._refused(f"{name} {count!r} is no whole number")
                object.__setattr__(self, name, int(number))
        for name in ("candidate", "assay", "plate", "well", "measured_at", "file"):
            text = getattr(self, name)
            if type(text) is not str:
                if not isinstance(text, str):
                    raise self._refused(f"{name} {text!r} is no text")
                object.__setattr__(self, name, str(text))

    def _refused(self, problem: str) -> MeasurementError:
        return MeasurementError(f"{self.assay} of {self.candidate}: {problem}.")
