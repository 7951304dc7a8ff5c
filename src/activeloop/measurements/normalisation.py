"""Readings normalised to the controls of their plate, and the shifts between plates that are left."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from activeloop.errors import MeasurementError
from activeloop.measurements.checks import ControlWells, z_prime
from activeloop.measurements.curves import PRIORS, Prior
from activeloop.measurements.effects import plate_effects
from activeloop.words import shown_number

#: what a response is: percent of the negative control; percent of the effect of the positive one, downwards or upwards;
#: normalised growth rate (Hafner et al. 2016); as it stands
Response = Literal["viability", "inhibition", "activation", "growth-rate", "raw"]
Role = Literal["sample", "negative", "positive", "time zero", "unused"]
#: controls of which a dead one counts less: from so many on their median is taken
MANY = 5
#: standard deviation of a well of a compound without effect around the controls, in % of them: its place on the plate
PLACE = 3.0


class Well(NamedTuple):
    """One reading.

    Args:
        row: of the table, as a spreadsheet counts it.
        compound, cells: as the file names them.
        dose: in the unit of all; 0 of a control.
        value: as it was read.
        role: of the well.
        plate, well: names, "" where the file has none.
        response: after normalisation; NaN of a control.
    """

    row: int
    compound: str
    cells: str
    dose: float
    value: float
    role: Role
    plate: str
    well: str
    response: float = math.nan


def normalised(
    wells: list[Well], response: Response, scaled: bool, file: str, notes: list[str]
) -> tuple[list[Well], dict[tuple[str, str], Prior], list[str]]:
    """Wells with their responses; the prior of each plate and cells; and sentences on the controls.

    Args:
        wells: of one file.
        response: what the readings are turned into.
        scaled: whether they are that already.
        file: its name, for messages.
        notes: sentences on what was assumed are added to it.

    Raises:
        MeasurementError: a plate has no controls, or they do not differ.
    """
    by_cells = all(w.cells for w in wells if w.role in ("negative", "positive", "time zero"))
    groups: dict[tuple[str, str], list[int]] = {}
    for k, well in enumerate(wells):
        groups.setdefault((well.plate, well.cells if by_cells else ""), []).append(k)
    out, priors, checks = list(wells), dict[tuple[str, str], Prior](), list[str]()
    without: list[str] = []
    for key, members in groups.items():
        if not any(wells[k].role == "sample" for k in members):
            continue
        where = " of ".join(filter(None, (key[1], f"plate {key[0]}" if key[0] else ""))) or "the file"
        roles = {
            role: np.array([wells[k].value for k in members if wells[k].role == role])
            for role in ("negative", "positive", "time zero")
        }
        start, end, prior, words = _scale(roles, response, scaled, where, file, notes)
        checks += words
        if start is None:
            without.append(where)
        for k in members:
            if wells[k].role == "sample":
                out[k] = wells[k]._replace(response=end(wells[k].value))
        for k in members:
            priors[(wells[k].plate, wells[k].cells)] = prior
    if without and response != "raw":
        notes.append(f"no control wells in {', '.join(without[:4])}: the readings were taken as normalised.")
    return out, priors, checks


def _scale(
    roles: Mapping[str, np.ndarray], response: Response, scaled: bool, where: str, file: str, notes: list[str]
) -> Any:
    """(middle of the negative control or None, value -> response, prior, sentences) of one plate."""
    negative, positive, zero = roles["negative"], roles["positive"], roles["time zero"]
    base = PRIORS.get(response)
    if response == "raw" or scaled:
        if base is None:
            base = Prior(math.nan, math.nan, math.nan, math.nan, math.nan)
        if len(negative):
            spread = float(negative.std(ddof=1)) if len(negative) > 1 else math.nan
            error = math.hypot(spread / math.sqrt(len(negative)) if spread == spread else base.start_sd, PLACE)
            if response != "raw":
                base = base._replace(start=_middle(negative), start_sd=min(error, base.start_sd))
            else:
                base = base._replace(start=_middle(negative), start_sd=spread)
        return (_middle(negative) if len(negative) else None), float, base, []
    assert base is not None
    if not len(negative):
        raise _error(
            file,
            f"{where} has no negative control (wells at dose 0, or marked DMSO, vehicle, untreated). Mark them, "
            "name them (--negative WORD), or, if readings are normalised already, write `viability (%)` or "
            "`inhibition (%)` as the name of their column.",
        )
    middle = _middle(negative)
    if not len(positive) and response == "activation":
        raise _error(file, f"{where} has no positive control, the full effect of an activation (--positive WORD).")
    full = _middle(positive) if len(positive) else 0.0
    spread = float(negative.std(ddof=1)) if len(negative) > 1 else 0.0
    other = float(positive.std(ddof=1)) if len(positive) > 1 else 0.0
    if abs(middle - full) <= 2 * math.hypot(spread, other) or middle == full:
        raise _error(
            file,
            f"the controls of {where} do not differ: negative {shown_number(middle, 4)}, positive "
            f"{shown_number(full, 4)}. Was a column of wells swapped or a control misplaced?",
        )
    words: list[str] = []
    if len(positive) > 1 and len(negative) > 1:
        pair = [ControlWells("", "", "", len(v), _middle(v), float(v.std(ddof=1))) for v in (negative, positive)]
        quality = z_prime(*pair)
        words.append(
            f"Controls of {where}: negative {shown_number(middle, 4)} ({len(negative)}), positive "
            f"{shown_number(full, 4)} ({len(positive)}), Z' {quality:.2f}"
            f"{' (below 0.5: readings are noisy)' if quality < 0.5 else ''}."
        )
    elif not len(positive):
        _no_positive(notes)
    error = 100 * spread / abs(middle - full) / math.sqrt(len(negative))
    prior = base._replace(start_sd=math.hypot(error if len(negative) > 1 else 5.0, PLACE))
    if response == "growth-rate":
        if not len(zero):
            raise _error(
                file, f"{where} has no readings at time zero (kind `time zero`), without which there is no growth rate."
            )
        begin = _middle(zero) - full
        grown = math.log2(max(middle - full, 1e-300) / begin) if begin > 0 else 0.0
        if grown <= 0.1:
            raise _error(
                file,
                f"the controls of {where} did not grow ({shown_number(begin, 4)} at time zero, "
                f"{shown_number(middle - full, 4)} at the end): there is no growth rate.",
            )
        floor = begin * 2.0**-20

        def growth(value: float) -> float:
            return 100 * (2.0 ** (math.log2(max(value - full, floor) / begin) / grown) - 1)

        return middle, growth, prior, words
    if response == "viability":
        return middle, lambda value: 100 * (value - full) / (middle - full), prior, words
    return middle, lambda value: 100 * (middle - value) / (middle - full), prior, words


def _no_positive(notes: list[str]) -> None:
    note = "No positive control or blank: a reading of 0 was taken as the full effect."
    if note not in notes:
        notes.append(note)


def _error(file: str, problem: str) -> MeasurementError:
    return MeasurementError(f"{problem} Nothing was fitted.", file=file)


def without_shifts(wells: list[Well], response: Response, notes: list[str]) -> list[Well]:
    """Wells without the shifts that plates have against each other, where the same dose stands on several."""
    samples = [k for k, well in enumerate(wells) if well.role == "sample"]
    plates = {name: i for i, name in enumerate(dict.fromkeys(wells[k].plate for k in samples))}
    if len(plates) < 2:
        return wells
    keys: dict[tuple[str, str, float], int] = {}
    codes = np.array(
        [keys.setdefault((w.compound, w.cells, w.dose), len(keys)) for w in map(wells.__getitem__, samples)]
    )
    plate = np.array([plates[wells[k].plate] for k in samples])
    effects = plate_effects(np.array([wells[k].response for k in samples]), codes, plate, len(plates))
    apart = float(np.ptp(effects.shifts))
    if not apart:
        return wells
    for k, number in zip(samples, plate, strict=True):
        wells[k] = wells[k]._replace(response=wells[k].response - float(effects.shifts[number]))
    notes.append(
        f"Normalised plates differ by up to {shown_number(apart, 2)}{'' if response == 'raw' else ' %'} at the "
        "same doses; these shifts were taken out."
    )
    return wells


def own_prior(found: list[Prior], responses: np.ndarray, response: Response) -> Prior:
    """The prior of a series from those of its plates; of a raw one from its own readings."""
    first = found[0]
    if response != "raw":
        start = float(np.mean([p.start for p in found]))
        error = float(np.mean([p.start_sd for p in found]))
        return first._replace(start=start, start_sd=error)
    low, high = float(responses.min()), float(responses.max())
    starts = [p.start for p in found if not math.isnan(p.start)]
    if starts:
        low, high = min(low, *starts), max(high, *starts)
    width = (high - low) or abs(high) or 1.0
    start = float(np.mean(starts)) if starts else (low + high) / 2
    spreads = [p.start_sd for p in found if not math.isnan(p.start_sd)]
    start_sd = math.hypot(float(np.mean(spreads)), 0.03 * width) if starts and spreads else width
    level = max(float(np.abs(responses).mean()), width / 3)  # readings of a signal vary by a share of it
    return Prior(start, start_sd, (low + high) / 2, width, math.nan, level / 100)


def _middle(values: np.ndarray) -> float:
    return float(np.median(values) if len(values) >= MANY else values.mean())
