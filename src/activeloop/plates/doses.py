"""Doses on a plate: each replicate of a candidate gets another dose, from the stocks that there are."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from activeloop.errors import PlateError
from activeloop.plates.picklists import MOST, Source, Sources, Transfer, read_dose, shown_volume
from activeloop.plates.plate import Plate, Well
from activeloop.words import some

TOLERANCE = 0.1
"""Share by which the dose of a well may differ from the one that is asked for, since droplets have a size."""


@dataclass(frozen=True)
class DoseSeries:
    """Doses of a candidate.

    Args:
        doses: in µM; the first replicate of a candidate gets the first, and so on, and then again from the first.
        volume: of a well at the end, in µL.
        stock: concentration of stocks that state none, in µM; NaN when they all do.
    """

    doses: tuple[float, ...]
    volume: float
    stock: float = math.nan


@dataclass(frozen=True)
class Dispenser:
    """What a robot dispenses, in µL.

    Args:
        name: of it, for messages.
        least: smallest volume of one transfer.
        most: largest.
        step: volumes are multiples of it; 0 for any.
    """

    name: str
    least: float
    most: float
    step: float = 0.0

    def volume(self, wanted: float) -> float:
        """The volume nearest to one that is wanted; NaN where none is near enough."""
        near = round(wanted / self.step) * self.step if self.step else wanted
        fits = self.least - 1e-9 <= near <= self.most + 1e-9 and abs(near - wanted) <= TOLERANCE * wanted
        return near if fits else math.nan


@dataclass(frozen=True)
class DosedPlates:
    """What goes where so that wells have doses.

    Args:
        transfers: in the order of their sources; vehicle last.
        doses: (plate, well, what it holds, its dose in µM): 0 of controls.
        vehicle: largest volume of stock and vehicle in a well, in µL.
        unequal: whether wells hold different volumes of vehicle, since it stands nowhere or is too little to dispense.
    """

    transfers: tuple[Transfer, ...]
    doses: tuple[tuple[Plate, str, Well, float], ...]
    vehicle: float
    unequal: bool


def read_series(text: str) -> tuple[float, ...]:
    """Doses in µM, from a list or from the highest, the dilution and the number.

    Raises:
        PlateError: it is neither, or a dose twice.

    >>> read_series("10 uM, 1:10, 3"), read_series("0.1, 1, 10 uM")
    ((10.0, 1.0, 0.1), (0.1, 1.0, 10.0))
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    series = re.fullmatch(r"1\s*:\s*(\d+(?:\.\d+)?)", parts[1]) if len(parts) == 3 else None
    if series and parts[2].isdigit():
        top, factor, count = read_dose(parts[0]), float(series[1]), int(parts[2])
        if factor <= 1 or not 2 <= count <= 48:
            raise PlateError(f'"{text}": dilute by more than 1, 2 to 48 times, such as "10 uM, 1:3, 8".')
        return tuple(float(f"{top / factor**i:.12g}") for i in range(count))
    unit = parts[-1].lstrip("0123456789.eE+- ") if parts else ""
    doses = tuple(read_dose(part, unit) for part in parts)
    if not doses or len(set(doses)) < len(doses):
        raise PlateError(f'"{text}" are no doses: write "10 uM, 1:3, 8" or "0.1, 1, 10 uM", each once.')
    return doses


def dosed(
    plates: Sequence[Plate], series: DoseSeries, robot: Dispenser, sources: Sources, *, dead_volume: float = 0.0
) -> DosedPlates:
    """What goes where so that each replicate of a candidate has another dose, checked before anything moves.

    A dose is the stock's concentration times its share of the well's final volume. Of several stocks of a candidate the
    one is taken of which the least is needed and can be dispensed. Vehicle, which stands where the control does, makes
    its volume the same in all wells; control wells get it alone.

    Args:
        plates: those of a proposal together: they share their stocks.
        series: what is wanted.
        robot: what it dispenses.
        sources: where stocks stand, and the vehicle under the name of the control.
        dead_volume: that stays in a source well, in µL, where its volume is known.

    Raises:
        PlateError: replicates and doses do not agree, a stock or its concentration is missing, a dose cannot be made of
            the stocks that there are, a stock holds too little, or a well cannot hold so much. Nothing was written.
    """
    wells = [(plate, name, well) for plate in plates for name, well in plate.wells.items()]
    _check(plates, series, wells)
    count = len(series.doses)
    taken: dict[tuple[str, str], float] = {}
    moves, made, held = list[Transfer](), list[tuple[Plate, str, Well, float]](), dict[tuple[str, str], float]()
    for plate, name, well in wells:
        held[plate.id, name] = 0.0
        if well.control:
            made.append((plate, name, well, 0.0))
            continue
        dose = series.doses[(well.replicate - 1) % count]
        source, volume = _stock(well.candidate, plate, dose, series, robot, sources, taken, dead_volume)
        moves.append(Transfer(source, plate, name, well, volume))
        held[plate.id, name] = volume
        made.append((plate, name, well, volume * _strength(source, series) / series.volume))
    most = max(held.values(), default=0.0)
    filled, unequal = _vehicle(wells, held, most, robot, sources, taken, dead_volume)
    moves.sort(key=lambda t: (t.source.plate, t.source.well))
    return DosedPlates((*moves, *filled), tuple(made), most, unequal)


def _check(plates: Sequence[Plate], series: DoseSeries, wells: Sequence[tuple[Plate, str, Well]]) -> None:
    count = len(series.doses)
    last: dict[str, int] = {}
    for _, _, well in wells:
        if not well.control:
            last[well.candidate] = max(last.get(well.candidate, 0), well.replicate)
    if wrong := [name for name, most in last.items() if most % count]:
        have = last[wrong[0]]
        more = f" So it is with {len(wrong) - 1} more." if len(wrong) > 1 else ""
        raise PlateError(
            f"{wrong[0]} has {have} wells for {count} doses.{more} Lay the plate out with --replicates {count}, or a "
            "multiple of it. Nothing was written."
        )
    most = min((MOST[p.size] for p in plates), default=math.inf)
    if not 0 < series.volume <= most:
        raise PlateError(
            f"{shown_volume(series.volume)} for each well: it holds at most {shown_volume(most)}. Nothing was written."
        )


def _wells_of(sources: Sources, name: str) -> Sequence[Source]:
    found = sources.get(name, ())
    return [found] if isinstance(found, Source) else found


def _strength(source: Source, series: DoseSeries) -> float:
    return series.stock if math.isnan(source.concentration) else source.concentration


def _stock(
    name: str,
    plate: Plate,
    dose: float,
    series: DoseSeries,
    robot: Dispenser,
    sources: Sources,
    taken: dict[tuple[str, str], float],
    dead: float,
) -> tuple[Source, float]:
    """The stock of which a dose is made, and its volume; it is taken."""
    called, stocks = plate.called(name), _wells_of(sources, name)
    if not stocks:
        raise PlateError(
            f"{called} has no source well: add it to the table of sources (--sources). Nothing was written."
        )
    if unknown := next((s for s in stocks if math.isnan(_strength(s, series))), None):
        raise PlateError(
            f"the concentration of {called} in {unknown.well} of {unknown.plate} is not known: say --stock 10mM, or "
            "add a column of it to the table of sources (concentration (mM)). Nothing was written."
        )
    wanted = [(dose * series.volume / _strength(s, series), s) for s in stocks]
    able = sorted(
        ((robot.volume(v), s) for v, s in wanted if not math.isnan(robot.volume(v)) and v < series.volume),
        key=lambda one: one[0],
    )
    if not able:
        each = some([f"{shown_volume(float(f'{v:.3g}'))} of {_strength(s, series):g} µM" for v, s in wanted], 3)
        raise PlateError(
            f"{dose:g} µM of {called} in {shown_volume(series.volume)} needs {each}, and {robot.name} dispenses "
            f"{shown_volume(robot.least)} to {shown_volume(robot.most)}"
            f"{f' in steps of {shown_volume(robot.step)}' if robot.step else ''}. Prepare a stock of "
            f"{dose * series.volume / max(robot.least * 5, robot.step * 10):.3g} µM or so and name its well, too "
            "(--sources FILE with a column concentration), or leave the dose out. Nothing was written."
        )
    for volume, source in able:
        if volume <= _left(source, taken, dead):
            key = (source.plate, source.well)
            taken[key] = taken.get(key, 0.0) + volume
            return source, volume
    places = " and ".join(f"{s.well} of {s.plate} ({shown_volume(s.volume)})" for _, s in able[:3])
    raise PlateError(f"the stocks of {called} hold too little for these doses: {places}. Nothing was written.")


def _vehicle(
    wells: Sequence[tuple[Plate, str, Well]],
    held: dict[tuple[str, str], float],
    most: float,
    robot: Dispenser,
    sources: Sources,
    taken: dict[tuple[str, str], float],
    dead: float,
) -> tuple[list[Transfer], bool]:
    """Vehicle for wells that hold less than the most, and whether some stay unequal all the same."""
    controls = dict.fromkeys(well.candidate for _, _, well in wells if well.control)
    stocks = [(name, source) for name in controls for source in _wells_of(sources, name)]
    moves, unequal = list[Transfer](), False
    for plate, name, well in wells:
        volume = robot.volume(most - held[plate.id, name])
        own = [(n, s) for n, s in stocks if not well.control or n == well.candidate]
        found = next(((n, s) for n, s in own if volume <= _left(s, taken, dead)), None)
        if found is not None:
            vehicle, source = found
            taken[source.plate, source.well] = taken.get((source.plate, source.well), 0.0) + volume
            moves.append(Transfer(source, plate, name, well, volume, vehicle))
        elif most - held[plate.id, name] > 1e-9:
            unequal = True
    return moves, unequal


def _left(source: Source, taken: dict[tuple[str, str], float], dead: float) -> float:
    """What can still be taken from a well; a hundredth of a nL is rounding."""
    if math.isnan(source.volume):
        return math.inf
    return source.volume - dead - taken.get((source.plate, source.well), 0.0) + 1e-5
