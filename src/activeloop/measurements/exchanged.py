"""Doses in each other's place: two columns, rows or steps of a dilution exchanged, or all in the reverse order."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.stats import rankdata

from activeloop.measurements.curves import Curve, most_probable
from activeloop.measurements.doses import DoseReadings
from activeloop.measurements.wells import parse_well

#: groups of a plate whose readings lie farthest from their curves, of which each pair is tried
TRIED = 6
#: curves that an exchange must mend, share of those that it touches, and share of their squares that may be left
CURVES, MENDED, LEFT = 3, 0.75, 0.3


@dataclass(frozen=True)
class Exchange:
    """Two groups of wells of a plate whose curves fit far better with their contents exchanged.

    Args:
        plate: its name, "" when the file names none.
        what: `columns`, `rows` or `doses`.
        first, second: names of the groups.
        curves: how many it mends.
        before, after: standard deviation around these curves, on the scale of the responses.
    """

    plate: str
    what: str
    first: str
    second: str
    curves: int
    before: float
    after: float


def exchanges(readings: DoseReadings, curves: Sequence[Curve]) -> list[Exchange]:
    """The most telling exchange of each plate that has one.

    A pair counts where at least three curves, and three quarters of those it touches, fit better with their wells
    exchanged, and less than 30 % of their squared distances is left.

    Args:
        readings: of one file.
        curves: one for each of their series.
    """
    plates: dict[str, list[int]] = {}
    for k, (well, number) in enumerate(zip(readings.wells, readings.series_of, strict=True)):
        if number >= 0:
            plates.setdefault(well.plate, []).append(k)
    squares = np.full(len(readings.wells), math.nan)
    for number, curve in enumerate(curves):
        own = np.flatnonzero(readings.series_of == number)
        doses = np.array([readings.wells[k].dose for k in own])
        responses = np.array([readings.wells[k].response for k in own])
        squares[own] = np.square((responses - curve.at(doses)) / curve.series.prior.unit)
    # a curve that fits well has a noise of a few percent of its scale: nothing is looked for there
    found = []
    for plate, members in plates.items():
        if len(members) >= 3 * CURVES and float(np.mean(squares[members])) > 8.0**2:
            found += _of_plate(readings, curves, plate, members, squares)
    return found


#: percent of the full effect that the lowest doses of a curve that runs backwards have, and that the highest lack
MUCH, FALL, RANKS = 40.0, 30.0, -0.7


@dataclass
class Direction:
    """How the effects of a plate run.

    Args:
        falling: compound -> its effect at the lowest and at the highest doses, where that falls with the dose.
        rising: how many others have an effect that rises.
    """

    falling: dict[str, tuple[float, float]] = field(default_factory=dict)
    rising: int = 0


def directions(readings: DoseReadings) -> dict[str, Direction]:
    """Plate -> how its effects run with the dose; of raw readings nothing is known.

    An effect falls where the two lowest doses have two fifths of the full one or more, the two highest 30 % less, and
    the ranks of doses and effects agree to -0.7 at least.

    Args:
        readings: of one file.
    """
    found: dict[str, Direction] = {}
    if readings.response == "raw":
        return found
    groups: dict[tuple[str, int], list[int]] = {}
    for k, (well, number) in enumerate(zip(readings.wells, readings.series_of.tolist(), strict=True)):
        if number >= 0:
            groups.setdefault((well.plate, number), []).append(k)
    downwards = readings.response in ("viability", "growth-rate")
    for (plate, number), members in groups.items():
        doses, level = np.unique([readings.wells[k].dose for k in members], return_inverse=True)
        if len(doses) < 4:
            continue
        responses = np.array([readings.wells[k].response for k in members])
        effects = np.bincount(level, 100 - responses if downwards else responses) / np.bincount(level)
        low, high = float(effects[:2].mean()), float(effects[-2:].mean())
        direction = found.setdefault(plate, Direction())
        ranks = float(np.corrcoef(np.arange(len(doses)), rankdata(effects))[0, 1]) if np.ptp(effects) else 0.0
        if low >= MUCH and low - high >= FALL and ranks <= RANKS:
            direction.falling[readings.series[number].name] = (low, high)
        direction.rising += high - low >= FALL
    return found


def _of_plate(
    readings: DoseReadings, curves: Sequence[Curve], plate: str, members: list[int], squares: np.ndarray
) -> list[Exchange]:
    best: Exchange | None = None
    places = {k: parse_well(readings.wells[k].well) for k in members}
    partitions: list[tuple[str, Callable[[int], object]]] = [("doses", lambda k: readings.wells[k].dose)]
    if all(places.values()):
        partitions[:0] = [("columns", lambda k: places[k][1] + 1), ("rows", lambda k: places[k][0])]  # type: ignore[index]
    for what, group_of in partitions:
        groups: dict[object, list[int]] = {}
        for k in members:
            groups.setdefault(group_of(k), []).append(k)
        worst = sorted(groups, key=lambda g: -float(squares[groups[g]].mean()))[:TRIED]
        for i, first in enumerate(worst):
            for second in worst[i + 1 :]:
                tried = _tried(readings, curves, what, groups, first, second, places)
                if tried and (best is None or tried[0] * tried[1] > best.curves * best.before):
                    names = sorted((first, second), key=str) if what == "rows" else sorted((first, second))  # type: ignore[type-var]
                    shown = [_shown(name, what, readings.unit) for name in names]
                    best = Exchange(plate, what, shown[0], shown[1], *tried)
        if best is not None:
            break
    return [] if best is None else [best]


def _tried(
    readings: DoseReadings,
    curves: Sequence[Curve],
    what: str,
    groups: dict[object, list[int]],
    first: object,
    second: object,
    places: dict[int, tuple[int, int] | None],
) -> tuple[int, float, float] | None:
    """(curves mended, standard deviation before, after) of an exchange; None where it does not count."""
    wells = readings.wells
    holds: dict[int, tuple[int, float]] = {}  # well -> series and dose by the exchange
    if what == "doses":
        doses = {first: second, second: first}
        for name in (first, second):
            for k in groups[name]:
                holds[k] = int(readings.series_of[k]), float(doses[name])  # type: ignore[arg-type]
    else:
        across = 0 if what == "columns" else 1
        by_line = {places[k][across]: k for k in groups[second]}  # type: ignore[index]
        for k in groups[first]:
            other = by_line.get(places[k][across])  # type: ignore[index]
            if other is None:
                return None
            holds[k] = int(readings.series_of[other]), wells[other].dose
            holds[other] = int(readings.series_of[k]), wells[k].dose
    touched = sorted({int(readings.series_of[k]) for k in holds} | {number for number, _ in holds.values()})
    if len(touched) < CURVES:
        return None
    before, after, counts, mended = 0.0, 0.0, 0, 0
    for number in touched:
        series = curves[number].series
        old = float(np.square(series.responses - curves[number].at(series.doses)).sum())
        own = [k for k in np.flatnonzero(readings.series_of == number).tolist() if k not in holds]
        own += [k for k, (held, _) in holds.items() if held == number]
        doses = np.array([holds[k][1] if k in holds else wells[k].dose for k in own])
        responses = np.array([wells[k].response for k in own])
        tried = replace(series, doses=doses, responses=responses)
        new = float(np.square(responses - most_probable(tried, curves[number].noise)(doses)).sum())
        before, after, counts, mended = before + old, after + new, counts + len(own), mended + (new < 0.7 * old)
    if mended < CURVES or mended < MENDED * len(touched) or after > LEFT * before:
        return None
    return mended, math.sqrt(before / counts), math.sqrt(after / counts)


def _shown(name: object, what: str, unit: str) -> str:
    if what == "rows":
        from activeloop.tables.grids import row_letters

        return row_letters(int(name))  # type: ignore[call-overload]
    return f"{name:g} {unit}" if what == "doses" else str(name)
